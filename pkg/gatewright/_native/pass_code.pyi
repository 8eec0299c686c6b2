from collections.abc import Sequence
from typing import final

from typing_extensions import disjoint_base

_Places = Sequence[int]

@final
class Opcodes:
    def __new__(
        cls,
        shapes: Sequence[
            tuple[_Places, _Places, _Places, _Places, _Places, int, int, bool]
        ],
        opposites: Sequence[int],
        unequal: int,
    ) -> Opcodes: ...

@disjoint_base
class Code:
    def __new__(cls, opcodes: Opcodes) -> Code: ...

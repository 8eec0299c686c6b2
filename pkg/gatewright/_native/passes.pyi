from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar, final

_I = TypeVar("_I", bound=tuple[int, tuple[int, ...]])
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

@final
class Passes:
    def __new__(cls, opcodes: Opcodes) -> Passes: ...
    def run(
        self,
        names: Iterable[str],
        code: Sequence[_I],
        *,
        registers: int,
        params: int,
        calls: Sequence[int],
        constant: Callable[[], int],
        make: Callable[[tuple[int, tuple[int, ...]]], _I],
    ) -> tuple[list[_I], list[int], int]: ...

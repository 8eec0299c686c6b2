from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar, final

from gatewright._native.pass_code import Code

_I = TypeVar("_I", bound=tuple[int, tuple[int, ...]])

@final
class Passes(Code):
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

"""`regex.match` without Python: patterns as tables."""

from collections.abc import Callable
from typing import Protocol

class _Tables(Protocol):
    @property
    def states(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def classes(self) -> bytes: ...
    @property
    def next(self) -> bytes: ...
    @property
    def flags(self) -> bytes: ...

def set_regex(
    learn: Callable[[bytes], _Tables | None],
    match: Callable[[bytes, bytes], bool],
) -> None: ...

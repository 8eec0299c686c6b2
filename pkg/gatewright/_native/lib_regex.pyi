"""`regex.match` without Python: patterns as tables."""

from collections.abc import Callable
from typing import Protocol

class _Tables(Protocol):
    states: int
    width: int
    classes: bytes
    next: bytes
    flags: bytes

def set_regex(
    compile: Callable[[bytes], _Tables | None],
    match: Callable[[bytes, bytes], bool],
) -> None: ...

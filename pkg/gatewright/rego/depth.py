"""How deep Python may recurse while a tree is read, compiled, planned or searched.

Python's limit (1,000 frames at first) is one for the whole process, so it is raised
only while such work is under way, and by count: whoever comes first raises it, whoever
leaves last puts it back, in whatever order threads come and go.  A limit that somebody
else has set meanwhile stays.

The frames are those of Python code, which lie on the heap.  Of the thread's own stack a
tree of the greatest depth that the parser lets pass (`parser_cursor.MAX_DEPTH`) takes
less than a megabyte: tests/rego_parse/test_depth.py runs every construct on that much.
Values are another matter: the compiled code that makes them recurses on the stack, and
10,000 levels take up to 8 MiB.  So callers of the library ask for `deep` themselves.
"""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, ParamSpec, TypeVar

__all__ = ["FRAMES", "deep", "deeply"]

#: `MAX_DEPTH` levels of nesting at some ten frames each, and what called.
FRAMES: Final = 16_000

P = ParamSpec("P")
R = TypeVar("R")


class _Limit:
    """The limit of the process: what it was before, and who needs how much."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wanted: list[int] = []
        self._before = 0
        self._ours = 0

    def enter(self, frames: int) -> None:
        with self._lock:
            self._wanted.append(frames)
            self._settle()

    def leave(self, frames: int) -> None:
        with self._lock:
            self._wanted.remove(frames)
            self._settle()

    def _settle(self) -> None:
        limit = sys.getrecursionlimit()
        if limit != self._ours:  # somebody else's, which stays
            self._before, self._ours = limit, 0
        target = max([self._before, *self._wanted])
        if target != limit:
            try:
                sys.setrecursionlimit(target)
            except RecursionError:  # called too deep to lower it: the next one will
                target = limit
        self._ours = target if target > self._before else 0


_LIMIT: Final = _Limit()


@contextmanager
def deep(frames: int = FRAMES) -> Iterator[None]:
    """While it is open, Python may recurse at least `frames` deep, in all threads."""
    _LIMIT.enter(frames)
    try:
        yield
    finally:
        _LIMIT.leave(frames)


def deeply(function: Callable[P, R]) -> Callable[P, R]:
    """Have a function run with `FRAMES` frames."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        with deep():
            return function(*args, **kwargs)

    return run

"""Waiting until files change: `test --watch`."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

__all__ = ["changed", "stamps"]

#: Seconds between two looks.
_PAUSE: Final = 0.3

#: What files are known by: inode, size, time of the last change (ns).
Stamps: TypeAlias = dict[str, tuple[int, int, int]]


def stamps(paths: Sequence[str]) -> Stamps:
    """All files at and below some paths, as they are now; `prefix:path` is a path."""
    return {file: stamp for path in paths for file, stamp in _below(path)}


def _below(path: str) -> Iterator[tuple[str, tuple[int, int, int]]]:
    if not os.path.exists(path):
        path = path.partition(":")[2].removeprefix("//") or path
    if os.path.isdir(path):
        for folder, _, names in os.walk(path):
            for name in names:
                yield from _one(os.path.join(folder, name))
    else:
        yield from _one(path)


def _one(path: str) -> Iterator[tuple[str, tuple[int, int, int]]]:
    try:
        about = os.stat(path)
    except OSError:  # gone, which is a change by itself
        return
    yield path, (about.st_ino, about.st_size, about.st_mtime_ns)


def changed(paths: Sequence[str], before: Stamps) -> Stamps:
    """Wait until files differ from `before`; how they are then."""
    while True:
        time.sleep(_PAUSE)
        now = stamps(paths)
        if now != before:
            return now

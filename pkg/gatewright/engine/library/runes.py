"""Sets of characters as ranges of code points, both ends included."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

__all__ = ["Ranges", "united"]

#: Sorted, disjoint, inclusive ranges of code points (or of bytes).
Ranges: TypeAlias = tuple[tuple[int, int], ...]


def united(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """The same characters as ranges in order that do not touch."""
    out: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if out and low <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(high, out[-1][1]))
        else:
            out.append((low, high))
    return tuple(out)

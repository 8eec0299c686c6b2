"""The order of equal results: that of Go's sort.Slice, which is visible in answers.

Up to 12 elements it is stable.  Above that equal elements are permuted in a way that
depends on their number and places only; the compiled module follows Go's algorithm.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from gatewright._native.admission import sorted_places

__all__ = ["sort_like_go"]

T = TypeVar("T")

_STABLE_MAX: Final = 12


def sort_like_go(items: list[T], key: Callable[[T], Any]) -> list[T]:
    """Return `items` in the order that sort.Slice gives them; keys are hashable."""
    if len(items) <= _STABLE_MAX:
        return sorted(items, key=key)
    keys = [key(item) for item in items]
    ordered = sorted(set(keys))
    if len(ordered) == len(keys):
        # Without equal elements every sort gives the same.
        return [items[i] for i in sorted(range(len(keys)), key=keys.__getitem__)]
    rank = {one: number for number, one in enumerate(ordered)}
    return [items[i] for i in sorted_places([rank[one] for one in keys])]

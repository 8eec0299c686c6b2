"""Go's sort.Slice, whose order of equal elements is visible in answers.

Up to 12 elements it is an insertion sort and so stable.  Above that it is
pattern-defeating quicksort, which permutes equal elements in a way that depends
on their number and places only.  Denials of many constraints with one message
come out in that order, so the algorithm is followed step by step.  Source of
behaviour: Go's package sort (Orson Peters' pdqsort).
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Final, TypeVar

__all__ = ["sort_like_go"]

T = TypeVar("T")
_first = operator.itemgetter(0)

_INSERTION_MAX: Final = 12
_NINTHER_MIN: Final = 50
_MAX_SWAPS: Final = 12
_UNKNOWN, _INCREASING, _DECREASING = range(3)


def sort_like_go(items: list[T], key: Callable[[T], Any]) -> list[T]:
    """Return `items` in the order that sort.Slice gives them; keys are hashable."""
    if len(items) <= _INSERTION_MAX:
        return sorted(items, key=key)
    keys = [key(item) for item in items]
    ordered = sorted(set(keys))
    if len(ordered) == len(keys):
        # Without equal elements every sort gives the same.
        return [items[i] for i in sorted(range(len(keys)), key=keys.__getitem__)]
    rank = {one: number for number, one in enumerate(ordered)}
    sorting = _Sorting([rank[one] for one in keys])
    sorting.quick(0, len(items), len(items).bit_length())
    return [items[i] for i in sorting.places]


class _Sorting:
    """One run over ranks, small integers; `places` says where each came from."""

    def __init__(self, ranks: list[int]) -> None:
        self.ranks = ranks
        self.places = list(range(len(ranks)))

    def less(self, i: int, j: int) -> bool:
        return self.ranks[i] < self.ranks[j]

    def swap(self, i: int, j: int) -> None:
        ranks, places = self.ranks, self.places
        ranks[i], ranks[j] = ranks[j], ranks[i]
        places[i], places[j] = places[j], places[i]

    def insertion(self, a: int, b: int) -> None:
        # It is stable, so a stable sort of the stretch does the same.
        ranks, places = self.ranks, self.places
        pairs = sorted(zip(ranks[a:b], places[a:b], strict=True), key=_first)
        ranks[a:b] = [rank for rank, _ in pairs]
        places[a:b] = [place for _, place in pairs]

    def sift(self, low: int, high: int, first: int) -> None:
        root = low
        while True:
            child = 2 * root + 1
            if child >= high:
                return
            if child + 1 < high and self.less(first + child, first + child + 1):
                child += 1
            if not self.less(first + root, first + child):
                return
            self.swap(first + root, first + child)
            root = child

    def heap(self, a: int, b: int) -> None:
        high = b - a
        for i in range((high - 1) // 2, -1, -1):
            self.sift(i, high, a)
        for i in range(high - 1, -1, -1):
            self.swap(a, a + i)
            self.sift(0, i, a)

    def quick(self, a: int, b: int, limit: int) -> None:
        balanced = partitioned = True
        while True:
            length = b - a
            if length <= _INSERTION_MAX:
                self.insertion(a, b)
                return
            if limit == 0:
                self.heap(a, b)
                return
            if not balanced:
                self.break_patterns(a, b)
                limit -= 1
            pivot, hint = self.choose_pivot(a, b)
            if hint == _DECREASING:
                self.reverse(a, b)
                pivot = (b - 1) - (pivot - a)
                hint = _INCREASING
            if balanced and partitioned and hint == _INCREASING and self.almost(a, b):
                return
            if a > 0 and not self.less(a - 1, pivot):
                a = self.partition_equal(a, b, pivot)
                continue
            middle, partitioned = self.partition(a, b, pivot)
            left, right = middle - a, b - middle
            threshold = length // 8
            if left < right:
                balanced = left >= threshold
                self.quick(a, middle, limit)
                a = middle + 1
            else:
                balanced = right >= threshold
                self.quick(middle + 1, b, limit)
                b = middle

    def partition(self, a: int, b: int, pivot: int) -> tuple[int, bool]:
        swap, ranks = self.swap, self.ranks
        swap(a, pivot)
        middle = ranks[a]
        i, j = a + 1, b - 1
        partitioned = True
        while True:
            while i <= j and ranks[i] < middle:
                i += 1
            while i <= j and ranks[j] >= middle:
                j -= 1
            if i > j:
                break
            swap(i, j)
            partitioned = False
            i += 1
            j -= 1
        swap(j, a)
        return j, partitioned

    def partition_equal(self, a: int, b: int, pivot: int) -> int:
        self.swap(a, pivot)
        i, j = a + 1, b - 1
        while True:
            while i <= j and not self.less(a, i):
                i += 1
            while i <= j and self.less(a, j):
                j -= 1
            if i > j:
                return i
            self.swap(i, j)
            i += 1
            j -= 1

    def almost(self, a: int, b: int) -> bool:
        # Sorts what is nearly sorted with a few moves; tells whether it is done.
        i = a + 1
        for _ in range(5):
            while i < b and not self.less(i, i - 1):
                i += 1
            if i == b:
                return True
            if b - a < 50:
                return False
            self.swap(i, i - 1)
            if i - a >= 2:
                for j in range(i - 1, 0, -1):
                    if not self.less(j, j - 1):
                        break
                    self.swap(j, j - 1)
            if b - i >= 2:
                for j in range(i + 1, b):
                    if not self.less(j, j - 1):
                        break
                    self.swap(j, j - 1)
        return False

    def break_patterns(self, a: int, b: int) -> None:
        length = b - a
        if length < 8:
            return
        random = length
        modulus = 1 << length.bit_length()
        index = a + (length // 4) * 2 - 1
        for i in range(3):
            random ^= (random << 13) & 0xFFFFFFFFFFFFFFFF
            random ^= random >> 7
            random ^= (random << 17) & 0xFFFFFFFFFFFFFFFF
            other = random & (modulus - 1)
            if other >= length:
                other -= length
            self.swap(index + i, a + other)

    def choose_pivot(self, a: int, b: int) -> tuple[int, int]:
        length = b - a
        swaps = [0]
        i, j, k = (a + length // 4 * n for n in (1, 2, 3))
        if length >= _NINTHER_MIN:
            i, j, k = (self.median_around(x, swaps) for x in (i, j, k))
        if length >= 8:
            j = self.median(i, j, k, swaps)
        if swaps[0] == 0:
            return j, _INCREASING
        return j, _DECREASING if swaps[0] == _MAX_SWAPS else _UNKNOWN

    def median(self, a: int, b: int, c: int, swaps: list[int]) -> int:
        a, b = self.order(a, b, swaps)
        b, c = self.order(b, c, swaps)
        a, b = self.order(a, b, swaps)
        return b

    def order(self, a: int, b: int, swaps: list[int]) -> tuple[int, int]:
        if self.less(b, a):
            swaps[0] += 1
            return b, a
        return a, b

    def median_around(self, a: int, swaps: list[int]) -> int:
        return self.median(a - 1, a, a + 1, swaps)

    def reverse(self, a: int, b: int) -> None:
        i, j = a, b - 1
        while i < j:
            self.swap(i, j)
            i += 1
            j -= 1

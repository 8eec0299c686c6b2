"""The order in which Go's YAML library writes keys: numbers by value, signs first."""

from __future__ import annotations

from functools import cmp_to_key, partial
from typing import Final

__all__ = ["in_older_order", "in_order"]


def _is_digit(char: str) -> bool:
    return char.isdecimal()


def _number_at(text: str, at: int, carried: int) -> tuple[int, int]:
    # The number that begins there, and where it ends.
    number = carried
    while at < len(text) and _is_digit(text[at]):
        number = number * 10 + ord(text[at]) - ord("0")
        # As in 64 bits
        number = (number + (1 << 63) & (1 << 64) - 1) - (1 << 63)
        at += 1
    return number, at


def _compare(a: str, b: str, *, older: bool) -> int:
    digits = False
    for at, (x, y) in enumerate(zip(a, b, strict=False)):
        if x == y:
            digits = _is_digit(x)
            continue
        if x.isalpha() and y.isalpha():
            return -1 if x < y else 1
        if x.isalpha() or y.isalpha():
            return -1 if x.isalpha() == (digits and not older) else 1
        before = a[:at]
        run = before[len(before.rstrip("0123456789")) :]
        carried = int("0" in (x, y) and bool(run.strip("0")))
        left, right = _number_at(a, at, carried), _number_at(b, at, carried)
        if left != right:
            return -1 if left < right else 1
        return -1 if x < y else 1
    return len(a) - len(b)


#: Key functions for texts: `sorted(keys, key=in_order)`; OPA 1.17 has letters last
#: behind digits too.
in_order: Final = cmp_to_key(partial(_compare, older=False))
in_older_order: Final = cmp_to_key(partial(_compare, older=True))

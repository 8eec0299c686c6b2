r"""Tells whether two glob-like patterns share a string.

The language of `regex.globs_match`: characters, `.` for any, sets `[a-cx]`, each
with `+` or `*` after it; `\` takes away a meaning. The answer is the one of OPA's
search, which looks ahead by one token behind a repeated one, so it can be false
where a shared string needs two starred tokens to vanish, and true in rare cases where
there is none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from gatewright.engine.library.budget import LINE, charge
from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.gofmt import Fault, sprintf
from gatewright.engine.library.runes import Ranges, united

__all__ = ["intersect"]

_INVALID: Final = Fault("the input provided is invalid")
#: Bytes that are no UTF-8 are one character to Go.
_BYTE: Final = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class _Token:
    """`ranges` None: any character; `flag`: "", "+" or "*"; `listed`: a set."""

    ranges: Ranges | None
    listed: bool = False
    flag: str = ""

    def meets(self, other: _Token) -> bool:
        if self.ranges is None or other.ranges is None:
            return True
        return any(
            low <= upper and lower <= high
            for low, high in self.ranges
            for lower, upper in other.ranges
        )


Tokens = list[_Token]


def intersect(first: str, second: str) -> bool:
    """Tell whether the patterns intersect; BuiltinError for a malformed one."""
    trimmed = _trim(_merge(_tokens(first)), _merge(_tokens(second)))
    return trimmed is not None and _search(*trimmed)


def _bad(text: str, position: int, message: str, *chars: str) -> BuiltinError:
    # The library makes a format of the whole: `%` in the input is a verb
    form = f"input:{text}, pos:{position}, {message}: %w"
    return BuiltinError(sprintf(form, [*chars, _INVALID]))


class _Reader:
    """A pattern on its way into tokens."""

    def __init__(self, text: str) -> None:
        self.text = _BYTE.sub("\ufffd", text)
        self.at = 0

    def char(self) -> tuple[str, bool]:
        """Take a character, and whether it was escaped; "" at the end."""
        char = self.text[self.at : self.at + 1]
        escaped = char == "\\"
        if escaped:
            char = self.text[self.at + 1 : self.at + 2]
            if not char:
                message = "input ends with a \\ (escape) character"
                raise _bad(self.text, self.at, message)
        self.at += len(char) + escaped
        return char, escaped

    def fail(self, message: str, *chars: str) -> BuiltinError:
        return _bad(self.text, self.at, message, *chars)

    def token(self) -> _Token | None:
        """Take a token with its flag; None at the end."""
        char, escaped = self.char()
        if not char:
            return None
        ranges: Ranges | None = ((ord(char), ord(char)),)
        listed = char == "[" and not escaped
        if not escaped and char in "+*":
            raise self.fail("flag '%s' must be preceded by a non-flag", char)
        if not escaped and char == "]":
            raise self.fail("set-close ']' with no preceding '['")
        if listed:
            ranges = self.members()
        elif not escaped and char == ".":
            ranges = None
        start = self.at
        flag, escaped = self.char()
        if escaped or flag not in ("+", "*"):
            self.at, flag = start, ""
        return _Token(ranges, listed, flag)

    def members(self) -> Ranges:
        """Take a set up to its end; its ranges in order, none beside another."""
        found: list[tuple[int, int]] = []
        low = ""  # what a range may start with
        while True:
            char, escaped = self.char()
            if not char:
                raise self.fail("found [ without matching ]")
            if not escaped and char == "]":
                return united(found)
            if escaped or char != "-":
                found.append((ord(char), ord(char)))
                low = char
                continue
            found.append((ord(low or char), ord(self.high(low))))
            low = ""

    def high(self, low: str) -> str:
        """Take the end of a range."""
        if not low:
            raise self.fail(
                "range character '-' must be preceded by a Unicode character"
            )
        if self.at >= len(self.text) - 1:
            raise self.fail(
                "range character '-' must be followed by a Unicode character"
            )
        char, escaped = self.char()
        if not escaped and char in "]-":
            raise self.fail(
                "range character '-' cannot be followed by a special symbol"
            )
        if char < low:
            message = "range is out of order: '%s' comes before '%s' in Unicode"
            raise self.fail(message, char, low)
        return char


def _tokens(text: str) -> Tokens:
    charge(4 * LINE * len(text))
    reader = _Reader(text)
    return list(iter(reader.token, None))


def _merge(tokens: Tokens) -> Tokens:
    """Make one of neighbours that repeat the same: `a*a+` is `a+`, so is `a+a+`."""
    out: Tokens = []
    for token in tokens:
        last = out[-1] if out else None
        same = last and (last.ranges, last.listed) == (token.ranges, token.listed)
        if last and last.flag and token.flag and same:
            flag = "+" if "+" in (last.flag, token.flag) else "*"
            out[-1] = _Token(token.ranges, token.listed, flag)
        else:
            out.append(token)
    return out


def _trim(left: Tokens, right: Tokens) -> tuple[Tokens, Tokens] | None:
    """Take off what both begin and end with; None where they differ there.

    One token stays on either side, for the search tells nothing of empty patterns.
    """
    start = 0
    shorter = min(len(left), len(right))
    while start < shorter and not (left[start].flag or right[start].flag):
        if not left[start].meets(right[start]):
            return None
        start += 1
    start = max(start - 1, 0)
    end = 0
    while end < shorter - start:
        one, other = left[~end], right[~end]
        if one.flag or other.flag:
            break
        if not one.meets(other):
            return None
        end += 1
    end = max(end - 1, 0)
    return left[start : len(left) - end], right[start : len(right) - end]


def _search(left: Tokens, right: Tokens) -> bool:
    """Tell whether the patterns meet, from their ends to their starts.

    OPA's search tries, for each pair of rests, `meet`: both token by token, and
    `star`: the first token of one takes those of the other until what follows it
    does as well. Which of both is asked first makes a difference, so each table is
    there twice: for `left` first, and for `right`. A row is one rest of `left`, a
    place in it one of `right`.
    """
    width = len(right)
    none = [False] * (width + 1)
    at_end = [*none[:-1], True]
    last = [at + 1 == width for at in range(width + 1)]
    below = _Row(at_end, at_end, none, last)
    for i in range(len(left) - 1, -1, -1):
        charge(24 * LINE * width)
        row = _Row([*none], [*none], [*none], [*none])
        row.left_star[width] = i + 1 == len(left)
        for j in range(width - 1, -1, -1):
            _fill(row, below, left, right, i, j)
        below = row
    return below.left_meet[0]


@dataclass(frozen=True, slots=True)
class _Row:
    """What is known of one rest of `left` beside each rest of `right`."""

    left_meet: list[bool]
    right_meet: list[bool]
    left_star: list[bool]
    right_star: list[bool]


def _fill(row: _Row, below: _Row, left: Tokens, right: Tokens, i: int, j: int) -> None:
    one, other = left[i], right[j]
    meets = one.meets(other)
    row.left_star[j] = (
        i + 1 < len(left) and left[i + 1].meets(other) and below.left_meet[j]
    ) or (meets and row.left_star[j + 1])
    row.right_star[j] = (
        j + 1 < len(right) and right[j + 1].meets(one) and row.right_meet[j + 1]
    ) or (meets and below.right_star[j])
    if not (one.flag or other.flag):
        row.left_meet[j] = meets and below.left_meet[j + 1]
        row.right_meet[j] = meets and below.right_meet[j + 1]
        return
    by_left = row.left_star[j]
    if one.flag == "+":
        by_left = meets and (
            row.left_star[j + 1] or (other.flag != "" and below.left_meet[j])
        )
    by_right = row.right_star[j]
    if other.flag == "+":
        by_right = meets and (
            below.right_star[j] or (one.flag != "" and row.right_meet[j + 1])
        )
    row.left_meet[j] = by_left if one.flag else by_right
    row.right_meet[j] = by_right if other.flag else by_left

r"""Tells whether two glob-like patterns share a string.

The language of `regex.globs_match`: characters, `.` for any, sets `[a-cx]`, each
with `+` or `*` after it; `\` takes away a meaning. The answer is the one of OPA's
search, which looks ahead by one token behind a repeated one, so it can be false
where a shared string needs two starred tokens to vanish, and true in rare cases where
there is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gatewright.engine.library.errors import BuiltinError

__all__ = ["intersect"]

#: Runs of repeated tokens make the search exponential; OPA has no bound at all.
MAX_STEPS: Final = 200_000


@dataclass(frozen=True, slots=True)
class _Token:
    """`ranges` None: any character; `flag`: "", "+" or "*"."""

    ranges: tuple[tuple[int, int], ...] | None
    flag: str = ""

    def meets(self, other: _Token) -> bool:
        if self.ranges is None or other.ranges is None:
            return True
        return any(
            low <= upper and lower <= high
            for low, high in self.ranges
            for lower, upper in other.ranges
        )


def intersect(first: str, second: str) -> bool:
    """Tell whether the patterns intersect; BuiltinError for a malformed one."""
    return _Search().normal(_merge(_tokens(first)), _merge(_tokens(second)))


def _bad(text: str, position: int, message: str) -> BuiltinError:
    return BuiltinError(
        f"input:{text}, pos:{position}, {message}: the input provided is invalid"
    )


def _tokens(text: str) -> tuple[_Token, ...]:
    out: list[_Token] = []
    at, size = 0, len(text)
    while at < size:
        char = text[at]
        at += 1
        if char in "+*":
            raise _bad(text, at, f"flag '{char}' must be preceded by a non-flag")
        ranges: tuple[tuple[int, int], ...] | None
        if char == ".":
            ranges = None
        elif char == "]":
            raise _bad(text, at, "set-close ']' with no preceding '['")
        elif char == "[":
            ranges, at = _set(text, at)
        else:
            if char == "\\":
                if at == size:
                    message = "input ends with a \\ (escape) character"
                    raise _bad(text, at - 1, message)
                char = text[at]
                at += 1
            ranges = ((ord(char), ord(char)),)
        flag = text[at] if at < size and text[at] in "+*" else ""
        at += len(flag)
        out.append(_Token(ranges, flag))
    return tuple(out)


def _set(text: str, at: int) -> tuple[tuple[tuple[int, int], ...], int]:
    ranges: list[tuple[int, int]] = []
    size = len(text)
    single = False  # the last range is one character that a range may start with
    while at < size:
        char = text[at]
        at += 1
        if char == "]":
            return tuple(ranges), at
        if char == "-":
            if not single:
                message = "range character '-' must be preceded by a Unicode character"
                raise _bad(text, at, message)
            char, after = _set_char(text, at)
            if not char or after >= size:
                message = "range character '-' must be followed by a Unicode character"
                raise _bad(text, at, message)
            at = after
            low = ranges[-1][0]
            if ord(char) < low:
                message = (
                    f"range is out of order: '{char}' comes before '{chr(low)}' "
                    "in Unicode"
                )
                raise _bad(text, at, message)
            ranges[-1] = (low, ord(char))
            single = False
            continue
        char, at = _set_char(text, at - 1)
        if not char:
            raise _bad(text, size - 1, "input ends with a \\ (escape) character")
        ranges.append((ord(char), ord(char)))
        single = True
    raise _bad(text, size, "found [ without matching ]")


def _set_char(text: str, at: int) -> tuple[str, int]:
    """One plain or escaped character of a set, "" where there is none."""
    char = text[at : at + 1]
    if char == "\\":
        return text[at + 1 : at + 2], at + 2
    return ("", at) if char in ("]", "") else (char, at + 1)


Tokens = tuple[_Token, ...]


def _merge(tokens: Tokens) -> Tokens:
    """Make one of neighbours that repeat the same: `a*a+` is `a+`, so is `a+a+`."""
    out: list[_Token] = []
    for token in tokens:
        last = out[-1] if out else None
        if last and last.flag and token.flag and last.ranges == token.ranges:
            flag = "+" if "+" in (last.flag, token.flag) else "*"
            out[-1] = _Token(token.ranges, flag)
        else:
            out.append(token)
    return tuple(out)


class _Search:
    """One search, with its count of steps."""

    def __init__(self) -> None:
        self.steps = 0
        self.known: dict[tuple[Tokens, Tokens], bool] = {}

    def normal(self, left: Tokens, right: Tokens) -> bool:
        key = (left, right)
        if key not in self.known:
            self.known[key] = self._normal(left, right)
        return self.known[key]

    def _normal(self, left: Tokens, right: Tokens) -> bool:
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise BuiltinError("patterns are too long to compare")
        for at in range(min(len(left), len(right))):
            if left[at].flag or right[at].flag:
                return self.repeated(left[at:], right[at:])
            if not left[at].meets(right[at]):
                return False
        return len(left) == len(right)

    def repeated(self, left: Tokens, right: Tokens) -> bool:
        """One of both begins with a repeated token; it is made the left one."""
        if not left[0].flag:
            left, right = right, left
        if left[0].flag == "+":
            if not left[0].meets(right[0]):
                return False
            if not right[0].flag:
                right = right[1:]
        return self.star(left, right)

    def star(self, left: Tokens, right: Tokens) -> bool:
        """Let the first token of `left` take tokens of `right`, as many as it may.

        Where the token behind it would do as well, both rests are tried from there.
        """
        following = left[1] if len(left) > 1 else None
        for at, token in enumerate(right):
            if (
                following is not None
                and following.meets(token)
                and self.normal(left[1:], right[at:])
            ):
                return True
            if not left[0].meets(token):
                return False
        return following is None

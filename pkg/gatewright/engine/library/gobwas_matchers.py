"""What gobwas/glob 0.2.3 compiles globs to, for `gobwas`.

Texts are UTF-8; a byte that is none counts as one rune, U+FFFD, whose length is 3.
`index` gives where the first match begins and how long it may be, in rising order, or
None.  `length` counts the runes of all that a matcher matches, -1 where that varies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from gatewright.engine.library.budget import LINE, charge
from gatewright.engine.library.errors import BuiltinError

__all__ = [
    "Any",
    "AnyOf",
    "BTree",
    "Contains",
    "EveryOf",
    "List",
    "Matcher",
    "Max",
    "Min",
    "Nothing",
    "Prefix",
    "PrefixAny",
    "PrefixSuffix",
    "Range",
    "Row",
    "Single",
    "Suffix",
    "SuffixAny",
    "Super",
    "Text",
    "decode",
]

_BAD: Final = 0xFFFD
Found = tuple[int, Sequence[int]] | None


def decode(text: bytes, at: int) -> tuple[int, int]:
    """The code point at a place and the bytes it takes; U+FFFD where it is none."""
    first = text[at]
    if first < 0x80:
        return first, 1
    width = 2 if first < 0xE0 else 3 if first < 0xF0 else 4
    try:
        return ord(text[at : at + width].decode()), width
    except (UnicodeDecodeError, TypeError):
        return _BAD, 1


def _first(text: bytes) -> tuple[int, int]:
    return decode(text, 0) if text else (_BAD, 0)


def _runes(text: bytes) -> Iterator[tuple[int, int]]:
    """Places and code points of a text's runes."""
    at = 0
    while at < len(text):
        charge(LINE)
        rune, width = decode(text, at)
        yield at, rune
        at += width


def _size(rune: int) -> int:
    return 1 if rune < 0x80 else 2 if rune < 0x800 else 3 if rune < 0x10000 else 4


def _ends(text: bytes, start: int) -> list[int]:
    """How long a match is whose text goes on as far as wanted."""
    return [start, *(start + at + _size(rune) for at, rune in _runes(text))]


def _find_any(text: bytes, separators: Sequence[int]) -> int:
    """Where the first of some characters is that is there at all; -1: none."""
    for rune in separators:
        at = _find(text, rune)
        if at >= 0:
            return at
    return -1


def _find(text: bytes, rune: int) -> int:
    if rune == _BAD:
        return next((at for at, found in _runes(text) if found == _BAD), -1)
    return text.find(chr(rune).encode())


def _find_last(text: bytes, separators: Sequence[int]) -> int:
    for rune in separators:
        at = text.rfind(rune) if rune < 0x80 else _wide_last(text, rune)
        if at >= 0:
            return at
    return -1


def _wide_last(text: bytes, rune: int) -> int:
    # It looks for the first one, again and again, and cuts too far.
    at = _find(text, rune)
    left = len(text) if at >= 0 else 0
    while left:
        if left < at + 1:
            raise BuiltinError("runtime error: slice bounds out of range")
        left -= at + 1
    return at


class Matcher:
    """Matches whole texts, or finds a text that it matches in another."""

    __slots__ = ()
    length: int = -1

    def match(self, text: bytes) -> bool:
        raise NotImplementedError

    def index(self, text: bytes) -> Found:
        raise NotImplementedError


class Any(Matcher):
    """`*`."""

    __slots__ = ("separators",)

    def __init__(self, separators: tuple[int, ...]) -> None:
        self.separators = separators

    def match(self, text: bytes) -> bool:
        return _find_any(text, self.separators) < 0

    def index(self, text: bytes) -> Found:
        found = _find_any(text, self.separators)
        if found == 0:
            return 0, (0,)
        if found > 0:
            text = text[:found]
        return 0, [*(at for at, _ in _runes(text)), len(text)]


class AnyOf(Matcher):
    """Alternatives."""

    __slots__ = ("length", "matchers")

    def __init__(self, matchers: list[Matcher]) -> None:
        self.matchers = matchers
        self.length = -1
        for at, matcher in enumerate(matchers):
            # One of unknown length first takes that of the next.
            if at and self.length not in (-1, matcher.length):
                self.length = -1
                break
            self.length = matcher.length

    def match(self, text: bytes) -> bool:
        charge(LINE * len(self.matchers))
        return any(matcher.match(text) for matcher in self.matchers)

    def index(self, text: bytes) -> Found:
        first, ends = -1, set[int]()
        for matcher in self.matchers:
            charge(LINE)
            found = matcher.index(text)
            if found is None:
                continue
            if first < 0 or found[0] < first:
                first, ends = found[0], set(found[1])
            elif found[0] == first:
                ends.update(found[1])
        return None if first < 0 else (first, sorted(ends))


class BTree(Matcher):
    """A part to look for, and what is to the left and to the right of it."""

    __slots__ = ("left", "left_length", "length", "right", "right_length", "value")

    def __init__(
        self, value: Matcher, left: Matcher | None, right: Matcher | None
    ) -> None:
        self.value = value
        self.left = left
        self.right = right
        self.left_length = 0 if left is None else left.length
        self.right_length = 0 if right is None else right.length
        lengths = (self.left_length, value.length, self.right_length)
        self.length = -1 if -1 in lengths else sum(lengths)

    def match(self, text: bytes) -> bool:
        size = len(text)
        if self.length > size:
            return False
        offset = max(self.left_length, 0)
        limit = size - max(self.right_length, 0)
        while offset < limit:
            charge(4 * LINE + (size >> 4))
            found = self.value.index(text[offset:limit])
            if found is None:
                return False
            begins = offset + found[0]
            before = text[:begins]
            if self.left.match(before) if self.left is not None else not before:
                for length in reversed(found[1]):
                    charge(LINE)
                    rest = text[begins + length :]
                    if self.right.match(rest) if self.right is not None else not rest:
                        return True
            offset = begins + _first(text[begins : begins + 4])[1]
        return False

    def index(self, text: bytes) -> Found:  # noqa: ARG002 - it never finds any
        return None


class Contains(Matcher):
    """A text somewhere, or nowhere."""

    __slots__ = ("needle", "negated")

    def __init__(self, needle: bytes, *, negated: bool) -> None:
        self.needle = needle
        self.negated = negated

    def match(self, text: bytes) -> bool:
        return (self.needle in text) is not self.negated

    def index(self, text: bytes) -> Found:
        at = text.find(self.needle)
        offset = 0
        if not self.negated:
            if at < 0:
                return None
            offset = at + len(self.needle)
            text = text[offset:]
        elif at >= 0:
            text = text[:at]
        return 0, [*(offset + i for i, _ in _runes(text)), offset + len(text)]


class EveryOf(Matcher):
    """All of several."""

    __slots__ = ("length", "matchers")

    def __init__(self, matchers: list[Matcher]) -> None:
        self.matchers = matchers
        self.length = -1 if matchers else 0

    def match(self, text: bytes) -> bool:
        return all(matcher.match(text) for matcher in self.matchers)

    def index(self, text: bytes) -> Found:
        index = offset = 0
        current: list[int] = []
        rest = text
        for at, matcher in enumerate(self.matchers):
            found = matcher.index(rest)
            if found is None:
                return None
            first, ends = found
            if at == 0:
                current = list(ends)
            else:
                delta = index - (first + offset)
                charge(LINE * len(current))
                known = set(ends)
                current = [end + delta for end in current if end + delta in known]
                if not current:
                    return None
            index = first + offset
            rest = text[index:]
            offset += first
        return index, current


class _One(Matcher):
    """One rune."""

    __slots__ = ()
    length = 1

    def holds(self, rune: int) -> bool:
        raise NotImplementedError

    def match(self, text: bytes) -> bool:
        # The empty text is U+FFFD
        rune, width = _first(text[:4])
        return len(text) <= width and self.holds(rune)

    def index(self, text: bytes) -> Found:
        for at, rune in _runes(text):
            if self.holds(rune):
                return at, (_size(rune),)
        return None


class List(_One):
    """`[abc]`."""

    __slots__ = ("chars", "negated")

    def __init__(self, chars: tuple[int, ...], *, negated: bool) -> None:
        self.chars = chars
        self.negated = negated

    def holds(self, rune: int) -> bool:
        return (rune in self.chars) is not self.negated


class Range(_One):
    """`[a-z]`."""

    __slots__ = ("high", "low", "negated")

    def __init__(self, low: int, high: int, *, negated: bool) -> None:
        self.low = low
        self.high = high
        self.negated = negated

    def holds(self, rune: int) -> bool:
        return (self.low <= rune <= self.high) is not self.negated


class Single(_One):
    """`?`."""

    __slots__ = ("separators",)

    def __init__(self, separators: tuple[int, ...]) -> None:
        self.separators = separators

    def holds(self, rune: int) -> bool:
        return rune not in self.separators


class Max(Matcher):
    """At most so many runes."""

    __slots__ = ("limit",)

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def match(self, text: bytes) -> bool:
        return len(self.ends(text)) <= self.limit

    def ends(self, text: bytes) -> list[int]:
        """Ends of runes, of one more than allowed at most."""
        out: list[int] = []
        for at, rune in _runes(text):
            out.append(at + _size(rune))
            if len(out) > self.limit:
                break
        return out

    def index(self, text: bytes) -> Found:
        return 0, [0, *self.ends(text)[: self.limit]]


class Min(Matcher):
    """At least so many runes."""

    __slots__ = ("limit",)

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def match(self, text: bytes) -> bool:
        return any(at >= self.limit for at, _ in enumerate(_runes(text), 1))

    def index(self, text: bytes) -> Found:
        ends = _ends(text, 0)[self.limit :]
        return (0, ends) if ends and len(text) >= self.limit else None


class Nothing(Matcher):
    """The empty text."""

    __slots__ = ()
    length = 0

    def match(self, text: bytes) -> bool:
        return not text

    def index(self, text: bytes) -> Found:  # noqa: ARG002 - it is in all of them
        return 0, (0,)


class Prefix(Matcher):
    """A text, and anything behind it."""

    __slots__ = ("prefix",)

    def __init__(self, prefix: bytes) -> None:
        self.prefix = prefix

    def match(self, text: bytes) -> bool:
        return text.startswith(self.prefix)

    def index(self, text: bytes) -> Found:
        at = text.find(self.prefix)
        if at < 0:
            return None
        length = len(self.prefix)
        return at, _ends(text[at + length :], length)


class PrefixAny(Matcher):
    """A text, and anything behind it up to a separator."""

    __slots__ = ("prefix", "separators")

    def __init__(self, prefix: bytes, separators: tuple[int, ...]) -> None:
        self.prefix = prefix
        self.separators = separators

    def match(self, text: bytes) -> bool:
        rest = text[len(self.prefix) :]
        return text.startswith(self.prefix) and _find_any(rest, self.separators) < 0

    def index(self, text: bytes) -> Found:
        at = text.find(self.prefix)
        if at < 0:
            return None
        length = len(self.prefix)
        rest = text[at + length :]
        stop = _find_any(rest, self.separators)
        return at, _ends(rest if stop < 0 else rest[:stop], length)


class PrefixSuffix(Matcher):
    """Two texts, which may overlap, and anything between them."""

    __slots__ = ("prefix", "suffix")

    def __init__(self, prefix: bytes, suffix: bytes) -> None:
        self.prefix = prefix
        self.suffix = suffix

    def match(self, text: bytes) -> bool:
        return text.startswith(self.prefix) and text.endswith(self.suffix)

    def index(self, text: bytes) -> Found:
        at = text.find(self.prefix)
        if at < 0:
            return None
        rest = text[at:]
        if not self.suffix:
            return at, (len(rest),)
        ends: list[int] = []
        end = len(rest)
        while (found := rest.rfind(self.suffix, 0, end)) >= 0:
            charge(LINE)
            ends.append(found + len(self.suffix))
            end = found
        ends.reverse()
        return (at, ends) if ends else None


class Row(Matcher):
    """Matchers of fixed lengths, one behind the other."""

    __slots__ = ("length", "matchers")

    def __init__(self, length: int, matchers: tuple[Matcher, ...]) -> None:
        self.length = length
        self.matchers = matchers

    def match(self, text: bytes) -> bool:
        count = 0
        for _ in _runes(text):
            count += 1
            if count > self.length:
                return False
        return count == self.length and self.all(text)

    def all(self, text: bytes) -> bool:
        at = 0
        for matcher in self.matchers:
            charge(LINE)
            begins = [0]
            for place, _ in _runes(text[at:]):
                begins.append(place)
                if len(begins) > matcher.length > 0:
                    break
            if len(begins) <= matcher.length:
                return False
            # One byte of the last rune, however many it has
            end = at + begins[-1] + 1
            if end > len(text):
                raise BuiltinError("runtime error: slice bounds out of range")
            if not matcher.match(text[at:end]):
                return False
            at = end
        return True

    def index(self, text: bytes) -> Found:
        for at, _ in _runes(text):
            if len(text) - at < self.length:
                break
            if self.all(text[at:]):
                return at, (self.length,)
        return None


class Suffix(Matcher):
    """Anything, and a text behind it."""

    __slots__ = ("suffix",)

    def __init__(self, suffix: bytes) -> None:
        self.suffix = suffix

    def match(self, text: bytes) -> bool:
        return text.endswith(self.suffix)

    def index(self, text: bytes) -> Found:
        at = text.find(self.suffix)
        return None if at < 0 else (0, (at + len(self.suffix),))


class SuffixAny(Matcher):
    """Anything from a separator on, and a text behind it."""

    __slots__ = ("separators", "suffix")

    def __init__(self, suffix: bytes, separators: tuple[int, ...]) -> None:
        self.suffix = suffix
        self.separators = separators

    def match(self, text: bytes) -> bool:
        before = text[: len(text) - len(self.suffix)]
        return text.endswith(self.suffix) and _find_any(before, self.separators) < 0

    def index(self, text: bytes) -> Found:
        at = text.find(self.suffix)
        if at < 0:
            return None
        begins = _find_last(text[:at], self.separators) + 1
        return begins, (at + len(self.suffix) - begins,)


class Super(Matcher):
    """`**`."""

    __slots__ = ()

    def match(self, text: bytes) -> bool:  # noqa: ARG002 - all of them
        return True

    def index(self, text: bytes) -> Found:
        return 0, [*(at for at, _ in _runes(text)), len(text)]


class Text(Matcher):
    """A text as it is."""

    __slots__ = ("length", "text")

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.length = sum(1 for _ in _runes(text))

    def match(self, text: bytes) -> bool:
        return text == self.text

    def index(self, text: bytes) -> Found:
        at = text.find(self.text)
        return None if at < 0 else (at, (len(self.text),))

r"""RE2 patterns as tables: does a pattern match anywhere in a text.

`regex.match` is the one regular-expression builtin on the hot path, and asks for
no place and no groups.  So a pattern becomes a deterministic automaton over the
bytes of UTF-8, built once, which the native evaluator runs without Python.  The
syntax is Go's; what is not handled (`\b`, `(?m)`, `\p{..}`, what Go refuses, and
automata that grow large) raises Unsupported, and RE2 itself answers instead.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, TypeAlias

from gatewright.engine.library.runes import Ranges, united

__all__ = ["Tables", "Unsupported", "compile_tables"]

MAX_NODES: Final = 3000
MAX_STATES: Final = 400
#: Visits of nodes while the automaton is made: about 0.1 s.  A pattern is learnt
#: under the GIL, so a hostile one must give up soon; RE2 then answers in its stead.
MAX_WORK: Final = 500_000
MAX_REPEAT: Final = 1000
MAX_DEPTH: Final = 100
MAX_CODE: Final = 0x10FFFF
MATCH, SPLIT, BYTE, BEGIN, END, FAIL = range(6)
#: Flags of a state: matches if the text ends here; matches already; never will.
AT_END, NOW, DEAD = 1, 2, 4


class Unsupported(Exception):
    """The pattern is not for this engine; nothing is said of its being valid."""


@dataclass(frozen=True, slots=True)
class Tables:
    """An automaton: `classes` maps each byte to its class, `next` (little-endian
    uint16) is by state and class, `flags` by state; state 0 is the start."""

    states: int
    width: int
    classes: bytes
    next: bytes
    flags: bytes


def compile_tables(pattern: str) -> Tables:
    """The automaton of a pattern.  Raises Unsupported."""
    return determinize(*Builder().build(Parser(pattern).parse()))


# Syntax -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Chars:
    ranges: Ranges


@dataclass(frozen=True, slots=True)
class Sequence:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    part: Node
    low: int
    high: int | None


@dataclass(frozen=True, slots=True)
class Edge:
    """The beginning or the end of the text."""

    end: bool


Node: TypeAlias = Chars | Sequence | Choice | Repeat | Edge

DIGIT: Final[Ranges] = ((48, 57),)
WORD: Final[Ranges] = ((48, 57), (65, 90), (95, 95), (97, 122))
SPACE: Final[Ranges] = ((9, 10), (12, 13), (32, 32))
POSIX: Final[dict[str, Ranges]] = {
    "alnum": ((48, 57), (65, 90), (97, 122)),
    "alpha": ((65, 90), (97, 122)),
    "ascii": ((0, 127),),
    "blank": ((9, 9), (32, 32)),
    "cntrl": ((0, 31), (127, 127)),
    "digit": DIGIT,
    "graph": ((33, 126),),
    "lower": ((97, 122),),
    "print": ((32, 126),),
    "punct": ((33, 47), (58, 64), (91, 96), (123, 126)),
    "space": ((9, 13), (32, 32)),
    "upper": ((65, 90),),
    "word": WORD,
    "xdigit": ((48, 57), (65, 70), (97, 102)),
}
#: Numbers that begin with a zero make it literal text.
COUNTS: Final = re.compile(r"\{(0|[1-9][0-9]*)(,(0|[1-9][0-9]*)?)?\}")
CONTROL: Final = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
PUNCTUATION: Final = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
#: Letters beyond ASCII that fold to ASCII ones: long s, Kelvin.
FOLDS: Final = {0x73: 0x17F, 0x6B: 0x212A}


def complement(ranges: Ranges) -> Ranges:
    out = []
    at = 0
    for low, high in ranges:
        if low > at:
            out.append((at, low - 1))
        at = high + 1
    if at <= MAX_CODE:
        out.append((at, MAX_CODE))
    return tuple(out)


def folded(ranges: Ranges) -> Ranges:
    """With both cases of every letter; only ASCII letters are folded here."""
    if any(high > 127 and high != MAX_CODE for _, high in ranges):
        raise Unsupported("case folding beyond ASCII")
    out = list(ranges)
    for low, high in ranges:
        for code in range(max(low, 65), min(high, 122) + 1):
            char = chr(code)
            if char.isalpha():
                other = ord(char.swapcase())
                out.append((other, other))
                extra = FOLDS.get(ord(char.lower()))
                if extra:
                    out.append((extra, extra))
    return united(out)


class Parser:
    """A pattern's tree."""

    def __init__(self, pattern: str) -> None:
        self.text = pattern
        self.at = 0
        self.fold = False
        self.dot_all = False
        self.depth = 0

    def parse(self) -> Node:
        node = self.choice()
        if self.at < len(self.text):
            raise Unsupported("unexpected )")
        return node

    def peek(self) -> str:
        return self.text[self.at] if self.at < len(self.text) else ""

    def take(self, text: str) -> bool:
        if self.text.startswith(text, self.at):
            self.at += len(text)
            return True
        return False

    def choice(self) -> Node:
        parts = [self.sequence()]
        while self.take("|"):
            parts.append(self.sequence())
        return parts[0] if len(parts) == 1 else Choice(tuple(parts))

    def sequence(self) -> Node:
        parts: list[Node] = []
        while self.at < len(self.text) and self.peek() not in "|)":
            if self.take("\\Q"):
                end = self.text.find("\\E", self.at)
                stop = len(self.text) if end < 0 else end
                parts += [self.literal(ord(c)) for c in self.text[self.at : stop]]
                self.at = stop if end < 0 else stop + 2
                if self.peek() and self.peek() in "*+?{":
                    raise Unsupported("repetition after a quotation")
                continue
            part = self.atom()
            parts.append(self.repeated(part))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def repeated(self, part: Node) -> Node:
        char = self.peek()
        if char == "*":
            low, high = 0, None
        elif char == "+":
            low, high = 1, None
        elif char == "?":
            low, high = 0, 1
        elif char == "{":
            counted = self.counts()
            if counted is None:
                return part
            low, high = counted
            self.at -= 1
        else:
            return part
        if isinstance(part, Edge):
            raise Unsupported("repetition of an edge")
        self.at += 1
        self.take("?")
        if self.peek() and self.peek() in "*+?":
            raise Unsupported("nested repetition")
        if self.peek() == "{" and self.counts() is not None:
            raise Unsupported("nested repetition")
        return Repeat(part, low, high)

    def counts(self) -> tuple[int, int | None] | None:
        """`{n}`, `{n,}`, `{n,m}`; None (and nothing taken) if it is literal text."""
        found = COUNTS.match(self.text, self.at)
        if found is None:
            return None
        if max(len(found[1]), len(found[3] or "")) > 4:
            raise Unsupported("repeat count")
        low = int(found[1])
        high = int(found[3]) if found[3] else None if found[2] else low
        if low > MAX_REPEAT or (high is not None and not low <= high <= MAX_REPEAT):
            raise Unsupported("repeat count")
        self.at = found.end()
        return low, high

    def atom(self) -> Node:
        char = self.text[self.at]
        if char in "*+?" or (char == "{" and self.counts() is not None):
            raise Unsupported("nothing to repeat")
        self.at += 1
        if char == "(":
            return self.group()
        if char == "[":
            return self.set()
        if char == ".":
            return Chars(((0, MAX_CODE),) if self.dot_all else ((0, 9), (11, MAX_CODE)))
        if char == "^":
            return Edge(end=False)
        if char == "$":
            return Edge(end=True)
        if char == "\\":
            return self.escape()
        return self.literal(ord(char))

    def literal(self, code: int) -> Node:
        ranges: Ranges = ((code, code),)
        return Chars(folded(ranges) if self.fold else ranges)

    def group(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unsupported("nesting")
        fold, dot_all = self.fold, self.dot_all
        if self.take("?"):
            if self.take("P<") or (
                self.text[self.at : self.at + 1] == "<" and self.take("<")
            ):
                end = self.text.find(">", self.at)
                name = self.text[self.at : end] if end >= 0 else ""
                if not name.isascii() or not name.replace("_", "a").isalnum():
                    raise Unsupported("group name")
                self.at = end + 1
            elif self.flags():
                self.depth -= 1
                if self.peek() and self.peek() in "*+?{":
                    # It would be of what stands before the flags.
                    raise Unsupported("repetition after flags")
                return Sequence(())
        node = self.choice()
        if not self.take(")"):
            raise Unsupported("missing )")
        self.fold, self.dot_all = fold, dot_all
        self.depth -= 1
        return node

    def flags(self) -> bool:
        """`(?i)` (true: the rest of the group) or `(?i:` (false)."""
        value = True
        while True:
            char = self.peek()
            self.at += 1
            if char == "i":
                self.fold = value
            elif char == "s":
                self.dot_all = value
            elif char == "U":
                pass  # greed makes no difference to whether there is a match
            elif char == "-" and value:
                value = False
            elif char in ":)" and char:
                return char == ")"
            else:
                raise Unsupported("flag")

    def escape(self) -> Node:
        char = self.peek()
        if not char:
            raise Unsupported("trailing backslash")
        self.at += 1
        if char == "A":
            return Edge(end=False)
        if char == "z":
            return Edge(end=True)
        if char in "dDwWsS":
            return Chars(perl_class(char, fold=self.fold))
        return self.literal(self.escaped(char))

    def escaped(self, char: str) -> int:
        """The code point of an escape; `char` is what followed the backslash."""
        if char in CONTROL:
            return CONTROL[char]
        if char in PUNCTUATION:
            return ord(char)
        if char == "x":
            if self.take("{"):
                end = self.text.find("}", self.at)
                digits = self.text[self.at : end] if end >= 0 else ""
                self.at = end + 1
            else:
                digits = self.text[self.at : self.at + 2]
                self.at += 2
                if len(digits) != 2:
                    raise Unsupported("escape")
            if not digits or not all(c in "0123456789abcdefABCDEF" for c in digits):
                raise Unsupported("escape")
            code = int(digits, 16)
            if code <= MAX_CODE:
                return code
        raise Unsupported("escape")

    def set(self) -> Node:
        """A bracketed class, behind its `[`."""
        negated = self.take("^")
        found: list[tuple[int, int]] = []
        first = True
        while first or self.peek() != "]":
            if self.at >= len(self.text):
                raise Unsupported("missing ]")
            first = False
            if self.text.startswith("[:", self.at):
                end = self.text.find(":]", self.at + 2)
                name = self.text[self.at + 2 : end] if end >= 0 else ""
                inverse = name.startswith("^")
                ranges = POSIX.get(name.removeprefix("^"))
                if ranges is None:
                    raise Unsupported("class name")
                if self.fold:
                    ranges = folded(ranges)
                found += complement(ranges) if inverse else ranges
                self.at = end + 2
                continue
            low = self.member(found)
            if low is None:
                continue
            high = low
            if self.peek() == "-" and self.text[self.at + 1 : self.at + 2] not in (
                "]",
                "",
            ):
                self.at += 1
                other = self.member(found)
                if other is None or other < low:
                    raise Unsupported("range")
                high = other
            found.append((low, high))
        self.at += 1
        ranges = united(found)
        if self.fold:
            ranges = folded(ranges)
        return Chars(complement(ranges) if negated else ranges)

    def member(self, found: list[tuple[int, int]]) -> int | None:
        """One code point, or None after adding a class to `found`."""
        char = self.text[self.at]
        self.at += 1
        if char != "\\":
            return ord(char)
        kind = self.peek()
        if not kind:
            raise Unsupported("trailing backslash")
        self.at += 1
        if kind in "dDwWsS":
            found += perl_class(kind, fold=self.fold)
            return None
        return self.escaped(kind)


def perl_class(kind: str, *, fold: bool) -> Ranges:
    ranges = {"d": DIGIT, "w": WORD, "s": SPACE}[kind.lower()]
    if fold:
        ranges = folded(ranges)  # (?i)\w takes long s and Kelvin, too
    return complement(ranges) if kind.isupper() else ranges


# Automaton ----------------------------------------------------------------------


@dataclass(slots=True)
class State:
    """A node of the nondeterministic automaton."""

    kind: int
    out: list[int] = field(default_factory=list)
    low: int = 0
    high: int = 0


class Builder:
    """Thompson's construction, over bytes of UTF-8."""

    def __init__(self) -> None:
        self.states: list[State] = []

    def build(self, tree: Node) -> tuple[list[State], int]:
        end = self.add(MATCH)
        return self.states, self.node(tree, end)

    def add(self, kind: int, *out: int, low: int = 0, high: int = 0) -> int:
        if len(self.states) >= MAX_NODES:
            raise Unsupported("size")
        self.states.append(State(kind, list(out), low, high))
        return len(self.states) - 1

    def node(self, tree: Node, then: int) -> int:
        """The entry of `tree` that goes on to `then`."""
        if isinstance(tree, Chars):
            return self.chars(tree.ranges, then)
        if isinstance(tree, Edge):
            return self.add(END if tree.end else BEGIN, then)
        if isinstance(tree, Sequence):
            for part in reversed(tree.parts):
                then = self.node(part, then)
            return then
        if isinstance(tree, Choice):
            return self.add(SPLIT, *(self.node(part, then) for part in tree.parts))
        return self.repeat(tree, then)

    def repeat(self, tree: Repeat, then: int) -> int:
        if tree.high is None:
            loop = self.add(SPLIT, then)
            self.states[loop].out.insert(0, self.node(tree.part, loop))
            then = loop
        else:
            end = then
            for _ in range(tree.high - tree.low):
                then = self.add(SPLIT, self.node(tree.part, then), end)
        for _ in range(tree.low):
            then = self.node(tree.part, then)
        return then

    def chars(self, ranges: Ranges, then: int) -> int:
        entries = []
        for low, high in ranges:
            for sequence in utf8_sequences(low, high):
                at = then
                for first, last in reversed(sequence):
                    at = self.add(BYTE, at, low=first, high=last)
                entries.append(at)
        if not entries:
            return self.add(FAIL)
        return entries[0] if len(entries) == 1 else self.add(SPLIT, *entries)


def utf8_sequences(low: int, high: int) -> Iterator[Ranges]:
    """Byte ranges that together spell the code points from low to high."""
    for start, end in ((0, 0x7F), (0x80, 0x7FF), (0x800, 0xD7FF), (0xE000, 0xFFFF)):
        if low <= end and high >= start:
            yield from split(max(low, start), min(high, end))
    if high >= 0x10000:
        yield from split(max(low, 0x10000), high)


def split(low: int, high: int) -> Iterator[Ranges]:
    """As `utf8_sequences`, for code points of one length."""
    first, last = chr(low).encode(), chr(high).encode()
    if len(first) == 1:
        yield ((first[0], last[0]),)
        return
    for bits in (6, 12, 18)[: len(first) - 1]:
        mask = (1 << bits) - 1
        if low & ~mask == high & ~mask:
            continue
        if low & mask:
            yield from split(low, low | mask)
            yield from split((low | mask) + 1, high)
            return
        if high & mask != mask:
            yield from split(low, (high & ~mask) - 1)
            yield from split(high & ~mask, high)
            return
    yield tuple(zip(first, last, strict=True))


def determinize(states: list[State], start: int) -> Tables:
    """Subset construction; a match may begin at any byte."""
    classes, width, samples = byte_classes(states)
    again = closure(states, [start], begin=False, end=False)
    first = closure(states, [start], begin=True, end=False)
    work = 0
    numbers: dict[tuple[frozenset[int], bool], int] = {}
    order: list[tuple[frozenset[int], bool]] = []

    def number(members: frozenset[int], begin: bool) -> int:
        key = (members, begin)
        if key not in numbers:
            if len(order) >= MAX_STATES:
                raise Unsupported("states")
            numbers[key] = len(order)
            order.append(key)
        return numbers[key]

    number(first, True)
    table: list[int] = []
    flags = bytearray()
    at = 0
    while at < len(order):
        members, begin = order[at]
        at += 1
        now = any(states[one].kind == MATCH for one in members)
        ending = closure(states, members, begin=begin, end=True)
        at_end = any(states[one].kind == MATCH for one in ending)
        moves = [one for one in members if states[one].kind == BYTE]
        dead = not now and not at_end and not moves and not again
        flags.append(NOW * now | AT_END * at_end | DEAD * dead)
        if now:  # nothing after a match matters
            table += [at - 1] * width
            continue
        work += width * (len(moves) + 1)
        if work > MAX_WORK:
            raise Unsupported("work")
        for byte in samples:
            targets = [
                states[one].out[0]
                for one in moves
                if states[one].low <= byte <= states[one].high
            ]
            after = closure(states, targets, begin=False, end=False) | again
            work += len(after)
            table.append(number(after, False))
    return Tables(
        len(order), width, classes, struct.pack(f"<{len(table)}H", *table), bytes(flags)
    )


def closure(
    states: list[State], seeds: Iterable[int], *, begin: bool, end: bool
) -> frozenset[int]:
    """What can be reached without a byte; edges that do not hold stay in it."""
    seen: set[int] = set()
    left = list(seeds)
    while left:
        one = left.pop()
        if one in seen:
            continue
        seen.add(one)
        state = states[one]
        if (
            state.kind == SPLIT
            or (state.kind == BEGIN and begin)
            or (state.kind == END and end)
        ):
            left += state.out
    return frozenset(
        one
        for one in seen
        if states[one].kind in (MATCH, BYTE, END)
        or (states[one].kind == BEGIN and begin)
    )


def byte_classes(states: list[State]) -> tuple[bytes, int, list[int]]:
    """Bytes that no state tells apart share a class: the map, the number of
    classes, and one byte of each."""
    cuts = {0, 256}
    for state in states:
        if state.kind == BYTE:
            cuts.update((state.low, state.high + 1))
    edges = sorted(cuts)
    classes = bytearray(256)
    for number, (low, high) in enumerate(pairwise(edges)):
        classes[low:high] = bytes([number]) * (high - low)
    return bytes(classes), len(edges) - 1, edges[:-1]

"""The tree of OPA's rule index: which tests of a body it gets to ask.

Definitions share a tree whose levels are documents.  A document that no body compares
with anything only has to be there.  Where several values of one document lead to a
body and the ways cannot meet again, what is below them in the tree is not asked.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from gatewright.rego import ast
from gatewright.rego.rule_tree import term_key

__all__ = [
    "ANYTHING",
    "SCALARS",
    "Asked",
    "Entry",
    "Found",
    "Kind",
    "Level",
    "Test",
    "Tests",
    "tests_for",
    "ways_to",
]

SCALARS: Final = (ast.Null, ast.Boolean, ast.Number, ast.String)
#: The value of a document that only has to be there.
ANYTHING: Final = ast.Var("$any")
_MOST_PATHS: Final = 32
#: Behind all entries.
_NOWHERE: Final = sys.maxsize

Kind = Literal["equal", "prefix", "suffix", "member", "key", "glob"]


@dataclass(frozen=True, slots=True)
class Test:
    """What the value of `term` must be.

    `equal`: one of the values (a variable stands for anything that is there);
    `prefix`, `suffix`: a text with one of them, or a collection; `member`: a
    collection that has one of them; `key`: a key of the collection `values[0]`;
    `glob`: an array, or a text that matches `[pattern, delimiters]`.
    `at`: the position in the body of the expression that asks.
    """

    term: ast.Term
    kind: Kind
    values: tuple[ast.Term, ...]
    at: int


@dataclass(slots=True)
class Tests:
    """All tests hold, and all of one of the `paths`."""

    tests: list[Test] = field(default_factory=list)
    paths: list[list[Test]] = field(default_factory=list)


@dataclass(slots=True)
class Entry:
    """One thing that a clause asks of a document, `ref` by its `term_key`."""

    ref: Hashable
    value: ast.Term
    at: int
    kind: Kind = "equal"

    @property
    def is_var(self) -> bool:
        return isinstance(self.value, ast.Var)

    @property
    def key(self) -> Hashable:
        """The same for entries of a document that ask the same."""
        return self.kind, term_key(self.value)

    @property
    def is_affix(self) -> bool:
        return self.kind in ("prefix", "suffix")


class Asked:
    """What a body asks of one document, as places in all that it asks.

    `places`: the first of each key; `open`: of entries that anything meets;
    `concrete`, `affixed`: the first of the others, and of those that are ends of
    texts; `count`: of the others.
    """

    __slots__ = ("affixed", "concrete", "count", "open", "places")

    def __init__(self) -> None:
        self.places: dict[Hashable, int] = {}
        self.open: deque[int] = deque()
        self.concrete = self.affixed = _NOWHERE
        self.count = 0

    def add(self, key: Hashable, place: int, *, is_open: bool, affix: bool) -> None:
        """Take in an entry that stands at a place now."""
        self.places[key] = min(place, self.places.get(key, _NOWHERE))
        if is_open:
            self.open.append(place)
            return
        self.count += 1
        self.concrete = min(self.concrete, place)
        if affix:
            self.affixed = min(self.affixed, place)

    def meet(
        self, key: Hashable, *, is_open: bool, affix: bool, whole: bool
    ) -> tuple[bool, int, int]:
        """What becomes of one entry more, found in order by who reads all of them.

        Whether it is new; the place of an open entry that it takes, -1 for none (a
        `whole` one takes the first, unless the same stands before that); and how the
        ways to the body part: 0 not, 1, or 2 if they cannot meet again.
        """
        end = self.places.get(key, _NOWHERE)
        new, taken, parts = end == _NOWHERE, -1, 0
        if not is_open:
            if whole and self.open and self.open[0] < end:
                new, taken, end = False, self.open[0], self.open[0]
            if self.concrete < end:
                parts = 2 if affix or self.affixed < end else 1
        return new, taken, parts

    def take(self, gone: Hashable) -> int:
        """Forget the first open entry, whose key is `gone`; its place."""
        del self.places[gone]
        return self.open.popleft()


@dataclass(slots=True)
class Level:
    """A document: how often it is asked for (`count`), and whether some clause is
    reached by several values of it: 1, or 2 if those cannot meet again."""

    term: ast.Term
    number: int
    count: int = 0
    alternated: int = 0


class Found:
    """What is found of one clause; `outer`: of the body around an operand."""

    def __init__(self, args: Sequence[ast.Term], outer: Sequence[Entry] = ()) -> None:
        self.args = args
        self.outer = list(outer)
        self.entries: list[Entry] = []
        self.asked: dict[Hashable, Asked] = {}
        #: Where a variable stands for a document, by its name.
        self.stand_ins: dict[str, list[int]] = {}
        self.choices: list[list[list[Entry]]] = []
        self.keys: list[tuple[ast.Term, ast.Ref, int]] = []

    def append(self, entry: Entry) -> None:
        """Put an entry behind the others."""
        self.entries.append(entry)
        self._note(entry, len(self.entries) - 1)

    def replace_open(self, entry: Entry) -> None:
        """Put an entry where the first stands that anything meets."""
        asked = self.asked[entry.ref]
        gone = self.entries[asked.open[0]]
        place = asked.take(gone.key)
        if isinstance(gone.value, ast.Var):
            self.stand_ins[gone.value.name].remove(place)
        self.entries[place] = entry
        self._note(entry, place)

    def _note(self, entry: Entry, place: int) -> None:
        asked = self.asked.setdefault(entry.ref, Asked())
        asked.add(entry.key, place, is_open=entry.is_var, affix=entry.is_affix)
        if isinstance(entry.value, ast.Var):
            self.stand_ins.setdefault(entry.value.name, []).append(place)


def tests_for(
    refs: dict[Hashable, Level], rules: Sequence[Found], *, keys: bool
) -> Iterator[Tests]:
    """For each clause; `keys`: collections are consulted."""
    ways = [ways_to(rule) for rule in rules]
    valued = {
        entry.ref
        for rule in rules
        for way in [rule.entries, *(w for c in rule.choices for w in c)]
        for entry in way
        if not entry.is_var
    }
    levels = sorted(
        (key for key, ref in refs.items() if ref.count and key in valued),
        key=lambda key: _rank(refs[key]),
    )
    ranks = {key: rank for rank, key in enumerate(levels)}
    for rule, alternatives in zip(rules, ways, strict=True):
        out = Tests()
        grouped = [_by_ref(way) for way in alternatives]
        paths = [_path(refs, ranks, way) for way in grouped]
        if len(paths) == 1:
            out.tests += paths[0]
        else:
            out.paths = paths
        first, *others = grouped
        bare = (k for k in first if k not in valued and all(k in way for way in others))
        out.tests += [
            Test(refs[key].term, "equal", (ANYTHING,), first[key][0].at)
            for key in sorted(bare, key=lambda key: refs[key].number)
        ]
        if keys:
            out.tests += [
                Test(key, "key", (collection,), at) for key, collection, at in rule.keys
            ]
        yield out


def _rank(ref: Level) -> tuple[Any, ...]:
    head = ref.term.terms[0] if isinstance(ref.term, ast.Ref) else None
    place = ("", 0, 0)
    if head is not None and head.loc is not ast.NO_LOCATION:
        place = (head.loc.file, head.loc.row, head.loc.col)
    return (ref.alternated, -ref.count, place, ref.number)


def _by_ref(way: Sequence[Entry]) -> dict[Hashable, list[Entry]]:
    out: dict[Hashable, list[Entry]] = {}
    for entry in way:
        out.setdefault(entry.ref, []).append(entry)
    return out


def _path(
    refs: dict[Hashable, Level],
    ranks: Mapping[Hashable, int],
    way: Mapping[Hashable, list[Entry]],
) -> list[Test]:
    out = []
    left = sum(map(len, way.values()))
    for level in sorted((key for key in way if key in ranks), key=ranks.__getitem__):
        entries = way[level]
        left -= len(entries)
        if len(entries) > 1:
            entries = [e for e in entries if not e.is_var] or entries
        term = refs[level].term
        if any(entry.is_var for entry in entries):
            out.append(Test(term, "equal", (ANYTHING,), entries[0].at))
            continue
        ends = len(entries) > 1 and (
            not left
            or any(e.is_affix or not isinstance(e.value, SCALARS) for e in entries)
        )
        if ends:
            entries = _one_end(entries)
        kinds = {entry.kind for entry in entries}
        at = max(entry.at for entry in entries)
        if len(kinds) == 1:
            values = tuple(entry.value for entry in entries)
            out.append(Test(term, entries[0].kind, values, at))
        else:
            out.append(Test(term, "equal", (ANYTHING,), at))
        if ends:
            break
    return out


def ways_to(rule: Found) -> list[list[Entry]]:
    """The sets of entries that lead to a clause, any of which is enough."""
    ways = [list(rule.entries)]
    for choice in rule.choices:
        if len(ways) * len(choice) > _MOST_PATHS:
            return [list(rule.entries)]
        ways = [[*way, *more] for way in ways for more in choice]
    return ways


def _one_end(entries: list[Entry]) -> list[Entry]:
    """Of prefixes and suffixes of one text those that say more."""
    sizes: dict[str, int] = {}
    for entry in entries:
        if entry.is_affix and isinstance(entry.value, ast.String):
            size = len(entry.value.value.encode("utf-8", "surrogateescape"))
            sizes[entry.kind] = min(size, sizes.get(entry.kind, size))
    if len(sizes) < 2:
        return entries
    drop = "prefix" if sizes["suffix"] > sizes["prefix"] else "suffix"
    return [entry for entry in entries if entry.kind != drop]

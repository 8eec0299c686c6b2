"""The tree of OPA's rule index: which tests of a body it gets to ask.

Definitions share a tree whose levels are documents.  A document that no body compares
with anything only has to be there.  Where several values of one document lead to a
body and the ways cannot meet again, what is below them in the tree is not asked.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from gatewright.rego import ast

__all__ = [
    "ANYTHING",
    "SCALARS",
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
    def is_affix(self) -> bool:
        return self.kind in ("prefix", "suffix")


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
        self.choices: list[list[list[Entry]]] = []
        self.keys: list[tuple[ast.Term, ast.Ref, int]] = []


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
    for rule, alternatives in zip(rules, ways, strict=True):
        out = Tests()
        paths = [_path(refs, levels, way) for way in alternatives]
        if len(paths) == 1:
            out.tests += paths[0]
        else:
            out.paths = paths
        for key, ref in refs.items():
            if key in valued:
                continue
            reads = [[e.at for e in way if e.ref == key] for way in alternatives]
            if all(reads):
                out.tests.append(Test(ref.term, "equal", (ANYTHING,), reads[0][0]))
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


def _path(
    refs: dict[Hashable, Level], levels: Sequence[Hashable], way: Sequence[Entry]
) -> list[Test]:
    out = []
    left = len(way)
    for level in levels:
        if not left:
            break
        entries = [entry for entry in way if entry.ref == level]
        left -= len(entries)
        if len(entries) > 1:
            entries = [e for e in entries if not e.is_var] or entries
        if not entries:
            continue
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

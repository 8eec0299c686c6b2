"""Fields of one name in a GraphQL answer, which have to be the same field.

Every two fields under one name are compared, those of fragments included, and their
own fields after them, in the order of the Go library that OPA uses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from gatewright.engine.library.budget import LINE, charge, older
from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.graphql_parser import Node
from gatewright.engine.library.graphql_schema import Schema, parts, type_text

__all__ = ["Conflict", "Overlaps", "Seen"]

#: What the walk found of a field: the type around it and its declaration.
Seen = Callable[[Node], tuple[Node | None, Node | None]]
MAX_DEPTH: Final = 200
_LEAVES: Final = frozenset(["SCALAR", "ENUM"])
_Fields = dict[str, list[Node]]


@dataclass(slots=True)
class Conflict:
    """Two fields that differ; `inner`: because fields of theirs do."""

    name: str
    at: Node
    reason: str = ""
    inner: list[Conflict] = field(default_factory=list)

    def why(self) -> str:
        if not self.inner:
            return self.reason
        return " and ".join(
            f'subfields "{one.name}" conflict because {one.why()}' for one in self.inner
        )

    def text(self) -> str:
        return (
            f'Fields "{self.name}" conflict because {self.why()}. Use different '
            "aliases on the fields to fetch both if this was intentional."
        )


def _collected(nodes: Sequence[Node]) -> tuple[_Fields, list[Node]]:
    """Fields by their name in the answer, and the fragments that are spread."""
    fields: _Fields = {}
    spreads: list[Node] = []

    def walk(nodes: Sequence[Node]) -> None:
        for node in nodes:
            if "Alias" in node:
                fields.setdefault(node["Alias"] or node["Name"], []).append(node)
            elif "TypeCondition" in node:
                walk(parts(node, "SelectionSet"))
            else:
                spreads.append(node)

    walk(nodes)
    return fields, spreads


def _alike(first: _Fields, second: _Fields) -> bool:
    """Tell whether they are the very same fields."""
    return [(k, [*map(id, v)]) for k, v in first.items()] == [
        (k, [*map(id, v)]) for k, v in second.items()
    ]


class Overlaps:
    """Compares the selections of one document; pairs of fragments only once."""

    def __init__(self, schema: Schema, seen: Seen, fragments: dict[str, Node]) -> None:
        self.schema = schema
        self.seen = seen
        self.fragments = fragments
        #: Fragments whose spreads the walk has met.
        self.known: set[int] = set()
        self.pairs: dict[tuple[str, str], bool] = {}
        self.compared: set[str] = set()
        self.depth = 0

    def within(self, nodes: Sequence[Node]) -> list[Conflict]:
        """Conflicts between the fields of one selection."""
        out: list[Conflict] = []
        if not nodes:
            return out
        fields, spreads = _collected(nodes)
        for group in fields.values():
            for at, first in enumerate(group):
                for second in group[at + 1 :]:
                    self.pair(out, first, second, exclusive=False)
        self.compared = set()
        for at, spread in enumerate(spreads):
            self.with_fragment(out, fields, spread, exclusive=False)
            for other in spreads[at + 1 :]:
                self.fragment_pair(out, spread, other, exclusive=False)
        return out

    def definition(self, spread: Node) -> Node | None:
        if id(spread) not in self.known:
            return None
        return self.fragments.get(spread["Name"])

    def with_fragment(
        self, out: list[Conflict], fields: _Fields, spread: Node, *, exclusive: bool
    ) -> None:
        if spread["Name"] in self.compared:
            return
        self.compared.add(spread["Name"])
        fragment = self.definition(spread)
        if fragment is None:
            return
        others, spreads = _collected(parts(fragment, "SelectionSet"))
        if _alike(fields, others):
            return
        self.between(out, fields, others, exclusive=exclusive)
        for inner in spreads:
            if inner["Name"] != spread["Name"]:
                self.with_fragment(out, fields, inner, exclusive=exclusive)

    def fragment_pair(
        self, out: list[Conflict], first: Node, second: Node, *, exclusive: bool
    ) -> None:
        names = (first["Name"], second["Name"])
        held = self.pairs.get(names)
        if names[0] == names[1] or held is False or (held and exclusive):
            return
        self.pairs[names] = self.pairs[names[1], names[0]] = exclusive
        left, right = self.definition(first), self.definition(second)
        if left is None or right is None:
            return
        fields, spreads = _collected(parts(left, "SelectionSet"))
        others, other_spreads = _collected(parts(right, "SelectionSet"))
        self.between(out, fields, others, exclusive=exclusive)
        for spread in other_spreads:
            self.fragment_pair(out, first, spread, exclusive=exclusive)
        for spread in spreads:
            self.fragment_pair(out, spread, second, exclusive=exclusive)

    def between(
        self, out: list[Conflict], fields: _Fields, others: _Fields, *, exclusive: bool
    ) -> None:
        for name, group in fields.items():
            for first in group:
                for second in others.get(name, ()):
                    self.pair(out, first, second, exclusive=exclusive)

    def pair(
        self, out: list[Conflict], first: Node, second: Node, *, exclusive: bool
    ) -> None:
        charge(20 * LINE)
        left, right = self.seen(first), self.seen(second)
        if left[0] is None or right[0] is None:
            return
        name = first["Alias"] or first["Name"]
        if not exclusive:
            exclusive = (
                left[0]["Name"] != right[0]["Name"]
                and left[0]["Kind"] == right[0]["Kind"] == "OBJECT"
                and left[1] is not None
                and right[1] is not None
            )
        reason = "" if exclusive else _different(first, second)
        if not reason and left[1] is not None and right[1] is not None:
            one, two = left[1]["Type"], right[1]["Type"]
            if self.types_differ(one, two):
                shown = f'"{type_text(one)}" and "{type_text(two)}"'
                reason = f"they return conflicting types {shown}"
        if reason:
            out.append(Conflict(name, second, reason))
            return
        inner = self.subfields(first, second, exclusive=exclusive)
        if inner:
            out.append(Conflict(name, second, inner=inner))

    def subfields(
        self, first: Node, second: Node, *, exclusive: bool
    ) -> list[Conflict]:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise BuiltinError("query is nested too deep")
        out: list[Conflict] = []
        fields, spreads = _collected(parts(first, "SelectionSet"))
        others, other_spreads = _collected(parts(second, "SelectionSet"))
        self.between(out, fields, others, exclusive=exclusive)
        for group, inner in ((fields, other_spreads), (others, spreads)):
            for spread in inner:
                self.compared = set()
                self.with_fragment(out, group, spread, exclusive=exclusive)
        for spread in spreads:
            for other in other_spreads:
                self.fragment_pair(out, spread, other, exclusive=exclusive)
        self.depth -= 1
        return out

    def types_differ(self, first: Node, second: Node) -> bool:
        if first.get("Elem") and second.get("Elem"):
            return self.types_differ(first["Elem"], second["Elem"])
        if first.get("Elem") or second.get("Elem"):
            return True
        if bool(first.get("NonNull")) != bool(second.get("NonNull")):
            return True
        left = self.schema.types[first["NamedType"]]
        right = self.schema.types[second["NamedType"]]
        leaves = left["Kind"] in _LEAVES and right["Kind"] in _LEAVES
        return leaves and left["Name"] != right["Name"]


def _different(first: Node, second: Node) -> str:
    if first["Name"] != second["Name"]:
        return f'"{first["Name"]}" and "{second["Name"]}" are different fields'
    left, right = parts(first, "Arguments"), parts(second, "Arguments")
    same = len(left) == len(right) and all(
        any(
            one["Name"] == other["Name"] and _same_value(one["Value"], other["Value"])
            for other in right
        )
        for one in left
    )
    return "" if same else "they have differing arguments"


def _same_value(first: Node, second: Node) -> bool:
    if first["Kind"] != second["Kind"] or first["Raw"] != second["Raw"]:
        return False
    if older():  # all objects and lists were alike
        return True
    left, right = list(parts(first, "Children")), list(parts(second, "Children"))
    if first["Kind"] == 9:
        left.sort(key=lambda child: str(child["Name"]))
        right.sort(key=lambda child: str(child["Name"]))
    return len(left) == len(right) and all(
        one["Name"] == other["Name"] and _same_value(one["Value"], other["Value"])
        for one, other in zip(left, right, strict=True)
    )

"""Checks a GraphQL query against a schema.

The walk, the rules at each of its stops, their order and words are those of the Go
library that OPA uses: all findings are told, so their order shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gatewright.engine.library.budget import LINE, charge, older
from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.gotext import quote
from gatewright.engine.library.graphql_fragments import Cycles, too_deep, top_fields
from gatewright.engine.library.graphql_hints import likely, listed
from gatewright.engine.library.graphql_overlaps import Overlaps
from gatewright.engine.library.graphql_parser import Node, located
from gatewright.engine.library.graphql_schema import (
    Schema,
    base_name,
    named,
    parts,
    type_text,
)
from gatewright.engine.library.graphql_values import Values

__all__ = ["check_query"]

_COMPOSITE: Final = frozenset(["OBJECT", "INTERFACE", "UNION"])
_ABSTRACT: Final = frozenset(["INTERFACE", "UNION"])
_LEAVES: Final = frozenset(["SCALAR", "ENUM"])
_INPUT: Final = frozenset(["SCALAR", "ENUM", "INPUT_OBJECT"])
_TYPENAME: Final = {"Name": "__typename", "Type": {"NamedType": "String"}}
MAX_DEPTH: Final = 200


def check_query(document: Node, schema: Schema) -> None:
    """Raise BuiltinError with every finding, located at the first.

    A query that is a tree, and no text, has no places; OPA then wraps what it has.
    """
    walk = _Walk(document, schema)
    walk.run()
    if not walk.findings:
        return
    _, row, col = walk.findings[0]
    if not row:
        lines = [f"input: {text}\n" for text, _, _ in walk.findings]
        raise BuiltinError(f"GraphQL parse error: {''.join(lines)}")
    lines = [f"input:{row}:{col}: {text}\n" for text, row, col in walk.findings]
    whole = "".join(lines).removeprefix(f"input:{row}:{col}: ")
    raise located(whole if col < 0 else whole.removesuffix(".\n"), row, col)


class _Walk:
    def __init__(self, document: Node, schema: Schema) -> None:
        self.document = document
        self.schema = schema
        self.findings: list[tuple[str, int, int]] = []
        self.operations = parts(document, "Operations")
        self.fragments: dict[str, Node] = {}
        for fragment in parts(document, "Fragments"):
            self.fragments.setdefault(fragment["Name"], fragment)
        self.operation: Node | None = None
        #: Of fields: the type around them, their declaration.
        self.declared: dict[int, tuple[Node | None, Node | None]] = {}
        self.walked: set[str] = set()
        self.depth = 0
        self.values = Values(schema, self.add)
        self.overlaps = Overlaps(schema, self.seen, self.fragments)
        self.cycles = Cycles(self.fragments, self.add)
        self.misplaced: set[tuple[str, tuple[int, int]]] = set()
        self.names: set[str] = set()
        self.fragment_names: set[str] = set()
        self.spread: set[str] = set()
        self.in_fragments = False

    def add(self, node: Node, text: str) -> None:
        line, column = node.get("_at") or (0, 0)
        self.findings.append((text, line, column))

    def seen(self, field: Node) -> tuple[Node | None, Node | None]:
        return self.declared.get(id(field), (None, None))

    def type(self, name: str | None) -> Node | None:
        return self.schema.types.get(name or "")

    # The walk ----------------------------------------------------------------

    def run(self) -> None:
        for operation in self.operations:
            self.walked = set()
            self.walk_operation(operation)
        for fragment in parts(self.document, "Fragments"):
            self.walked = set()
            definition = self.type(fragment["TypeCondition"])
            self.walk_directives(fragment, "FRAGMENT_DEFINITION")
            self.walk_selections(parts(fragment, "SelectionSet"), definition)
            self.on_fragment(fragment, definition)

    def walk_operation(self, node: Node) -> None:
        self.operation = node
        variables = parts(node, "VariableDefinitions")
        self.values.enter(variables, node["Name"])
        for variable in variables:
            name = base_name(variable["Type"])
            if self.type(name) is None:
                self.add(variable, f'Unknown type "{name}".')
        kind = node["Operation"] or "query"
        for variable in variables:
            if variable.get("DefaultValue"):
                self.values.walk(variable["DefaultValue"], variable["Type"])
            self.walk_directives(variable, "VARIABLE_DEFINITION")
        self.walk_directives(node, kind.upper())
        root = self.type(self.schema.roots.get(kind))
        self.walk_selections(parts(node, "SelectionSet"), root)
        self.on_operation(node, root)
        self.operation = None
        self.values.leave()

    def walk_directives(self, node: Node, where: str) -> None:
        directives = parts(node, "Directives")
        for used in directives:
            declared = self.schema.directives.get(used["Name"])
            self.walk_arguments(used, declared)
            self.on_directive(used, declared, where)
        seen: set[str] = set()
        for used in directives:
            name = used["Name"]
            declared = self.schema.directives.get(name)
            once = declared is None or not declared.get("IsRepeatable")
            if once and name in seen:
                shown = f'"@{name}"'
                text = f"The directive {shown} can only be used once at this location."
                self.add(used, text)
            seen.add(name)

    def walk_arguments(self, node: Node, declared: Node | None) -> None:
        known = parts(declared or {}, "Arguments")
        for argument in parts(node, "Arguments"):
            wanted = named(known, argument["Name"])
            if wanted is None:
                self.values.walk(argument["Value"], None)
                continue
            default = wanted.get("DefaultValue")
            filled = default is not None and default["Kind"] != 6
            self.values.walk(argument["Value"], wanted["Type"], has_default=filled)

    def walk_selections(self, nodes: Sequence[Node], parent: Node | None) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise BuiltinError("query is nested too deep")
        for node in nodes:
            charge(20 * LINE)
            if "Alias" in node:
                self.walk_field(node, parent)
            elif "TypeCondition" in node:
                inner = parent
                if node["TypeCondition"]:
                    inner = self.type(node["TypeCondition"])
                self.walk_directives(node, "INLINE_FRAGMENT")
                self.walk_selections(parts(node, "SelectionSet"), inner)
                self.on_inline(node, parent)
            else:
                self.walk_spread(node, parent)
        self.depth -= 1

    def walk_field(self, node: Node, parent: Node | None) -> None:
        declared: Node | None = None
        if node["Name"] == "__typename":
            declared = _TYPENAME
        elif parent is not None:
            declared = named(parts(parent, "Fields"), node["Name"])
        self.declared[id(node)] = (parent, declared)
        inner = None if declared is None else self.type(base_name(declared["Type"]))
        self.walk_arguments(node, declared)
        self.walk_directives(node, "FIELD")
        self.walk_selections(parts(node, "SelectionSet"), inner)
        self.on_field(node, parent, declared)

    def walk_spread(self, node: Node, parent: Node | None) -> None:
        name = node["Name"]
        self.overlaps.known.add(id(node))
        fragment = self.fragments.get(name)
        self.walk_directives(node, "FRAGMENT_SPREAD")
        if fragment is not None and name not in self.walked:
            self.walked.add(name)
            if not older():
                self.walk_directives(fragment, "FRAGMENT_DEFINITION")
            inner = self.type(fragment["TypeCondition"])
            self.walk_selections(parts(fragment, "SelectionSet"), inner)
        if fragment is None:
            self.add(node, f'Unknown fragment "{name}".')
        if not self.in_fragments:
            self.spread.add(name)
        if fragment is not None:
            self.possible(node, parent, fragment["TypeCondition"], f'Fragment "{name}"')

    # Rules -------------------------------------------------------------------

    def on_operation(self, node: Node, root: Node | None) -> None:
        name, kind = node["Name"], node["Operation"]
        variables = parts(node, "VariableDefinitions")
        if root is None:
            self.add(node, f'Schema does not support operation type "{kind}"')
        if not name and len(self.operations) > 1:
            text = "This anonymous operation must be the only defined operation."
            self.add(node, text)
        where = f' in operation "{name}"' if name else ""
        for variable in variables:
            if id(variable) not in self.values.used:
                shown = variable["Variable"]
                self.add(variable, f'Variable "${shown}" is never used{where}.')
        self.conflicts(node)
        if kind == "subscription" and root is not None:
            self.subscription(node)
        if name in self.names:
            self.add(node, f'There can be only one operation named "{name}".')
        self.names.add(name)
        counts: dict[str, int] = {}
        for variable in variables:
            shown = variable["Variable"]
            if counts.get(shown) == 1:
                text = f'There can be only one variable named "${shown}".'
                self.add(variable, text)
            counts[shown] = counts.get(shown, 0) + 1
        for variable in variables:
            found = self.type(base_name(variable["Type"]))
            if found is not None and found["Kind"] not in _INPUT:
                shown = f'"${variable["Variable"]}" cannot be non-input type'
                of = type_text(variable["Type"])
                self.add(variable, f'Variable {shown} "{of}".')

    def subscription(self, node: Node) -> None:
        fields = top_fields(parts(node, "SelectionSet"), self.fragments)
        start = "Anonymous Subscription"
        if node["Name"]:
            start = f"Subscription {quote(node['Name'])}"
        if len(fields) > 1:
            self.add(fields[1], f"{start} must select only one top level field.")
        for field in fields:
            if field["Name"].startswith("__"):
                text = f"{start} must not select an introspection top level field."
                self.add(field, text)

    def conflicts(self, node: Node) -> None:
        for conflict in self.overlaps.within(parts(node, "SelectionSet")):
            self.add(conflict.at, conflict.text())

    def on_field(self, node: Node, parent: Node | None, declared: Node | None) -> None:
        name = node["Name"]
        if parent is not None and declared is None:
            self.missing_field(node, parent)
        if parent is not None and declared is not None:
            self.unknown_arguments(node, declared, f'field "{parent["Name"]}.{name}"')
        if name in ("__schema", "__type") and too_deep(node, self.fragments):
            self.add(node, "Maximum introspection depth exceeded")
        if self.operation is not None:
            self.conflicts(node)
        if declared is not None:
            self.required(node, declared, f'Field "{name}"')
            self.leaf(node, declared)
        self.unique(node)

    def missing_field(self, node: Node, parent: Node) -> None:
        name = node["Name"]
        text = f'Cannot query field "{name}" on type "{parent["Name"]}".'
        types = self.fitting(parent, name)
        if types:
            text += f" Did you mean to use an inline fragment on {listed(types)}?"
        elif parent["Kind"] in ("OBJECT", "INTERFACE"):
            own = [entry["Name"] for entry in parts(parent, "Fields")]
            text += likely(name, own)
        self.add(node, text)

    def fitting(self, parent: Node, name: str) -> list[str]:
        """Types that have a field: interfaces by how many types have them, objects."""
        if parent["Kind"] not in _ABSTRACT:
            return []
        objects = []
        uses: dict[str, int] = {}
        for member in self.schema.possible.get(parent["Name"], ()):
            found = self.schema.types[member]
            if named(parts(found, "Fields"), name) is None:
                continue
            objects.append(member)
            for interface in parts(found, "Interfaces"):
                of = self.type(interface)
                if of is not None and named(parts(of, "Fields"), name) is not None:
                    uses[interface] = uses.get(interface, 0) + 1
        return sorted([*uses, *objects], key=lambda each: (-uses.get(each, 0), each))

    def unknown_arguments(self, node: Node, declared: Node, where: str) -> None:
        known = [entry["Name"] for entry in parts(declared, "Arguments")]
        for argument in parts(node, "Arguments"):
            name = argument["Name"]
            if name not in known:
                hint = likely(name, known)
                self.add(node, f'Unknown argument "{name}" on {where}.{hint}')

    def required(self, node: Node, declared: Node, what: str) -> None:
        given = {argument["Name"] for argument in parts(node, "Arguments")}
        for argument in parts(declared, "Arguments"):
            name, of = argument["Name"], argument["Type"]
            if not of.get("NonNull") or argument.get("DefaultValue") or name in given:
                continue
            self.add(
                node,
                f'{what} argument "{name}" of type "{type_text(of)}" is required, but '
                "it was not provided.",
            )

    def leaf(self, node: Node, declared: Node) -> None:
        name, of = node["Name"], declared["Type"]
        found = self.type(base_name(of))
        children = parts(node, "SelectionSet")
        if found is None:
            return
        leaf = found["Kind"] in _LEAVES
        if leaf and children:
            self.add(
                node,
                f'Field "{name}" must not have a selection since type '
                f'"{found["Name"]}" has no subfields.',
            )
        if not leaf and not children:
            self.add(
                node,
                f'Field "{name}" of type "{type_text(of)}" must have a selection of '
                f'subfields. Did you mean "{name} {{ ... }}"?',
            )

    def unique(self, node: Node) -> None:
        counts: dict[str, int] = {}
        for argument in parts(node, "Arguments"):
            name = argument["Name"]
            if counts.get(name) == 1:
                text = f'There can be only one argument named "{name}".'
                self.add(argument, text)
            counts[name] = counts.get(name, 0) + 1

    def on_directive(self, node: Node, declared: Node | None, where: str) -> None:
        name = node["Name"]
        shown = f'"@{name}"'
        if declared is None:
            self.add(node, f"Unknown directive {shown}.")
        else:
            self.unknown_arguments(node, declared, f"directive {shown}")
            place = (name, node.get("_at") or (0, 0))
            if where not in declared["Locations"] and place not in self.misplaced:
                self.misplaced.add(place)
                self.add(node, f"Directive {shown} may not be used on {where}.")
            self.required(node, declared, f"Directive {shown}")
        self.unique(node)

    def on_inline(self, node: Node, parent: Node | None) -> None:
        on = node["TypeCondition"]
        found = self.type(on)
        if found is not None and found["Kind"] not in _COMPOSITE:
            text = f'Fragment cannot condition on non composite type "{on}".'
            self.add(node, text)
        if on and found is None:
            self.add(node, f'Unknown type "{on}".')
        self.conflicts(node)
        self.possible(node, parent, on, "Fragment")

    def possible(self, node: Node, parent: Node | None, on: str, what: str) -> None:
        found = self.type(on)
        if parent is None or parent["Kind"] not in _COMPOSITE:
            return
        if found is None or found["Kind"] not in _COMPOSITE:
            return
        possible = self.schema.possible
        around = [parent["Name"]]
        if parent["Kind"] != "OBJECT":
            around = possible.get(parent["Name"], [])
        if not set(around) & set(possible.get(on, ())):
            self.add(
                node,
                f'{what} cannot be spread here as objects of type "{parent["Name"]}" '
                f'can never be of type "{on}".',
            )

    def on_fragment(self, node: Node, found: Node | None) -> None:
        name, on = node["Name"], node["TypeCondition"]
        if found is not None and on and found["Kind"] not in _COMPOSITE:
            shown = f'Fragment "{name}" cannot condition on non composite type'
            self.add(node, f'{shown} "{on}".')
        if found is None:
            self.add(node, f'Unknown type "{on}".{likely(on, self.schema.types)}')
        self.cycles.find(node)
        self.in_fragments = True
        if name not in self.spread:
            self.add(node, f'Fragment "{name}" is never used.')
        self.conflicts(node)
        if name in self.fragment_names:
            self.add(node, f'There can be only one fragment named "{name}".')
        self.fragment_names.add(name)

"""Checks a GraphQL query against a schema.

The rules are those of the GraphQL specification, in the order and words of the Go
library that OPA uses.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.gotext import quote
from gatewright.engine.library.graphql_hints import likely
from gatewright.engine.library.graphql_parser import Node, located
from gatewright.engine.library.graphql_schema import Schema, base_name, type_text

__all__ = ["check_query"]

_COMPOSITE: Final = frozenset(["OBJECT", "INTERFACE", "UNION"])
_INPUT: Final = frozenset(["SCALAR", "ENUM", "INPUT_OBJECT"])
MAX_DEPTH: Final = 200
#: Selections that are compared with each other, at most.
MAX_COMPARED: Final = 100_000


def check_query(document: Node, schema: Schema) -> None:
    """Raise BuiltinError with every finding, located at the first.

    A query that is a tree, and no text, has no places; OPA then wraps what it has.
    """
    rules = _Rules(document, schema)
    rules.run()
    if not rules.findings:
        return
    _, row, col = rules.findings[0]
    if not row:
        lines = [f"input: {text}\n" for text, _, _ in rules.findings]
        raise BuiltinError(f"GraphQL parse error: {''.join(lines)}")
    lines = [f"input:{row}:{col}: {text}\n" for text, row, col in rules.findings]
    whole = "".join(lines).removeprefix(f"input:{row}:{col}: ")
    raise located(whole.removesuffix(".\n"), row, col)


class _Rules:
    def __init__(self, document: Node, schema: Schema) -> None:
        self.document = document
        self.schema = schema
        self.findings: list[tuple[str, int, int]] = []
        self.fragments = {f["Name"]: f for f in document.get("Fragments") or ()}
        self.operation: Node | None = None
        self.variables: dict[str, Node] = {}
        self.used: set[str] = set()
        self.spread: set[str] = set()
        self.walked: set[str] = set()
        self.cycled: set[str] = set()
        self.depth = 0
        self.compared = 0

    def add(self, node: Node, text: str) -> None:
        line, column = node.get("_at") or (0, 0)
        self.findings.append((text, line, column))

    def run(self) -> None:
        operations = self.document.get("Operations") or []
        names: set[str] = set()
        for operation in operations:
            self.operation_rules(operation, alone=len(operations) == 1)
            if operation["Name"] in names:
                self.add(
                    operation,
                    f"There can be only one operation named "
                    f"{quote(operation['Name'])}.",
                )
            names.add(operation["Name"])
        self.operation = None
        seen: set[str] = set()
        for fragment in self.document.get("Fragments") or ():
            self.fragment_rules(fragment)
            if fragment["Name"] in seen:
                self.add(
                    fragment,
                    f"There can be only one fragment named {quote(fragment['Name'])}.",
                )
            seen.add(fragment["Name"])

    def operation_rules(self, node: Node, *, alone: bool) -> None:
        self.operation = node
        self.used, self.walked = set(), set()
        declared = node.get("VariableDefinitions") or []
        self.variables = {entry["Variable"]: entry for entry in declared}
        root = self.schema.roots.get(node["Operation"])
        for variable in declared:
            if variable.get("DefaultValue"):
                self.value(variable["DefaultValue"], variable["Type"])
            self.directives(variable, "VARIABLE_DEFINITION")
        self.directives(node, node["Operation"].upper())
        for variable in declared:
            self.known_type(base_name(variable["Type"]), variable)
        self.selections(node.get("SelectionSet") or [], root)
        if root is None:
            kind = quote(node["Operation"])
            self.add(node, f"Schema does not support operation type {kind}")
        if not alone and not node["Name"]:
            text = "This anonymous operation must be the only defined operation."
            self.add(node, text)
        where = f" in operation {quote(node['Name'])}" if node["Name"] else ""
        for variable in declared:
            if variable["Variable"] not in self.used:
                shown = quote("$" + variable["Variable"])
                self.add(variable, f"Variable {shown} is never used{where}.")
        self.overlaps(node.get("SelectionSet") or [], root)
        if node["Operation"] == "subscription" and root:
            self.single_field(node)
        self.variable_rules(declared)

    def variable_rules(self, declared: list[Node]) -> None:
        seen: set[str] = set()
        for variable in declared:
            name = variable["Variable"]
            if name in seen:
                shown = quote("$" + name)
                self.add(variable, f"There can be only one variable named {shown}.")
            seen.add(name)
            found = self.schema.types.get(base_name(variable["Type"]))
            if found is not None and found["Kind"] not in _INPUT:
                shown = quote(type_text(variable["Type"]))
                self.add(
                    variable,
                    f"Variable {quote('$' + name)} cannot be non-input type {shown}.",
                )

    def single_field(self, node: Node) -> None:
        fields = [s for s in node["SelectionSet"] if "Alias" in s]
        if len(fields) > 1:
            name = quote(node["Name"]) if node["Name"] else ""
            start = f"Subscription {name}" if name else "Anonymous Subscription"
            self.add(fields[1], f"{start} must select only one top level field.")

    def known_type(self, name: str, node: Node) -> None:
        if name not in self.schema.types:
            hint = likely(name, self.schema.types)
            self.add(node, f"Unknown type {quote(name)}.{hint}")

    def fragment_rules(self, node: Node) -> None:
        name, on = node["Name"], node["TypeCondition"]
        self.directives(node, "FRAGMENT_DEFINITION")
        # Once more where it was spread: the library finds twice what is wrong in it
        self.walked = set()
        self.selections(node.get("SelectionSet") or [], on)
        found = self.schema.types.get(on)
        if found is not None and found["Kind"] not in _COMPOSITE:
            self.add(
                node,
                f"Fragment {quote(name)} cannot condition on non composite type "
                f"{quote(on)}.",
            )
        self.known_type(on, node)
        self.cycles(node)
        if name not in self.spread:
            self.add(node, f"Fragment {quote(name)} is never used.")

    def cycles(self, fragment: Node) -> None:
        """Find each cycle once, from the fragment that is seen first."""
        if fragment["Name"] in self.cycled:
            return
        # Fragments under way, each with the spreads that are to be followed.
        path: list[str] = []
        stack = [iter(self.entered(fragment, path))]
        while stack:
            spread = next(stack[-1], None)
            if spread is None:
                stack.pop()
                path.pop()
                continue
            name = spread["Name"]
            if name in path:
                via = path[path.index(name) + 1 :]
                shown = f" via {', '.join(map(quote, via))}" if via else ""
                text = f"Cannot spread fragment {quote(name)} within itself{shown}."
                self.add(spread, text)
            elif name in self.fragments and name not in self.cycled:
                stack.append(iter(self.entered(self.fragments[name], path)))

    def entered(self, fragment: Node, path: list[str]) -> list[Node]:
        self.cycled.add(fragment["Name"])
        path.append(fragment["Name"])
        return list(_spreads(fragment.get("SelectionSet") or []))

    def selections(self, nodes: list[Node], parent: str | None) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise BuiltinError("query is nested too deep")
        for node in nodes:
            if "Alias" in node:
                self.field(node, parent)
            elif "TypeCondition" in node:
                self.inline(node, parent)
            else:
                self.named_spread(node, parent)
        self.depth -= 1

    def field(self, node: Node, parent: str | None) -> None:
        declared = self.schema.field(parent, node["Name"]) if parent else None
        of = None if declared is None else declared["Type"]
        known = {a["Name"]: a for a in (declared or {}).get("Arguments") or ()}
        for argument in node.get("Arguments") or ():
            wanted = known.get(argument["Name"])
            self.value(
                argument["Value"],
                wanted["Type"] if wanted else None,
                has_default=bool(wanted and wanted.get("DefaultValue")),
            )
        below = None if of is None else base_name(of)
        children = node.get("SelectionSet") or []
        self.selections(children, below)
        self.directives(node, "FIELD")
        if parent not in self.schema.types:
            return
        assert parent is not None
        if declared is None or of is None:
            self.missing_field(node, parent)
            return
        where = "field " + quote(f"{parent}.{node['Name']}")
        for argument in node.get("Arguments") or ():
            if argument["Name"] not in known:
                name = quote(argument["Name"])
                hint = likely(argument["Name"], known)
                self.add(node, f"Unknown argument {name} on {where}.{hint}")
        self.required(node, known, f"Field {quote(node['Name'])}")
        kind = self.schema.types.get(below or "", {}).get("Kind")
        if kind not in _COMPOSITE and children:
            self.add(
                node,
                f"Field {quote(node['Name'])} must not have a selection since type "
                f"{quote(base_name(of))} has no subfields.",
            )
        elif kind in _COMPOSITE and not children:
            self.add(
                node,
                f"Field {quote(node['Name'])} of type {quote(type_text(of))} must have "
                f'a selection of subfields. Did you mean "{node["Name"]} {{ ... }}"?',
            )
        self.unique(node)

    def missing_field(self, node: Node, parent: str) -> None:
        name = node["Name"]
        text = f"Cannot query field {quote(name)} on type {quote(parent)}."
        kind = self.schema.types[parent]["Kind"]
        fitting = []
        if kind in ("INTERFACE", "UNION"):
            fitting = [
                member
                for member in sorted(self.schema.possible.get(parent, ()))
                if self.schema.field(member, name)
            ]
        if fitting:
            listed = " or ".join(map(quote, fitting[:5]))
            text += f" Did you mean to use an inline fragment on {listed}?"
        else:
            own = self.schema.types[parent].get("Fields") or ()
            text += likely(name, [entry["Name"] for entry in own])
        self.add(node, text)

    def required(self, node: Node, known: dict[str, Node], what: str) -> None:
        given = {argument["Name"] for argument in node.get("Arguments") or ()}
        for argument in known.values():
            needed = argument["Type"].get("NonNull")
            if (
                needed
                and not argument.get("DefaultValue")
                and (argument["Name"] not in given)
            ):
                self.add(
                    node,
                    f"{what} argument {quote(argument['Name'])} of type "
                    f"{quote(type_text(argument['Type']))} is required, but it was not "
                    "provided.",
                )

    def unique(self, node: Node) -> None:
        seen: set[str] = set()
        for argument in node.get("Arguments") or ():
            name = argument["Name"]
            if name in seen:
                text = f"There can be only one argument named {quote(name)}."
                self.add(argument, text)
            seen.add(name)

    def inline(self, node: Node, parent: str | None) -> None:
        on = node.get("TypeCondition") or parent
        self.directives(node, "INLINE_FRAGMENT")
        self.selections(node.get("SelectionSet") or [], on)
        named: str = node.get("TypeCondition") or ""
        found = self.schema.types.get(named)
        if found is not None and found["Kind"] not in _COMPOSITE:
            self.add(
                node,
                f"Fragment cannot condition on non composite type {quote(named)}.",
            )
            return
        if named:
            self.known_type(named, node)
            if not self.meet(parent, named):
                self.add(
                    node,
                    f"Fragment cannot be spread here as objects of type "
                    f"{quote(parent or '')} can never be of type {quote(named)}.",
                )

    def meet(self, first: str | None, second: str) -> bool:
        types = self.schema.types
        if first not in types or second not in types:
            return True
        left = self.schema.possible.get(first, {first})
        right = self.schema.possible.get(second, {second})
        return bool(left & right)

    def named_spread(self, node: Node, parent: str | None) -> None:
        name = node["Name"]
        fragment = self.fragments.get(name)
        self.spread.add(name)
        self.directives(node, "FRAGMENT_SPREAD")
        if fragment is not None and name not in self.walked:
            self.walked.add(name)
            self.selections(
                fragment.get("SelectionSet") or [], fragment["TypeCondition"]
            )
        if fragment is None:
            self.add(node, f"Unknown fragment {quote(name)}.")
        elif not self.meet(parent, fragment["TypeCondition"]):
            self.add(
                node,
                f"Fragment {quote(name)} cannot be spread here as objects of type "
                f"{quote(parent or '')} can never be of type "
                f"{quote(fragment['TypeCondition'])}.",
            )

    def directives(self, node: Node, where: str) -> None:
        seen: set[str] = set()
        for used in node.get("Directives") or ():
            name = used["Name"]
            declared = self.schema.directives.get(name)
            known = {a["Name"]: a for a in (declared or {}).get("Arguments") or ()}
            for argument in used.get("Arguments") or ():
                wanted = known.get(argument["Name"])
                self.value(argument["Value"], wanted["Type"] if wanted else None)
            shown = quote("@" + name)
            if declared is None:
                self.add(used, f"Unknown directive {shown}.")
                continue
            for argument in used.get("Arguments") or ():
                if argument["Name"] not in known:
                    extra = quote(argument["Name"])
                    hint = likely(argument["Name"], known)
                    text = f"Unknown argument {extra} on directive {shown}.{hint}"
                    self.add(used, text)
            if where not in declared["Locations"]:
                self.add(used, f"Directive {shown} may not be used on {where}.")
            self.required(used, known, f"Directive {shown}")
            self.unique(used)
            if name in seen and not declared.get("IsRepeatable"):
                text = f"The directive {shown} can only be used once at this location."
                self.add(used, text)
            seen.add(name)

    def value(self, node: Node, of: Node | None, *, has_default: bool = False) -> None:
        kind = node["Kind"]
        if kind == 0:
            self.variable_use(node, of, has_default=has_default)
            return
        found = self.schema.types.get(base_name(of)) if of else None
        fields = {f["Name"]: f for f in (found or {}).get("Fields") or ()}
        seen: set[str] = set()
        for child in node.get("Children") or ():
            if kind == 9:
                if child["Name"] in seen:
                    name = quote(child["Name"])
                    text = f"There can be only one input field named {name}."
                    self.add(node, text)
                seen.add(child["Name"])
                wanted = fields.get(child["Name"])
                self.value(child["Value"], wanted["Type"] if wanted else None)
            else:
                inner = of["Elem"] if of and of.get("Elem") else None
                self.value(child["Value"], inner)
        if of is not None and found is not None:
            self.literal(node, of, found, fields)

    def variable_use(self, node: Node, of: Node | None, *, has_default: bool) -> None:
        name = node["Raw"]
        self.used.add(name)
        declared = self.variables.get(name)
        if self.operation is None:
            return
        shown = quote("$" + name)
        if declared is None:
            title = self.operation["Name"]
            where = f" by operation {quote(title)}" if title else ""
            self.add(node, f"Variable {shown} is not defined{where}.")
            return
        if of is None:
            return
        given = declared["Type"]
        default = declared.get("DefaultValue")
        if of.get("NonNull") and not given.get("NonNull"):
            filled = default is not None and default["Kind"] != 6
            if filled or has_default:
                of = {**of, "NonNull": False}
        if not _fits(given, of):
            self.add(
                node,
                f"Variable {shown} of type {quote(type_text(given))} used in position "
                f"expecting type {quote(type_text(of))}.",
            )

    def literal(
        self, node: Node, of: Node, found: Node, fields: dict[str, Node]
    ) -> None:
        kind, name = node["Kind"], found["Name"]
        if kind == 6:
            if of.get("NonNull"):
                shown = quote(type_text(of))
                self.add(node, f"Expected value of type {shown}, found null.")
            return
        if kind == 8 and of.get("Elem"):
            return
        text = _value_text(node)
        if found["Kind"] == "SCALAR":
            message = _scalar_problem(name, kind, text)
            if message:
                self.add(node, message)
        elif found["Kind"] == "ENUM":
            values = [entry["Name"] for entry in found.get("EnumValues") or ()]
            if kind != 7:
                hint = likely(node["Raw"], values, "Did you mean the enum value ")
                shown = f"Enum {quote(name)} cannot represent non-enum value: {text}."
                self.add(node, shown + hint)
            elif node["Raw"] not in values:
                hint = likely(text, values, "Did you mean the enum value ")
                shown = f"Value {quote(text)} does not exist in {quote(name)} enum."
                self.add(node, shown + hint)
        elif kind != 9:
            shown = quote(type_text(of))
            self.add(node, f"Expected value of type {shown}, found {text}.")
        else:
            self.object_literal(node, name, fields)

    def object_literal(self, node: Node, name: str, fields: dict[str, Node]) -> None:
        given = {child["Name"] for child in node.get("Children") or ()}
        for entry in fields.values():
            needed = entry["Type"].get("NonNull") and not entry.get("DefaultValue")
            if needed and entry["Name"] not in given:
                shown = quote(f"{name}.{entry['Name']}")
                self.add(
                    node,
                    f"Field {shown} of required type {quote(type_text(entry['Type']))} "
                    "was not provided.",
                )
        for child in node.get("Children") or ():
            if child["Name"] not in fields:
                hint = likely(child["Name"], fields)
                shown = quote(child["Name"])
                text = f"Field {shown} is not defined by type {quote(name)}.{hint}"
                self.add(child, text)

    def overlaps(self, nodes: list[Node], parent: str | None) -> None:
        """Fields of one name in the answer must be the same field."""
        grouped: dict[str, list[tuple[Node, str | None]]] = {}
        for node, on in self.collected(nodes, parent, frozenset()):
            grouped.setdefault(node["Alias"], []).append((node, on))
        for alias, group in grouped.items():
            first, first_on = group[0]
            children: list[Node] = list(first.get("SelectionSet") or [])
            for node, on in group[1:]:
                self.compared += 1
                if self.compared > MAX_COMPARED:
                    raise BuiltinError("query has too many fields of one name")
                if self.apart(first_on, on):
                    continue
                reason = _conflict(first, node)
                if reason:
                    self.add(
                        node,
                        f"Fields {quote(alias)} conflict because {reason}. Use "
                        "different aliases on the fields to fetch both if this was "
                        "intentional.",
                    )
                children += node.get("SelectionSet") or []
            if children:
                declared = self.schema.field(first_on or "", first["Name"])
                below = base_name(declared["Type"]) if declared else None
                self.depth += 1
                if self.depth > MAX_DEPTH:
                    raise BuiltinError("query is nested too deep")
                self.overlaps(children, below)
                self.depth -= 1

    def apart(self, first: str | None, second: str | None) -> bool:
        """No value is of both types."""
        kinds = [
            self.schema.types.get(t or "", {}).get("Kind") for t in (first, second)
        ]
        return first != second and kinds == ["OBJECT", "OBJECT"]

    def collected(
        self, nodes: list[Node], parent: str | None, via: frozenset[str]
    ) -> Iterable[tuple[Node, str | None]]:
        for node in nodes:
            if "Alias" in node:
                yield node, parent
            elif "TypeCondition" in node:
                on = node.get("TypeCondition") or parent
                yield from self.collected(node.get("SelectionSet") or [], on, via)
            elif node["Name"] in self.fragments and node["Name"] not in via:
                fragment = self.fragments[node["Name"]]
                yield from self.collected(
                    fragment.get("SelectionSet") or [],
                    fragment["TypeCondition"],
                    via | {node["Name"]},
                )


def _spreads(nodes: list[Node]) -> Iterable[Node]:
    """Spreads in the library's order: those of one level, then the last one below."""
    levels = [nodes]
    while levels:
        for node in levels.pop():
            if "Alias" in node or "TypeCondition" in node:
                levels.append(node.get("SelectionSet") or [])
            else:
                yield node


def _conflict(first: Node, second: Node) -> str:
    if first["Name"] != second["Name"]:
        names = f"{quote(first['Name'])} and {quote(second['Name'])}"
        return f"{names} are different fields"
    left, right = (
        {a["Name"]: _value_text(a["Value"]) for a in node.get("Arguments") or ()}
        for node in (first, second)
    )
    return "" if left == right else "they have differing arguments"


def _fits(given: Node, wanted: Node) -> bool:
    """A variable of one type may stand where the other is wanted."""
    if wanted.get("NonNull") and not given.get("NonNull"):
        return False
    if wanted.get("Elem") or given.get("Elem"):
        if not (wanted.get("Elem") and given.get("Elem")):
            return False
        return _fits(given["Elem"], wanted["Elem"])
    return bool(given["NamedType"] == wanted["NamedType"])


def _value_text(node: Node) -> str:
    kind, children = node["Kind"], node.get("Children") or ()
    if kind == 0:
        return f"${node['Raw']}"
    if kind in (3, 4):
        return quote(node["Raw"])
    if kind == 8:
        return f"[{','.join(_value_text(child['Value']) for child in children)}]"
    if kind == 9:
        inner = ",".join(f"{c['Name']}:{_value_text(c['Value'])}" for c in children)
        return f"{{{inner}}}"
    raw: Any = node["Raw"]
    return str(raw)


_SCALARS: Final = {
    "Int": (frozenset([1]), "Int cannot represent non-integer value: "),
    "Float": (frozenset([1, 2]), "Float cannot represent non numeric value: "),
    "String": (frozenset([3, 4]), "String cannot represent a non string value: "),
    "Boolean": (frozenset([5]), "Boolean cannot represent a non boolean value: "),
    "ID": (
        frozenset([1, 3, 4]),
        "ID cannot represent a non-string and non-integer value: ",
    ),
}


def _scalar_problem(name: str, kind: int, text: str) -> str:
    if name not in _SCALARS:
        return ""
    allowed, message = _SCALARS[name]
    return "" if kind in allowed else message + text

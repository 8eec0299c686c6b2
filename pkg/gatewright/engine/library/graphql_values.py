"""Checks values in GraphQL queries: literals against types, uses of variables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gatewright.engine.library.budget import LINE, charge
from gatewright.engine.library.gotext import quote
from gatewright.engine.library.graphql_hints import likely
from gatewright.engine.library.graphql_parser import Node
from gatewright.engine.library.graphql_schema import (
    Schema,
    base_name,
    compatible,
    named,
    parts,
    type_text,
)

__all__ = ["Values"]

VARIABLE, INT, FLOAT, STRING, BLOCK, BOOLEAN, NULL, ENUM, LIST, OBJECT = range(10)
_SCALARS: Final = {
    "Int": "Int cannot represent non-integer value:",
    "Float": "Float cannot represent non numeric value:",
    "String": "String cannot represent a non string value:",
    "Boolean": "Boolean cannot represent a non boolean value:",
    "ID": "ID cannot represent a non-string and non-integer value:",
}
_TAKES: Final = {
    INT: frozenset(["Int", "Float", "ID"]),
    FLOAT: frozenset(["Float"]),
    STRING: frozenset(["String", "ID"]),
    BLOCK: frozenset(["String", "ID"]),
    BOOLEAN: frozenset(["Boolean"]),
}
_ENUM_HINT: Final = "Did you mean the enum value "


@dataclass(slots=True)
class _Wanted:
    """What is wanted where a value stands, once the walk has been there."""

    type: Node | None = None
    definition: Node | None = None
    has_default: bool = False


def value_text(node: Node) -> str:
    """Print a value."""
    kind, children = node["Kind"], parts(node, "Children")
    if kind == VARIABLE:
        return f"${node['Raw']}"
    if kind in (STRING, BLOCK):
        return quote(node["Raw"])
    if kind == LIST:
        return f"[{','.join(value_text(child['Value']) for child in children)}]"
    if kind == OBJECT:
        inner = ",".join(f"{c['Name']}:{value_text(c['Value'])}" for c in children)
        return f"{{{inner}}}"
    raw: Any = node["Raw"]
    return str(raw)


def _out_of_range(text: str, bits: int) -> bool | None:
    """As strconv.ParseInt: None where it is no integer at all."""
    digits = text[1:] if text[:1] in ("-", "+") else text
    value = 0
    for digit in digits:
        if not "0" <= digit <= "9":
            return None
        value = value * 10 + int(digit)
        if value >= 1 << bits:
            return True
    if not digits:
        return None
    return value >= (1 << (bits - 1)) + text.startswith("-")


def _float_out_of_range(text: str) -> bool:
    try:
        return float(text) in (float("inf"), float("-inf"))
    except ValueError:
        return True


class Values:
    """Walks values of one document, and reports what is wrong with them."""

    def __init__(self, schema: Schema, add: Callable[[Node, str], None]) -> None:
        self.schema = schema
        self.add = add
        self.wanted: dict[int, _Wanted] = {}
        #: Variables of the operation at hand, and uses of them that were met.
        self.variables: Sequence[Node] | None = None
        self.operation = ""
        self.bound: dict[int, Node | None] = {}
        self.used: set[int] = set()

    def enter(self, variables: Sequence[Node], operation: str) -> None:
        """Start an operation."""
        self.variables, self.operation = variables, operation

    def leave(self) -> None:
        """End an operation."""
        self.variables = None

    def walk(self, node: Node, of: Node | None, *, has_default: bool = False) -> None:
        """Check a value; `of` is the type that is wanted, where one is."""
        if of is not None:
            found = self.schema.types.get(base_name(of))
            self.wanted[id(node)] = _Wanted(of, found, has_default)
        self._walk(node)

    def _walk(self, node: Node) -> None:
        charge(10 * LINE)
        kind = node["Kind"]
        wanted = self.wanted.get(id(node)) or _Wanted()
        if kind == VARIABLE and self.variables is not None:
            name = node["Raw"]
            found = next((v for v in self.variables if v["Variable"] == name), None)
            self.bound[id(node)] = found
            if found is not None:
                self.used.add(id(found))
        for child in parts(node, "Children"):
            value = child["Value"]
            if kind == OBJECT and wanted.definition is not None:
                field = named(parts(wanted.definition, "Fields"), child["Name"])
                if field is not None:
                    default = field.get("DefaultValue")
                    self.wanted[id(value)] = _Wanted(
                        field["Type"],
                        self.schema.types.get(base_name(field["Type"])),
                        default is not None and default["Kind"] != NULL,
                    )
            elif kind == LIST and wanted.type is not None and wanted.type.get("Elem"):
                held = self.wanted.get(id(value))
                self.wanted[id(value)] = _Wanted(
                    wanted.type["Elem"],
                    wanted.definition,
                    held.has_default if held else False,
                )
            self._walk(value)
        self.rules(node, wanted)

    def rules(self, node: Node, wanted: _Wanted) -> None:
        kind = node["Kind"]
        bound = self.bound.get(id(node))
        if kind == VARIABLE and self.variables is not None and bound is None:
            where = f' by operation "{self.operation}"' if self.operation else ""
            self.add(node, f'Variable "{value_text(node)}" is not defined{where}.')
        if kind == OBJECT:
            seen: set[str] = set()
            for child in parts(node, "Children"):
                if child["Name"] in seen:
                    text = f'There can be only one input field named "{child["Name"]}".'
                    self.add(child, text)
                seen.add(child["Name"])
        if wanted.type is not None and wanted.definition is not None:
            self.literal(node, wanted.type, wanted.definition)
        if kind == VARIABLE and self.variables is not None and bound is not None:
            self.position(node, bound, wanted)
        if kind == OBJECT and wanted.definition is not None:
            self.one_of(node, wanted.definition)

    def position(self, node: Node, bound: Node, wanted: _Wanted) -> None:
        if wanted.type is None:
            return
        default = bound.get("DefaultValue")
        of = wanted.type
        if wanted.has_default or (default is not None and default["Kind"] != NULL):
            of = {**of, "NonNull": False}
        if not compatible(bound["Type"], of):
            self.add(
                node,
                f'Variable "{value_text(node)}" of type "{type_text(bound["Type"])}" '
                f'used in position expecting type "{type_text(wanted.type)}".',
            )

    def one_of(self, node: Node, definition: Node) -> None:
        if named(parts(definition, "Directives"), "oneOf") is None:
            return
        for child in parts(node, "Children"):
            bound = self.bound.get(id(child["Value"]))
            if bound is not None and not bound["Type"].get("NonNull"):
                self.add(
                    bound,
                    f'Variable "{value_text(child["Value"])}" is of type '
                    f'"{type_text(bound["Type"])}" but must be non-nullable to be used '
                    f'for OneOf Input Object "{definition["Name"]}".',
                )

    # Literals ----------------------------------------------------------------

    def unreadable(self, node: Node | None) -> bool:
        """Tell whether there is a number that Go cannot hold."""
        if node is None:
            return False
        kind = node["Kind"]
        if kind == VARIABLE:
            bound = self.bound.get(id(node))
            return bound is not None and self.unreadable(bound.get("DefaultValue"))
        if kind == INT:
            return _out_of_range(node["Raw"], 64) is not False
        if kind == FLOAT:
            return _float_out_of_range(node["Raw"])
        return any(self.unreadable(child["Value"]) for child in parts(node, "Children"))

    def unexpected(self, node: Node, of: Node, definition: Node) -> None:
        shown, text = type_text(of), value_text(node)
        scalar = "String" if shown == "[String]" else shown.removesuffix("!")
        if scalar == "Int" and _out_of_range(node["Raw"], 32):
            message = f"Int cannot represent non 32-bit signed integer value: {text}"
        elif scalar in _SCALARS:
            message = f"{_SCALARS[scalar]} {text}"
        elif definition["Kind"] == "ENUM":
            message = f'Enum "{shown}" cannot represent non-enum value: {text}.'
        else:
            message = f'Expected value of type "{shown}", found {text}.'
        self.add(node, message)

    def literal(self, node: Node, of: Node, definition: Node) -> None:
        kind, name, shown = node["Kind"], definition["Name"], type_text(of)
        text = value_text(node)
        if kind == NULL and of.get("NonNull"):
            self.add(node, f'Expected value of type "{shown}", found {text}.')
        if definition["Kind"] == "SCALAR" and name not in _SCALARS:
            return
        if self.unreadable(node):
            self.unexpected(node, of, definition)
        enum = definition["Kind"] == "ENUM"
        known = [entry["Name"] for entry in parts(definition, "EnumValues")]
        if kind == LIST:
            if not of.get("Elem"):
                self.unexpected(node, of, definition)
        elif kind in (STRING, BLOCK) and enum:
            message = f'Enum "{shown}" cannot represent non-enum value: {text}.'
            self.add(node, message + likely(node["Raw"], known, _ENUM_HINT))
        elif kind == ENUM and enum:
            if node["Raw"] not in known:
                message = f'Value "{text}" does not exist in "{shown}" enum.'
                self.add(node, message + likely(text, known, _ENUM_HINT))
        elif kind == OBJECT:
            self.object(node, definition)
        elif kind == ENUM or (kind in _TAKES and name not in _TAKES[kind]):
            self.unexpected(node, of, definition)

    def object(self, node: Node, definition: Node) -> None:
        name, children = definition["Name"], parts(node, "Children")
        fields = parts(definition, "Fields")
        given = {child["Name"] for child in children}
        for entry in fields:
            of = entry["Type"]
            if not of.get("NonNull") or entry.get("DefaultValue"):
                continue
            if entry["Name"] not in given:
                shown = f'"{name}.{entry["Name"]}" of required type "{type_text(of)}"'
                self.add(node, f"Field {shown} was not provided.")
        for directive in parts(definition, "Directives"):
            if directive["Name"] != "oneOf":
                continue
            if len(children) != 1:
                text = f'OneOf Input Object "{name}" must specify exactly one key.'
                self.add(node, text)
            elif children[0]["Value"]["Kind"] == NULL:
                shown = f'"{name}.{fields[0]["Name"]}"'
                self.add(children[0]["Value"], f"Field {shown} must be non-null.")
        known = [entry["Name"] for entry in fields]
        for child in children:
            if child["Name"] not in known:
                hint = likely(child["Name"], known)
                text = f'Field "{child["Name"]}" is not defined by type "{name}".'
                self.add(child, text + hint)

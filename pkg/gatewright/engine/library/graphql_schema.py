"""A GraphQL schema by name, and what makes one invalid.

Checks come in the order, and have the words, of the Go library that OPA uses.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from gatewright.engine.library.budget import older
from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.gotext import quote
from gatewright.engine.library.graphql_parser import Node, parse_schema
from gatewright.engine.library.graphql_prelude import PRELUDE

__all__ = ["Schema", "base_name", "compatible", "load_schema", "named", "type_text"]

#: Directives that a schema may define again.
_REDEFINABLE: Final = frozenset(
    ["include", "skip", "deprecated", "specifiedBy", "defer", "oneOf"]
)
_INPUT: Final = ("SCALAR", "ENUM", "INPUT_OBJECT")
_OUTPUT: Final = ("SCALAR", "OBJECT", "INTERFACE", "UNION", "ENUM")
_PARTS: Final = ("Directives", "Interfaces", "Fields", "Types", "EnumValues")
_ROOTS: Final = {
    "query": "Query",
    "mutation": "Mutation",
    "subscription": "Subscription",
}


@dataclass(slots=True)
class Schema:
    """Types and directives by name; `roots` maps an operation to its type's name.

    `possible` has the names of the types that a value of a type may be of.
    """

    types: dict[str, Node] = field(default_factory=dict)
    directives: dict[str, Node] = field(default_factory=dict)
    roots: dict[str, str] = field(default_factory=dict)
    possible: dict[str, list[str]] = field(default_factory=dict)


def parts(node: Node, name: str) -> Sequence[Any]:
    """Return a list that a node may lack."""
    return node.get(name) or ()


def named(nodes: Iterable[Node], name: str) -> Node | None:
    """Return the first node of a name."""
    return next((node for node in nodes if node["Name"] == name), None)


def type_text(of: Node) -> str:
    """Print a type: `[Int!]!`."""
    inner = of["NamedType"] or f"[{type_text(of['Elem'])}]"
    return f"{inner}!" if of.get("NonNull") else inner


def base_name(of: Node) -> str:
    """Return the name at the heart of a type."""
    while not of["NamedType"]:
        of = of["Elem"]
    name: str = of["NamedType"]
    return name


def compatible(given: Node, wanted: Node) -> bool:
    """Tell whether a value of one type may stand where the other is wanted."""
    if given["NamedType"] != wanted["NamedType"]:
        return False
    inner, other = given.get("Elem"), wanted.get("Elem")
    if inner and not (other and compatible(inner, other)):
        return False
    return bool(given.get("NonNull") or not wanted.get("NonNull"))


@lru_cache(1)
def _prelude() -> Node:
    return parse_schema(PRELUDE)


def _fail(node: Node, message: str) -> Exception:
    line, column = node.get("_at") or (-1, -1)
    return BuiltinError(
        "Error in gqlparser SchemaDocument to Schema conversion: "
        f"input:{line}:{column}: {message}"
    )


def load_schema(document: Node) -> Schema:
    """Return a checked schema; BuiltinError says what is wrong."""
    prelude = _prelude()
    out = Schema()
    built_in = {node["Name"] for node in prelude["Definitions"]}
    for node in [*prelude["Definitions"], *parts(document, "Definitions")]:
        name = node["Name"]
        if name in out.types:
            raise _fail(node, f"Cannot redeclare type {name}.")
        out.types[name] = dict(node)
    for extension in parts(document, "Extensions"):
        _extend(out, extension)
    _find_possible(out)
    for directive in [*prelude["Directives"], *parts(document, "Directives")]:
        name = directive["Name"]
        if name in out.directives and name not in _REDEFINABLE:
            raise _fail(directive, f"Cannot redeclare directive {name}.")
        out.directives[name] = directive
    _find_roots(out, document)
    for name in sorted(out.types):
        _check_definition(out, out.types[name], built_in=name in built_in)
    if not older():  # the library that OPA 1.17 has lets them be
        _check_cycles(out)
    for name in sorted(out.directives):
        directive = out.directives[name]
        _check_name(directive)
        _check_arguments(out, parts(directive, "Arguments"), name)
    if not parts(document, "Schema"):
        for operation, name in _ROOTS.items():
            if name in out.types:
                out.roots.setdefault(operation, name)
    _add_introspection(out)
    return out


def _extend(schema: Schema, extension: Node) -> None:
    name, kind = extension["Name"], extension["Kind"]
    base = schema.types.get(name)
    if base is None:
        base = {"Kind": kind, "Name": name, "_at": extension.get("_at")}
        schema.types[name] = base
    if base["Kind"] != kind:
        raise _fail(
            extension,
            f"Cannot extend type {name} because the base type is a {base['Kind']}, "
            f"not {kind}.",
        )
    for part in (*_PARTS, "_members"):
        base[part] = [*parts(base, part), *parts(extension, part)]


def _find_possible(schema: Schema) -> None:
    for name, node in schema.types.items():
        if node["Kind"] == "UNION":
            schema.possible.setdefault(name, []).extend(parts(node, "Types"))
        elif node["Kind"] in ("INPUT_OBJECT", "OBJECT", "INTERFACE"):
            for interface in parts(node, "Interfaces"):
                schema.possible.setdefault(interface, []).append(name)
            if node["Kind"] != "INTERFACE":
                schema.possible.setdefault(name, []).append(name)


def _find_roots(schema: Schema, document: Node) -> None:
    declared = parts(document, "Schema")
    if len(declared) > 1:
        raise _fail(
            declared[1],
            "Cannot have multiple schema entry points, consider schema extensions "
            "instead.",
        )
    for node in [*declared, *parts(document, "SchemaExtension")]:
        for entry in parts(node, "OperationTypes"):
            if entry["Type"] not in schema.types:
                raise _fail(
                    entry,
                    f"Schema root {entry['Operation']} refers to a type "
                    f"{entry['Type']} that does not exist.",
                )
            schema.roots[entry["Operation"]] = entry["Type"]
        _check_directives(schema, node, "SCHEMA")


def _add_introspection(schema: Schema) -> None:
    """Give the type of queries the fields that tell of the schema."""
    query = schema.types.get(schema.roots.get("query", ""))
    if query is None:
        return
    text = {"NamedType": "String", "NonNull": True}
    query["Fields"] = [
        *parts(query, "Fields"),
        {"Name": "__schema", "Type": {"NamedType": "__Schema", "NonNull": True}},
        {
            "Name": "__type",
            "Type": {"NamedType": "__Type"},
            "Arguments": [{"Name": "name", "Type": text}],
        },
    ]


def _check_definition(schema: Schema, node: Node, *, built_in: bool) -> None:
    kind = node["Kind"]
    inputs = kind == "INPUT_OBJECT"
    for entry in parts(node, "Fields"):
        _check_name(entry)
        _check_type(schema, entry["Type"], entry)
        _check_arguments(schema, parts(entry, "Arguments"), "")
        where = "INPUT_FIELD_DEFINITION" if inputs else "FIELD_DEFINITION"
        _check_directives(schema, entry, where)
    for member in parts(node, "Types"):
        found = schema.types.get(member)
        if found is None:
            raise _fail(node, f"Undefined type {quote(member)}.")
        if found["Kind"] != "OBJECT":
            raise _fail(node, f"{kind} type {quote(member)} must be OBJECT.")
    for interface in parts(node, "Interfaces"):
        _check_implements(schema, node, interface)
    if kind in ("OBJECT", "INTERFACE", "INPUT_OBJECT"):
        _check_fields(schema, node)
    elif kind == "ENUM":
        _check_values(schema, node)
    _check_unique(node)
    if not built_in:
        _check_name(node)
    _check_directives(schema, node, kind, once=False)


def _check_fields(schema: Schema, node: Node) -> None:
    name, kind = node["Name"], node["Kind"]
    inputs = kind == "INPUT_OBJECT"
    if not parts(node, "Fields"):
        what = "input fields" if inputs else "fields"
        raise _fail(node, f"{kind} {name}: must define one or more {what}.")
    wanted = _INPUT if inputs else _OUTPUT
    for entry in parts(node, "Fields"):
        found = schema.types[base_name(entry["Type"])]["Kind"]
        if found not in wanted:
            shown = f"{found} {entry['Name']}" if inputs else f"{kind} {name}"
            listed = ", ".join(wanted)
            raise _fail(entry, f"{shown}: field must be one of {listed}.")


def _check_values(schema: Schema, node: Node) -> None:
    start = f"{node['Kind']} {node['Name']}"
    if not parts(node, "EnumValues"):
        raise _fail(node, f"{start}: must define one or more unique enum values.")
    for value in parts(node, "EnumValues"):
        if value["Name"] in ("true", "false", "null"):
            raise _fail(node, f"{start}: non-enum value {value['Name']}.")
        _check_directives(schema, value, "ENUM_VALUE")


def _twice(names: Sequence[str]) -> int | None:
    """The second place of the first name that is there twice."""
    for at, name in enumerate(names):
        if names.count(name) > 1 and names.index(name) == at:
            return names.index(name, at + 1)
    return None


def _check_unique(node: Node) -> None:
    once = [("Fields", "Field")]
    if not older():
        once.append(("EnumValues", "Enum value"))
    for part, what in once:
        entries = parts(node, part)
        at = _twice([entry["Name"] for entry in entries])
        if at is not None:
            shown = f"{node['Name']}.{entries[at]['Name']}"
            raise _fail(entries[at], f"{what} {shown} can only be defined once.")
    members = parts(node, "Types")
    at = None if older() else _twice(list(members))
    if at is not None:
        places = parts(node, "_members")
        place = {"_at": places[at]} if len(places) == len(members) else node
        shown = f"Union type {node['Name']} can only include type {members[at]}"
        raise _fail(place, f"{shown} once.")


def _check_cycles(schema: Schema) -> None:
    """Refuse input objects that need one of themselves."""
    seen: set[str] = set()
    path: list[Node] = []
    index: dict[str, int] = {}

    def follow(node: Node) -> None:
        name = node["Name"]
        if name in seen:
            return
        seen.add(name)
        index[name] = len(path)
        for entry in parts(node, "Fields"):
            of = entry["Type"]
            inner = schema.types.get(of["NamedType"])
            if not of.get("NonNull") or not inner or inner["Kind"] != "INPUT_OBJECT":
                continue
            path.append(entry)
            if inner["Name"] in index:
                cycle = path[index[inner["Name"]] :]
                shown = quote(".".join(step["Name"] for step in cycle))
                raise _fail(
                    cycle[0],
                    f"Cannot reference Input Object {quote(inner['Name'])} within "
                    f"itself through a series of non-null fields: {shown}.",
                )
            follow(inner)
            path.pop()
        del index[name]

    for name in sorted(schema.types):
        if schema.types[name]["Kind"] == "INPUT_OBJECT":
            follow(schema.types[name])


def _check_name(node: Node) -> None:
    if node["Name"].startswith("__"):
        raise _fail(
            node,
            f'Name "{node["Name"]}" must not begin with "__", which is reserved by '
            "GraphQL introspection.",
        )


def _check_type(schema: Schema, of: Node, node: Node) -> None:
    name = base_name(of)
    if name not in schema.types:
        raise _fail(of if "_at" in of else node, f"Undefined type {name}.")


def _check_arguments(schema: Schema, arguments: Iterable[Any], directive: str) -> None:
    for argument in arguments:
        _check_name(argument)
        _check_type(schema, argument["Type"], argument)
        kind = schema.types[base_name(argument["Type"])]["Kind"]
        if kind not in _INPUT:
            raise _fail(
                argument,
                f"cannot use {type_text(argument['Type'])} as argument "
                f"{argument['Name']} because {kind} is not a valid input type",
            )
        _check_directives(schema, argument, "ARGUMENT_DEFINITION", inside=directive)


def _check_directives(
    schema: Schema, node: Node, where: str, *, inside: str = "", once: bool = True
) -> None:
    """`once`: the place is one, and not a type and its extensions."""
    seen: set[str] = set()
    for used in parts(node, "Directives"):
        name = used["Name"]
        _check_name(used)
        if inside and name == inside:
            raise _fail(used, f"Directive {name} cannot refer to itself.")
        declared = schema.directives.get(name)
        if declared is None:
            raise _fail(used, f"Undefined directive {name}.")
        if once and name in seen and not declared.get("IsRepeatable") and not older():
            text = f"The directive {name} can only be used once at this location."
            raise _fail(used, text)
        seen.add(name)
        if where not in declared["Locations"]:
            raise _fail(used, f"Directive {name} is not applicable on {where}.")
        known, given = parts(declared, "Arguments"), parts(used, "Arguments")
        for argument in given:
            if named(known, argument["Name"]) is None:
                text = f"Undefined argument {argument['Name']} for directive {name}."
                raise _fail(argument, text)
        for argument in known:
            if argument["Type"].get("NonNull") and not argument.get("DefaultValue"):
                found = named(given, argument["Name"])
                if found is None or found["Value"]["Kind"] == 6:
                    shown = f"Argument {argument['Name']} for directive {name}"
                    raise _fail(used, f"{shown} cannot be null.")


def _check_implements(schema: Schema, node: Node, interface: str) -> None:
    declared = schema.types.get(interface)
    if declared is None:
        raise _fail(node, f"Undefined type {quote(interface)}.")
    if declared["Kind"] != "INTERFACE":
        kind = declared["Kind"]
        raise _fail(node, f"{quote(interface)} is a non interface type {kind}.")
    name = node["Name"]
    start = f"For {name} to implement {interface}"
    for wanted in parts(declared, "Fields"):
        field_name = wanted["Name"]
        found = named(parts(node, "Fields"), field_name)
        if found is None:
            raise _fail(node, f"{start} it must have a field called {field_name}.")
        if not _covariant(schema, wanted["Type"], found["Type"]):
            shown = type_text(wanted["Type"])
            text = f"{start} the field {field_name} must have type {shown}."
            raise _fail(found, text)
        _check_own_arguments(start, wanted, found)
    for parent in parts(declared, "Interfaces"):
        if parent in parts(node, "Interfaces"):
            continue
        if parent == name:
            raise _fail(
                node,
                f"Type {name} cannot implement {interface} because it would create a "
                "circular reference.",
            )
        raise _fail(
            node,
            f"Type {name} must implement {parent} because it is implemented by "
            f"{interface}.",
        )


def _check_own_arguments(start: str, wanted: Node, found: Node) -> None:
    own, needed = parts(found, "Arguments"), parts(wanted, "Arguments")
    shown = f"{start} the field {wanted['Name']} must have the same arguments but"
    for argument in needed:
        name = argument["Name"]
        mine = named(own, name)
        if mine is None:
            raise _fail(found, f"{shown} it is missing {name}.")
        if not compatible(argument["Type"], mine["Type"]):
            raise _fail(mine, f"{shown} {name} has the wrong type.")
    for argument in own:
        required = argument["Type"].get("NonNull") and not argument.get("DefaultValue")
        if required and named(needed, argument["Name"]) is None:
            raise _fail(
                argument,
                f"{start} any additional arguments on {found['Name']} must be optional "
                f"or have a default value but {argument['Name']} is required.",
            )


def _covariant(schema: Schema, wanted: Node, found: Node) -> bool:
    if wanted.get("NonNull") and not found.get("NonNull"):
        return False
    if wanted["NamedType"]:
        name = found["NamedType"]
        return name == wanted["NamedType"] or name in schema.possible.get(
            wanted["NamedType"], ()
        )
    if not found.get("Elem"):
        return False
    return _covariant(schema, wanted["Elem"], found["Elem"])

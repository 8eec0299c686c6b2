"""A GraphQL schema by name, and what makes one invalid."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from gatewright.engine.library.graphql_parser import Node, located, parse_schema

__all__ = ["Schema", "load_schema", "type_text"]

_PRELUDE: Final = """
scalar Int scalar Float scalar String scalar Boolean scalar ID
directive @include(if: Boolean!) on FIELD | FRAGMENT_SPREAD | INLINE_FRAGMENT
directive @skip(if: Boolean!) on FIELD | FRAGMENT_SPREAD | INLINE_FRAGMENT
directive @deprecated(reason: String = "No longer supported")
  on FIELD_DEFINITION | ARGUMENT_DEFINITION | INPUT_FIELD_DEFINITION | ENUM_VALUE
directive @specifiedBy(url: String!) on SCALAR
directive @defer(if: Boolean = true, label: String) on FRAGMENT_SPREAD | INLINE_FRAGMENT
directive @oneOf on INPUT_OBJECT
type __Schema {
  description: String types: [__Type!]! queryType: __Type! mutationType: __Type
  subscriptionType: __Type directives: [__Directive!]!
}
type __Type {
  kind: __TypeKind! name: String description: String
  fields(includeDeprecated: Boolean = false): [__Field!] interfaces: [__Type!]
  possibleTypes: [__Type!] enumValues(includeDeprecated: Boolean = false): [__EnumValue!]
  inputFields: [__InputValue!] ofType: __Type specifiedByURL: String isOneOf: Boolean
}
type __Field {
  name: String! description: String args: [__InputValue!]! type: __Type!
  isDeprecated: Boolean! deprecationReason: String
}
type __InputValue {
  name: String! description: String type: __Type! defaultValue: String
}
type __EnumValue {
  name: String! description: String isDeprecated: Boolean! deprecationReason: String
}
enum __TypeKind { SCALAR OBJECT INTERFACE UNION ENUM INPUT_OBJECT LIST NON_NULL }
type __Directive {
  name: String! description: String locations: [__DirectiveLocation!]!
  args: [__InputValue!]! isRepeatable: Boolean!
}
enum __DirectiveLocation { QUERY MUTATION SUBSCRIPTION FIELD }
"""
_REDEFINABLE: Final = frozenset(["include", "skip", "deprecated", "specifiedBy"])
_INPUT: Final = frozenset(["SCALAR", "ENUM", "INPUT_OBJECT"])
_OUTPUT: Final = frozenset(["SCALAR", "OBJECT", "INTERFACE", "UNION", "ENUM"])
_ROOTS: Final = {
    "query": "Query",
    "mutation": "Mutation",
    "subscription": "Subscription",
}


@dataclass(slots=True)
class Schema:
    """Types and directives by name; `roots` maps an operation to its type's name."""

    types: dict[str, Node] = field(default_factory=dict)
    directives: dict[str, Node] = field(default_factory=dict)
    roots: dict[str, str] = field(default_factory=dict)
    possible: dict[str, set[str]] = field(default_factory=dict)

    def field(self, type_name: str, name: str) -> Node | None:
        """Return a field of a type, the introspective ones included."""
        if name == "__typename":
            return {"Name": name, "Type": {"NamedType": "String", "NonNull": True}}
        if type_name == self.roots.get("query") and name in ("__schema", "__type"):
            kind = "__Schema" if name == "__schema" else "__Type"
            out: Node = {"Name": name, "Type": {"NamedType": kind, "NonNull": True}}
            if name == "__type":
                text = {"NamedType": "String", "NonNull": True}
                out["Arguments"] = [{"Name": "name", "Type": text}]
            return out
        for entry in self.types.get(type_name, {}).get("Fields") or ():
            if entry["Name"] == name:
                found: Node = entry
                return found
        return None


def type_text(of: Node) -> str:
    """Print a type: `[Int!]!`."""
    inner = f"[{type_text(of['Elem'])}]" if of.get("Elem") else of["NamedType"]
    return f"{inner}!" if of.get("NonNull") else inner


def base_name(of: Node) -> str:
    """Return the name at the heart of a type."""
    while of.get("Elem"):
        of = of["Elem"]
    name: str = of["NamedType"]
    return name


def _fail(node: Node, message: str) -> Exception:
    line, column = node.get("_at") or (0, 0)
    return located(message.removesuffix("."), line, column)


def load_schema(document: Node) -> Schema:
    """Return a checked schema; BuiltinError says what is wrong."""
    prelude = parse_schema(_PRELUDE)
    out = Schema()
    for definition in prelude["Definitions"]:
        out.types[definition["Name"]] = definition
    for directive in prelude["Directives"]:
        out.directives[directive["Name"]] = directive
    built_in = frozenset(out.types)
    for definition in document.get("Definitions") or ():
        name = definition["Name"]
        if name in out.types:
            raise _fail(definition, f"Cannot redeclare type {name}.")
        out.types[name] = dict(definition)
    for extension in document.get("Extensions") or ():
        _extend(out, extension)
    for directive in document.get("Directives") or ():
        name = directive["Name"]
        if name in out.directives and name not in _REDEFINABLE:
            raise _fail(directive, f"Cannot redeclare directive {name}.")
        out.directives[name] = directive
    _find_roots(out, document)
    for name, definition in out.types.items():
        for interface in definition.get("Interfaces") or ():
            out.possible.setdefault(interface, set()).add(name)
        for member in definition.get("Types") or ():
            out.possible.setdefault(name, set()).add(member)
        if definition["Kind"] == "OBJECT":
            out.possible.setdefault(name, set()).add(name)
    for directive in document.get("Directives") or ():
        _check_arguments(out, directive.get("Arguments") or (), directive["Name"])
    for name in sorted(out.types):
        if name not in built_in:
            _check_definition(out, out.types[name])
    return out


def _extend(schema: Schema, extension: Node) -> None:
    name = extension["Name"]
    base = schema.types.get(name)
    if base is None:
        schema.types[name] = dict(extension)
        return
    if base["Kind"] != extension["Kind"]:
        raise _fail(
            extension,
            f"Cannot extend type {name} because the base type is a {base['Kind']}, "
            f"not {extension['Kind']}.",
        )
    for part in ("Directives", "Interfaces", "Fields", "Types", "EnumValues"):
        base[part] = [*(base.get(part) or ()), *(extension.get(part) or ())]


def _find_roots(schema: Schema, document: Node) -> None:
    declared = document.get("Schema") or []
    if len(declared) > 1:
        raise _fail(
            declared[1],
            "Cannot have multiple schema entry points, consider schema extensions "
            "instead.",
        )
    for node in [*declared, *(document.get("SchemaExtension") or ())]:
        for entry in node.get("OperationTypes") or ():
            if entry["Type"] not in schema.types:
                raise _fail(
                    entry,
                    f"Schema root {entry['Operation']} refers to a type "
                    f"{entry['Type']} that does not exist.",
                )
            schema.roots[entry["Operation"]] = entry["Type"]
        _check_directives(schema, node, "SCHEMA")
    if not declared:
        for operation, name in _ROOTS.items():
            if name in schema.types:
                schema.roots.setdefault(operation, name)


def _check_definition(schema: Schema, node: Node) -> None:
    name, kind = node["Name"], node["Kind"]
    for entry in node.get("Fields") or ():
        _check_name(entry)
        _check_type(schema, entry["Type"], entry)
        _check_arguments(schema, entry.get("Arguments") or (), "")
        where = (
            "INPUT_FIELD_DEFINITION" if kind == "INPUT_OBJECT" else "FIELD_DEFINITION"
        )
        _check_directives(schema, entry, where)
    for member in node.get("Types") or ():
        found = schema.types.get(member)
        if found is None:
            raise _fail(node, f"Undefined type {member!r}.".replace("'", '"'))
        if found["Kind"] != "OBJECT":
            raise _fail(node, f"{kind} type {member} must be OBJECT.")
    for interface in node.get("Interfaces") or ():
        _check_implements(schema, node, interface)
    values = node.get("EnumValues") or ()
    if kind in ("OBJECT", "INTERFACE", "INPUT_OBJECT") and not node.get("Fields"):
        what = "input fields" if kind == "INPUT_OBJECT" else "fields"
        raise _fail(node, f"{kind} {name}: must define one or more {what}.")
    if kind == "ENUM" and not values:
        raise _fail(node, f"{kind} {name}: must define one or more unique enum values.")
    for value in values:
        if value["Name"] in ("true", "false", "null"):
            raise _fail(node, f"{kind} {name}: non-enum value {value['Name']}.")
        _check_directives(schema, value, "ENUM_VALUE")
    _check_unique(node)
    wanted = _INPUT if kind == "INPUT_OBJECT" else _OUTPUT
    for entry in node.get("Fields") or ():
        found = schema.types[base_name(entry["Type"])]
        if found["Kind"] not in wanted:
            shown = "/".join(sorted(wanted))
            raise _fail(entry, f"{kind} {name}: field must be one of {shown}.")
    _check_directives(schema, node, kind)
    _check_name(node)


def _check_unique(node: Node) -> None:
    seen: set[str] = set()
    for entry in node.get("Fields") or ():
        if entry["Name"] in seen:
            raise _fail(
                entry, f"Field {node['Name']}.{entry['Name']} can only be defined once."
            )
        seen.add(entry["Name"])


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
        for used in argument.get("Directives") or ():
            if directive and used["Name"] == directive:
                raise _fail(used, f"Directive {directive} cannot refer to itself.")
        _check_directives(schema, argument, "ARGUMENT_DEFINITION")


def _check_directives(schema: Schema, node: Node, where: str) -> None:
    for used in node.get("Directives") or ():
        name = used["Name"]
        _check_name(used)
        declared = schema.directives.get(name)
        if declared is None:
            raise _fail(used, f"Undefined directive {name}.")
        if where not in declared["Locations"]:
            raise _fail(used, f"Directive {name} is not applicable on {where}.")
        known = {entry["Name"]: entry for entry in declared.get("Arguments") or ()}
        given = {entry["Name"] for entry in used.get("Arguments") or ()}
        for extra in sorted(given - known.keys()):
            raise _fail(used, f"Undefined argument {extra} for directive {name}.")
        for argument in known.values():
            needed = argument["Type"].get("NonNull") and not argument.get(
                "DefaultValue"
            )
            if needed and argument["Name"] not in given:
                raise _fail(
                    used,
                    f"Argument {argument['Name']} for directive {name} cannot be null.",
                )


def _check_implements(schema: Schema, node: Node, interface: str) -> None:
    declared = schema.types.get(interface)
    if declared is None:
        raise _fail(node, f'Undefined type "{interface}".')
    if declared["Kind"] != "INTERFACE":
        raise _fail(node, f'"{interface}" is a non interface type {declared["Kind"]}.')
    name = node["Name"]
    own = {entry["Name"]: entry for entry in node.get("Fields") or ()}
    for wanted in declared.get("Fields") or ():
        found = own.get(wanted["Name"])
        if found is None:
            raise _fail(
                node,
                f"For {name} to implement {interface} it must have a field called "
                f"{wanted['Name']}.",
            )
        if not _covariant(schema, wanted["Type"], found["Type"]):
            raise _fail(
                found,
                f"For {name} to implement {interface} the field {wanted['Name']} must "
                f"have type {type_text(wanted['Type'])}.",
            )
        _check_own_arguments(node, interface, wanted, found)
    for parent in declared.get("Interfaces") or ():
        if parent not in (node.get("Interfaces") or ()):
            raise _fail(
                node,
                f"Type {name} must implement {parent} because it is implemented by "
                f"{interface}.",
            )


def _check_own_arguments(node: Node, interface: str, wanted: Node, found: Node) -> None:
    own = {entry["Name"]: entry for entry in found.get("Arguments") or ()}
    needed = {entry["Name"]: entry for entry in wanted.get("Arguments") or ()}
    start = (
        f"For {node['Name']} to implement {interface} the field {wanted['Name']} must "
    )
    for name, argument in needed.items():
        if name not in own:
            raise _fail(
                found, f"{start}have the same arguments but it is missing {name}."
            )
        if type_text(own[name]["Type"]) != type_text(argument["Type"]):
            raise _fail(
                found,
                f"{start}have the same arguments but {name} has the wrong type.",
            )
    for name, argument in own.items():
        required = argument["Type"].get("NonNull") and not argument.get("DefaultValue")
        if name not in needed and required:
            raise _fail(
                found,
                f"{start[:-5]}may not have required argument {name}.",
            )


def _covariant(schema: Schema, wanted: Node, found: Node) -> bool:
    if wanted.get("NonNull") and not found.get("NonNull"):
        return False
    if wanted.get("Elem") or found.get("Elem"):
        if not (wanted.get("Elem") and found.get("Elem")):
            return False
        return _covariant(schema, wanted["Elem"], found["Elem"])
    name = found["NamedType"]
    return (
        name == wanted["NamedType"]
        or name in schema.possible.get(wanted["NamedType"], ())
        or name
        in {
            other
            for other, node in schema.types.items()
            if wanted["NamedType"] in (node.get("Interfaces") or ())
        }
    )

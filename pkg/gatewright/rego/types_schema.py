"""Types from JSON schemas: of `input`, and of what metadata blocks annotate.

    {"type": "object", "properties": {"a": {"type": "string"}}}  ->  object<a: string>

Keywords that narrow values (`enum`, `minimum`, `pattern`, ...) do not change a
type.  A schema that refers to itself is `any` where it does.  References to other
documents are not followed: `SchemaError`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gatewright.builtins.types import (
    ANY,
    BOOLEAN,
    NUMBER,
    STRING,
    ArrayType,
    ObjectType,
    Type,
)
from gatewright.rego import ast
from gatewright.rego.types_algebra import (
    Maybe,
    constant_key,
    make_object,
    or_,
    same_key,
)
from gatewright.rego.types_env import TypeEnv

__all__ = ["SchemaError", "override", "put_schema", "schema_type"]


class SchemaError(ValueError):
    """A schema that no type can be made of."""


def schema_type(schema: Any) -> Type:
    """The type of the values that a JSON schema admits.  Raises SchemaError."""
    if schema is True or schema == {}:
        return ANY
    if not isinstance(schema, Mapping):
        raise SchemaError("unable to compile the schema: it is not an object")
    return _Reader(schema).read(schema, frozenset())


def _types(schema: Mapping[str, Any]) -> tuple[str, ...]:
    """The `type` keyword; what the other keywords imply when it is missing."""
    kind = schema.get("type", ())
    if kind:
        return (kind,) if isinstance(kind, str) else tuple(kind)
    if schema.get("properties"):
        return ("object",)
    return ("array",) if schema.get("items") else ()


def _merge(schemas: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One schema for `allOf`: properties and items of all, which must agree."""
    out = dict(schemas[0])
    out["type"] = list(_types(out))
    for other in schemas[1:]:
        kinds = list(_types(other))
        if kinds != out["type"]:
            have, more = ", ".join(out["type"]), ", ".join(kinds)
            raise SchemaError(
                f"unable to merge these schemas: type mismatch: {have} and {more}"
            )
        if "object" in kinds:
            out["properties"] = {
                **out.get("properties", {}),
                **other.get("properties", {}),
            }
        elif "array" in kinds:
            out["items"] = _merge_items(out.get("items"), other.get("items"))
    return out


def _merge_items(one: Any, two: Any) -> Any:
    if not one or not two:
        return one or two
    first = one if isinstance(one, list) else [one]
    second = two if isinstance(two, list) else [two]
    for a, b in zip(first, second, strict=False):
        if _types(a) != _types(b):
            raise SchemaError("unable to merge these schemas")
    longer = first if len(first) >= len(second) else [*first, *second[len(first) :]]
    return longer if isinstance(one, list) else longer[0]


class _Reader:
    """Reads one schema document; `root` is where `$ref` points into."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.root = root

    def read(self, schema: Any, open_: frozenset[str]) -> Type:
        if not isinstance(schema, Mapping):
            return ANY
        reference = schema.get("$ref")
        if isinstance(reference, str):
            if reference in open_:
                return ANY
            return self.read(self.target(reference), open_ | {reference})
        if schema.get("anyOf"):
            return self.any_of(schema, open_)
        if schema.get("allOf"):
            return self.all_of(schema, open_)
        kinds = _types(schema)
        if "boolean" in kinds:
            return BOOLEAN
        if "string" in kinds:
            return STRING
        if "integer" in kinds or "number" in kinds:
            return NUMBER
        if "object" in kinds:
            properties = schema.get("properties")
            if not properties:
                return ObjectType((), (ANY, ANY))
            return make_object(
                [(name, self.read(below, open_)) for name, below in properties.items()]
            )
        if "array" in kinds:
            return self.array(schema.get("items"), open_)
        return ANY

    def array(self, items: Any, open_: frozenset[str]) -> Type:
        if not items:
            return ArrayType((), ANY)
        if isinstance(items, list):
            return ArrayType(tuple(self.read(below, open_) for below in items))
        return ArrayType((), self.read(items, open_))

    def any_of(self, schema: Mapping[str, Any], open_: frozenset[str]) -> Type:
        out: Maybe = None
        if _types(schema):
            core = {key: value for key, value in schema.items() if key != "anyOf"}
            of = self.read(core, open_)
            if isinstance(of, ObjectType) and of.static and of.dynamic is None:
                out = of
        for option in schema["anyOf"]:
            out = or_(self.read(option, open_), out)
        return ANY if out is None else out

    def all_of(self, schema: Mapping[str, Any], open_: frozenset[str]) -> Type:
        parts = [self.plain(part) for part in schema["allOf"]]
        merged = _merge(parts)
        kinds = _types(schema)
        if kinds:
            own = {key: value for key, value in schema.items() if key != "allOf"}
            if list(kinds) != merged["type"]:
                raise SchemaError("unable to merge these schemas")
            merged = _merge([merged, own])
        return self.read(merged, open_)

    def plain(self, part: Any) -> Mapping[str, Any]:
        """A part of `allOf`, references followed."""
        seen: set[str] = set()
        while isinstance(part, Mapping) and isinstance(part.get("$ref"), str):
            if part["$ref"] in seen:
                return {}
            seen.add(part["$ref"])
            part = self.target(part["$ref"])
        return part if isinstance(part, Mapping) else {}

    def target(self, reference: str) -> Any:
        if not reference.startswith("#"):
            raise SchemaError(
                f"unable to compile the schema: {reference} is another document"
            )
        node: Any = self.root
        for part in reference[1:].split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            if isinstance(node, Mapping) and key in node:
                node = node[key]
            elif isinstance(node, list) and key.isdigit() and int(key) < len(node):
                node = node[int(key)]
            else:
                raise SchemaError(
                    f"unable to compile the schema: nothing is at {reference}"
                )
        return node


# Annotations ----------------------------------------------------------------


def put_schema(env: TypeEnv, path: ast.Ref, of: Type) -> None:
    """Give a document a type in the nearest tree, inside what is known of it."""
    terms = path.terms
    tree = env.trees[0]
    for end in range(1, len(terms)):
        known = env.ref(ast.Ref(terms[:end]))
        if known is not None:
            tree.put(terms[:end], override(terms[end:], known, of))
            return
    tree.put(terms, of)


def override(path: Sequence[Any], of: Type, new: Type) -> ObjectType:
    """A type with another one at a path below it."""
    if not isinstance(of, ObjectType):
        return _nested(path, new, (ANY, ANY))
    key = constant_key(path[0])
    static: list[tuple[Any, Any]] = []
    found = False
    for name, value in of.static:
        if same_key(name, key):
            found = True
            below = new if len(path) == 1 else override(path[1:], value, new)
            static.append((name, below))
        else:
            static.append((name, value))
    if not found:
        static += _nested(path, new, of.dynamic).static
    return make_object(static, of.dynamic)


def _nested(path: Sequence[Any], new: Type, dynamic: Any) -> ObjectType:
    out: Type = new
    for term in reversed(path):
        out = ObjectType(((constant_key(term), out),), dynamic)
    assert isinstance(out, ObjectType)
    return out

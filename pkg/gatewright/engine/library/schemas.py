"""`json.match_schema` and `json.verify_schema`: JSON Schema, drafts 4, 6 and 7.

Texts are those of the Go library that OPA uses. References outside of the schema
itself are refused: nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.jsontext import dump, key_text, load
from gatewright.engine.library.operands import whole
from gatewright.engine.library.re2 import compile_pattern
from gatewright.engine.library.schema_validation import Finding, Schema, validate
from gatewright.engine.values import (
    Set,
    Value,
    compare,
    is_number,
    is_object,
    pairs,
)

__all__ = ["match_schema", "read_schema", "verify_schema"]

#: Schemas kept per process, by their text.
CACHED: Final = 64
TYPES: Final = ("array", "boolean", "integer", "number", "null", "object", "string")
_known: dict[str, Schema] = {}


def plain(value: Value) -> Value:
    """Return a value as JSON has it: sets are arrays, keys are strings."""
    if isinstance(value, (list, Set)):
        items = value if isinstance(value, list) else value.items
        return [plain(item) for item in items]
    if is_object(value):
        return {key_text(key): plain(entry) for key, entry in pairs(value)}
    return value


def _document(
    value: Value, wanted: str = "wrong type, expected string or object"
) -> Value:
    """Read an operand: an object or array, or the JSON text of anything."""
    if isinstance(value, str):
        try:
            return load(value)
        except ValueError:
            raise BuiltinError("invalid JSON string") from None
    if isinstance(value, list) or is_object(value):
        return plain(value)
    raise BuiltinError(wanted)


def read_schema(value: Value) -> Schema:
    """Read and check a schema; BuiltinError says what is wrong with it."""
    root = _document(value)
    text = dump(root)
    if text not in _known:
        if not isinstance(root, (dict, bool)):
            raise BuiltinError("schema is invalid")
        schema = Schema(root)
        _check(schema, root)
        while len(_known) >= CACHED:
            _known.pop(next(iter(_known)))
        _known[text] = schema
    return _known[text]


def match_schema(document: Value, schema: Value) -> list[Value]:
    """Return [matches, findings]."""
    subject = _document(document)
    findings = validate(read_schema(schema), subject)
    return [not findings, [_finding(found) for found in findings]]


def _finding(found: Finding) -> dict[str, Value]:
    return {
        "error": f"{found.field}: {found.text}",
        "type": found.kind,
        "field": found.field,
        "desc": found.text,
    }


def verify_schema(schema: Value) -> list[Value]:
    """Return [true, null], or [false, what is wrong]."""
    try:
        read_schema(schema)
    except BuiltinError as error:
        return [False, f"jsonschema: {error}"]
    return [True, None]


def _invalid(given: str, expected: str = "string") -> BuiltinError:
    return BuiltinError(f"Invalid type. Expected: {expected}, given: {given}")


def _is_schema(value: Value) -> bool:
    return isinstance(value, (dict, bool))


def _check(schema: Schema, node: Value, depth: int = 0) -> None:
    """Check one schema and those in it, in the order of the Go library."""
    if isinstance(node, bool):
        return
    if not isinstance(node, dict):
        raise BuiltinError("Expected: Valid Schema, given: Invalid JSON")
    if depth > 200:
        raise BuiltinError("schema is nested too deep")

    def inner(entry: Value) -> None:
        _check(schema, entry, depth + 1)

    for name in ("$id", "id", "title", "description", "$ref", "format"):
        if name in node and not isinstance(node[name], str):
            raise _invalid(name)
    if "$ref" in node:
        schema.resolve(node["$ref"])
        return
    _check_type(node)
    for name in ("definitions", "properties", "dependencies", "patternProperties"):
        if name in node:
            _check_members(name, node[name], inner)
    _check_children(node, inner)
    _check_numbers(node)
    for name in ("required", "enum"):
        if name in node and not isinstance(node[name], list):
            raise BuiltinError(f"{name} must be of an array")
    if any(not isinstance(entry, str) for entry in node.get("required", ())):
        raise _invalid("required")
    if "uniqueItems" in node and not isinstance(node["uniqueItems"], bool):
        raise BuiltinError("uniqueItems must be of a boolean")
    if "pattern" in node:
        _check_pattern(node["pattern"])


def _check_pattern(pattern: Value) -> None:
    if not isinstance(pattern, str):
        raise _invalid("pattern")
    try:
        compile_pattern(pattern)
    except BuiltinError:
        raise BuiltinError("pattern must be a valid regex") from None


def _check_type(node: dict[str, Value]) -> None:
    if "type" not in node:
        return
    kinds = node["type"] if isinstance(node["type"], list) else [node["type"]]
    for kind in kinds:
        if not isinstance(kind, str):
            raise _invalid("string/Array Of Strings", "type")
        if kind not in TYPES:
            raise BuiltinError(
                f"has a primitive type that is NOT VALID -- given: /{kind}/ "
                f"Expected valid values are:[{' '.join(TYPES)}]"
            )


def _check_members(name: str, value: Value, inner: Callable[[Value], None]) -> None:
    if not isinstance(value, dict):
        if name == "definitions":
            raise _invalid("definitions", "array of schemas")
        raise BuiltinError(
            f"{name[0].upper() if name == 'properties' else name[0]}{name[1:]} "
            "must be of type object"
            if name != "patternProperties"
            else _invalid("patternProperties", "valid schema").args[0]
        )
    for key, entry in value.items():
        if name == "patternProperties":
            try:
                compile_pattern(key)
            except BuiltinError:
                raise BuiltinError(f"Invalid regex pattern '{key}'") from None
        if name == "dependencies" and isinstance(entry, list):
            if not all(isinstance(item, str) for item in entry):
                raise _invalid("array", "string")
            continue
        inner(entry)


def _check_children(node: dict[str, Value], inner: Callable[[Value], None]) -> None:
    for name in ("additionalProperties", "additionalItems"):
        if name in node:
            if not _is_schema(node[name]):
                raise _invalid(name, "boolean/Valid Schema")
            inner(node[name])
    if "items" in node:
        items = node["items"]
        if not _is_schema(items) and not isinstance(items, list):
            raise _invalid("items", "Valid Schema/Array Of Schemas")
        for entry in items if isinstance(items, list) else [items]:
            inner(entry)
    for name in ("propertyNames", "contains"):
        if name in node:
            if not _is_schema(node[name]):
                raise _invalid(name, "Valid Schema")
            inner(node[name])
    for name in ("oneOf", "anyOf", "allOf"):
        if name in node:
            if not isinstance(node[name], list):
                raise BuiltinError(f"{name} must be of an array")
            for entry in node[name]:
                inner(entry)
    for name in ("not", "if", "then", "else"):
        if name in node:
            if not _is_schema(node[name]):
                raise BuiltinError(f"{name} must be of an object")
            inner(node[name])


def _check_numbers(node: dict[str, Value]) -> None:
    for name in ("multipleOf", "maximum", "minimum"):
        if name in node and not is_number(node[name]):
            raise BuiltinError(f"{name} must be of a Number")
    if "multipleOf" in node and compare(node["multipleOf"], 0) <= 0:
        raise BuiltinError("multipleOf must be strictly greater than 0")
    for name in ("exclusiveMinimum", "exclusiveMaximum"):
        if name in node:
            limit = node[name]
            if isinstance(limit, bool):
                base = "minimum" if name == "exclusiveMinimum" else "maximum"
                if base not in node:
                    raise BuiltinError(f"{name} cannot be used without {base}")
            elif not is_number(limit):
                raise _invalid(name, "boolean/number")
    for name in (
        "minLength",
        "maxLength",
        "minProperties",
        "maxProperties",
        "minItems",
        "maxItems",
    ):
        if name in node:
            size = whole(node[name]) if is_number(node[name]) else None
            if size is None:
                raise BuiltinError(f"{name} must be of an integer")
            if size < 0:
                raise BuiltinError(f"{name} must be greater than or equal to 0")
    for what in ("Length", "Properties", "Items"):
        least, most = node.get(f"min{what}"), node.get(f"max{what}")
        if least is not None and most is not None and compare(least, most) > 0:
            raise BuiltinError(f"min{what} cannot be greater than max{what}")

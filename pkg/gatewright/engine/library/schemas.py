"""`json.match_schema` and `json.verify_schema`: JSON Schema, drafts 4, 6 and 7.

Texts are those of the Go library that OPA uses. References outside of the schema
itself are refused: nothing is fetched.
"""

from __future__ import annotations

from typing import Final

from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.jsontext import dump, key_text, load
from gatewright.engine.library.schema_check import check, draft_of
from gatewright.engine.library.schema_validation import Finding, Schema, validate
from gatewright.engine.values import (
    Set,
    Value,
    is_object,
    pairs,
)

__all__ = ["match_schema", "read_schema", "verify_schema"]

#: Schemas kept per process, by their text.
CACHED: Final = 64
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
        schema = Schema(root, draft_of(root))
        check(root, schema.references)
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

"""A vocabulary for OpenAPI schemas of custom resources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

__all__ = [
    "ANY",
    "ANY_OBJECT",
    "BOOLEAN",
    "GENERATION",
    "INTEGER",
    "METADATA",
    "NAMED",
    "STRING",
    "STRINGS",
    "TIME",
    "Schema",
    "array",
    "obj",
    "string",
]

Schema = Mapping[str, Any]

STRING: Final[Schema] = {"type": "string"}
BOOLEAN: Final[Schema] = {"type": "boolean"}
INTEGER: Final[Schema] = {"type": "integer"}
TIME: Final[Schema] = {"type": "string", "format": "date-time"}
GENERATION: Final[Schema] = {"type": "integer", "format": "int64"}
STRINGS: Final[Schema] = {"type": "array", "items": STRING}
#: Any value, kept as it is.
ANY: Final[Schema] = {"x-kubernetes-preserve-unknown-fields": True}
ANY_OBJECT: Final[Schema] = {"type": "object", **ANY}
#: `metadata` of objects whose name is bounded by Kubernetes alone.
METADATA: Final[Schema] = {"type": "object"}
#: `metadata` of objects whose name has to fit into a label value.
NAMED: Final[Schema] = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 63}},
}


def obj(
    properties: Mapping[str, Schema], *, required: Sequence[str] = (), **more: Any
) -> Schema:
    """An object with these fields; `more`: further keywords of the schema."""
    schema: dict[str, Any] = {"type": "object", "properties": properties, **more}
    if required:
        schema["required"] = list(required)
    return schema


def array(items: Schema) -> Schema:
    """A list of `items`."""
    return {"type": "array", "items": items}


def string(**more: Any) -> Schema:
    """A string with further keywords: enum, default, pattern, maxLength."""
    return {**STRING, **more}

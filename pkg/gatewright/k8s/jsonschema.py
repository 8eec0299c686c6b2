"""JSONSchemaProps: the schema of a custom resource, decoded as Go decodes it.

A schema is a dict with every field present: the zero value ("" or False) or
None where nothing was said.  `items` is None, a schema, or a list of schemas;
`additionalProperties` is None, a bool or a schema.  Unknown fields are gone.
"""

from __future__ import annotations

from typing import Any, Final

from gatewright.k8s import gostruct

__all__ = ["SHAPE", "Schema", "new", "written"]

Schema = dict[str, Any]


def _schema_or_bool(item: Any) -> Any:
    if isinstance(item, dict):
        return gostruct.decode(item, SHAPE)
    if isinstance(item, bool):
        return item
    raise gostruct.UnmarshalError("boolean or JSON schema expected")


def _schema_or_list(item: Any) -> Any:
    if isinstance(item, dict):
        return gostruct.decode(item, SHAPE)
    if isinstance(item, list):
        return gostruct.decode(item, gostruct.array(SHAPE))
    # Anything else is neither and not an error.
    return {"$neither": True}


def _schema_or_names(item: Any) -> Any:
    if isinstance(item, dict):
        return gostruct.decode(item, SHAPE)
    if isinstance(item, list):
        return gostruct.decode(item, gostruct.array(gostruct.STRING))
    return None


def _json(item: Any) -> Any:
    return item


_JSON: Final = gostruct.custom("v1.JSON", _json)
_FIELDS: Final[dict[str, gostruct.Shape]] = {}
#: The Go type of a schema.
SHAPE: Final = gostruct.struct("v1.JSONSchemaProps", _FIELDS)

_POINTER: Final = gostruct.optional(SHAPE)
_INT: Final = gostruct.optional(gostruct.INT64)
_FLOAT: Final = gostruct.optional(gostruct.FLOAT64)
_STRING: Final = gostruct.optional(gostruct.STRING)
_RULE: Final = gostruct.struct(
    "v1.ValidationRule",
    {
        "rule": gostruct.STRING,
        "message": gostruct.STRING,
        "messageExpression": gostruct.STRING,
        "reason": gostruct.optional(
            gostruct.named("v1.FieldValueErrorReason", gostruct.STRING)
        ),
        "fieldPath": gostruct.STRING,
        "optionalOldSelf": gostruct.optional(gostruct.BOOL),
    },
)
_FIELDS.update(
    {
        "id": gostruct.STRING,
        "$schema": gostruct.named("v1.JSONSchemaURL", gostruct.STRING),
        "$ref": _STRING,
        "description": gostruct.STRING,
        "type": gostruct.STRING,
        "format": gostruct.STRING,
        "title": gostruct.STRING,
        "default": _JSON,
        "maximum": _FLOAT,
        "exclusiveMaximum": gostruct.BOOL,
        "minimum": _FLOAT,
        "exclusiveMinimum": gostruct.BOOL,
        "maxLength": _INT,
        "minLength": _INT,
        "pattern": gostruct.STRING,
        "maxItems": _INT,
        "minItems": _INT,
        "uniqueItems": gostruct.BOOL,
        "multipleOf": _FLOAT,
        "enum": gostruct.array(_JSON),
        "maxProperties": _INT,
        "minProperties": _INT,
        "required": gostruct.array(gostruct.STRING),
        "items": gostruct.custom("v1.JSONSchemaPropsOrArray", _schema_or_list),
        "allOf": gostruct.array(SHAPE),
        "oneOf": gostruct.array(SHAPE),
        "anyOf": gostruct.array(SHAPE),
        "not": _POINTER,
        "properties": gostruct.mapping(SHAPE),
        "additionalProperties": gostruct.custom(
            "v1.JSONSchemaPropsOrBool", _schema_or_bool
        ),
        "patternProperties": gostruct.mapping(SHAPE),
        "dependencies": gostruct.mapping(
            gostruct.custom("v1.JSONSchemaPropsOrStringArray", _schema_or_names),
            "v1.JSONSchemaDependencies",
        ),
        "additionalItems": gostruct.custom("v1.JSONSchemaPropsOrBool", _schema_or_bool),
        "definitions": gostruct.mapping(SHAPE, "v1.JSONSchemaDefinitions"),
        "externalDocs": gostruct.optional(
            gostruct.struct(
                "v1.ExternalDocumentation",
                {"description": gostruct.STRING, "url": gostruct.STRING},
            )
        ),
        "example": _JSON,
        "nullable": gostruct.BOOL,
        "x-kubernetes-preserve-unknown-fields": gostruct.optional(gostruct.BOOL),
        "x-kubernetes-embedded-resource": gostruct.BOOL,
        "x-kubernetes-int-or-string": gostruct.BOOL,
        "x-kubernetes-list-map-keys": gostruct.array(gostruct.STRING),
        "x-kubernetes-list-type": _STRING,
        "x-kubernetes-map-type": _STRING,
        "x-kubernetes-validations": gostruct.array(_RULE, "v1.ValidationRules"),
    }
)


def new(**said: Any) -> Schema:
    """Return a schema in which only `said` is said (underscores stand for dashes)."""
    schema: Schema = SHAPE.zero()
    for name, value in said.items():
        schema[name.replace("_", "-")] = value
    return schema


def written(schema: Schema) -> dict[str, Any]:
    """Return a schema as an API server shows it: only what was said."""
    out: dict[str, Any] = {}
    for name, value in schema.items():
        if value is None or value == "" or (value is False and name not in _SAYABLE):
            continue
        if name in _SCHEMAS and isinstance(value, dict):
            out[name] = written(value)
        elif name in _SCHEMA_LISTS or (name == "items" and isinstance(value, list)):
            out[name] = [written(one) for one in value]
        elif name in _SCHEMA_MAPS:
            out[name] = {key: written(one) for key, one in value.items()}
        else:
            out[name] = value
    return out


#: Where false is something said.
_SAYABLE: Final = ("default", "example", "additionalProperties", "additionalItems")
_SCHEMAS: Final = ("items", "not", "additionalProperties", "additionalItems")
_SCHEMA_LISTS: Final = ("allOf", "oneOf", "anyOf")
_SCHEMA_MAPS: Final = ("properties", "patternProperties", "definitions")

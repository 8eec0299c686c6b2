"""Is the custom resource definition made from a schema valid.

Only what can be wrong in a definition that Gatewright itself builds is checked:
its names, labels and the schema of one subtree.  Source of behaviour and texts:
apiextensions' ValidateCustomResourceDefinition.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from gatewright.k8s import fields, names, openapi, structural
from gatewright.k8s.fields import FieldError
from gatewright.k8s.jsonschema import Schema

__all__ = ["check_labels", "check_names", "check_schema"]

_TYPES: Final = ("array", "boolean", "integer", "number", "object", "string")
_KEEP: Final = "x-kubernetes-preserve-unknown-fields"
_LIST_TYPE: Final = "x-kubernetes-list-type"
_MAP_TYPE: Final = "x-kubernetes-map-type"
_KEYS: Final = "x-kubernetes-list-map-keys"
_UNSUPPORTED: Final = (
    ("id", "id"),
    ("additionalItems", "additionalItems"),
    ("patternProperties", "patternProperties"),
    ("definitions", "definitions"),
    ("dependencies", "dependencies"),
    ("$ref", "$ref"),
)


def check_names(kind: str, group: str, short_names: Sequence[str]) -> list[FieldError]:
    """Return complaints about the names that follow from a kind."""
    errors: list[FieldError] = []
    plural = kind.lower()
    for text in names.dns1123_subdomain(f"{plural}.{group}"):
        errors.append(fields.invalid("metadata.name", f"{plural}.{group}", text))
    at = "spec.names"
    for field in ("plural", "singular"):
        if texts := names.dns1035_label(plural):
            errors.append(
                fields.invalid(fields.child(at, field), plural, ",".join(texts))
            )
    for field, name in (("kind", kind), ("listKind", f"{kind}List")):
        if texts := names.dns1035_label(name.lower()):
            detail = "may have mixed case, but should otherwise match: " + ",".join(
                texts
            )
            errors.append(fields.invalid(fields.child(at, field), name, detail))
    for index, name in enumerate(short_names):
        if texts := names.dns1035_label(name):
            place = fields.key(fields.child(at, "shortNames"), index)
            errors.append(fields.invalid(place, name, ",".join(texts)))
    return errors


def check_labels(labels: Mapping[str, str]) -> list[FieldError]:
    """Return complaints about the labels of the definition."""
    errors: list[FieldError] = []
    at = "metadata.labels"
    for key, value in labels.items():
        errors += (fields.invalid(at, key, text) for text in names.label_key(key))
        errors += (fields.invalid(at, value, text) for text in names.label_value(value))
    return errors


def check_schema(schema: Schema, path: str) -> list[FieldError]:
    """Return complaints about a schema that stands below the root, at `path`."""
    errors: list[FieldError] = []
    unbuildable = _unbuildable(schema)
    if not unbuildable:
        errors += structural.check(schema, path) or _defaults(schema, path)
    errors += _openapi(schema, path)
    if not errors and unbuildable:
        root = "spec.validation.openAPIV3Schema"
        errors.append(fields.invalid(root, "", unbuildable))
    return errors


def _unbuildable(schema: Schema) -> str:
    # What keeps apiextensions from building the structural form at all.
    for field, name in (
        ("id", "id"),
        ("$schema", "schema"),
        ("$ref", "$ref"),
        ("patternProperties", "patternProperties"),
        ("dependencies", "dependencies"),
        ("additionalItems", "additionalItems"),
        ("definitions", "definitions"),
    ):
        if schema[field] not in (None, "", {}):
            return f"OpenAPIV3Schema '{name}' is not supported"
    if schema[_KEEP] is False:
        return f"internal error: '{_KEEP}' must be true or undefined"
    if isinstance(schema["items"], list) and schema["items"]:
        return "OpenAPIV3Schema 'items' must be a schema, but is an array"
    for member in _below(schema):
        if found := _unbuildable(member[1]):
            return found
    return ""


def _below(schema: Schema) -> list[tuple[str, Schema]]:
    out: list[tuple[str, Schema]] = []
    if isinstance(schema["additionalProperties"], dict):
        out.append(("additionalProperties", schema["additionalProperties"]))
    for name in sorted(schema["properties"] or {}):
        out.append((f"properties[{name}]", schema["properties"][name]))
    if schema["not"] is not None:
        out.append(("not", schema["not"]))
    for field in ("allOf", "oneOf", "anyOf"):
        out += ((f"{field}[{i}]", one) for i, one in enumerate(schema[field] or ()))
    for name in sorted(schema["definitions"] or {}):
        out.append((f"definitions[{name}]", schema["definitions"][name]))
    items = schema["items"]
    if isinstance(items, dict) and "type" in items:
        out.append(("items", items))
    elif isinstance(items, list):
        out += ((f"items[{i}]", one) for i, one in enumerate(items))
    return out


def _defaults(schema: Schema, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    value = schema["default"]
    if value is not None:
        at = fields.child(path, "default")
        if structural.prune(value, schema) != value:
            errors.append(fields.invalid(at, value, "must not have unknown fields"))
        errors += openapi.complaints(value, schema, at)
    items = schema["items"]
    if isinstance(items, dict) and "type" in items:
        errors += _defaults(items, fields.child(path, "items"))
    for name in sorted(schema["properties"] or {}):
        at = fields.key(fields.child(path, "properties"), name)
        errors += _defaults(schema["properties"][name], at)
    return errors


def _openapi(schema: Schema, path: str) -> list[FieldError]:
    errors = _standard(schema, path)
    if schema["uniqueItems"]:
        errors.append(
            fields.forbidden(
                fields.child(path, "uniqueItems"),
                "uniqueItems cannot be set to true since the runtime complexity becomes "
                "quadratic",
            )
        )
    additional = schema["additionalProperties"]
    if schema["properties"] and additional is not None and additional is not True:
        errors.append(
            fields.forbidden(
                fields.child(path, "additionalProperties"),
                "additionalProperties and properties are mutual exclusive",
            )
        )
    for place, member in _below(schema):
        errors += _openapi(member, fields.child(path, place))
    if schema[_KEEP] is False:
        errors.append(
            fields.invalid(
                fields.child(path, _KEEP), False, "must be true or undefined"
            )
        )
    return errors + _map_type(schema, path) + _list_type(schema, path)


def _standard(schema: Schema, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    kind = schema["type"]
    at = fields.child(path, "type")
    if kind and kind not in _TYPES:
        errors.append(fields.not_supported(at, kind, _TYPES))
    for field, name in _UNSUPPORTED:
        if schema[field] not in (None, "", {}):
            place = fields.child(path, field)
            errors.append(fields.forbidden(place, f"{name} is not supported"))
    if kind == "null":
        detail = "type cannot be set to null, use nullable as an alternative"
        errors.append(fields.forbidden(at, detail))
    if isinstance(schema["items"], list) and schema["items"]:
        place = fields.child(path, "items")
        detail = "items must be a schema object and not an array"
        errors.append(fields.forbidden(place, detail))
    return errors


def _of_type(schema: Schema, path: str, wanted: str, field: str) -> list[FieldError]:
    if schema["type"] == wanted:
        return []
    at, detail = fields.child(path, "type"), f"must be {wanted} if {field} is specified"
    if not schema["type"]:
        return [fields.required(at, detail)]
    return [fields.invalid(at, schema["type"], detail)]


def _map_type(schema: Schema, path: str) -> list[FieldError]:
    found = schema[_MAP_TYPE]
    if found is None:
        return []
    errors = _of_type(schema, path, "object", _MAP_TYPE)
    if found not in ("atomic", "granular"):
        at = fields.child(path, _MAP_TYPE)
        errors.append(fields.not_supported(at, found, ("atomic", "granular")))
    return errors


def _list_type(schema: Schema, path: str) -> list[FieldError]:
    found, keys = schema[_LIST_TYPE], schema[_KEYS] or []
    at = fields.child(path, _LIST_TYPE)
    errors: list[FieldError] = []
    items = schema["items"] if isinstance(schema["items"], dict) else None
    if found is not None:
        wrong = _of_type(schema, path, "array", _LIST_TYPE)
        errors += wrong
        if not wrong and found == "set" and items is not None:
            errors += _set_items(items, fields.child(path, "items"))
        if found not in ("atomic", "set", "map"):
            errors.append(fields.not_supported(at, found, ("atomic", "set", "map")))
    if keys and found != "map":
        detail = f"must be map if {_KEYS} is non-empty"
        if found is None:
            errors.append(fields.required(at, detail))
        else:
            errors.append(fields.invalid(at, found, detail))
    if found == "map":
        errors += _map_keys(schema, path, keys)
    if found in ("map", "set") and items is not None:
        errors += _unique_items(items, fields.child(path, "items"), found, keys)
    return errors


def _set_items(items: Schema, path: str) -> list[FieldError]:
    detail = f"must be atomic as item of a list with {_LIST_TYPE}=set"
    if items["type"] == "array" and items[_LIST_TYPE] not in (None, "atomic"):
        return [
            fields.invalid(fields.child(path, _LIST_TYPE), items[_LIST_TYPE], detail)
        ]
    if items["type"] == "object" and items[_MAP_TYPE] != "atomic":
        # The reported value is that of the other field, as apiextensions has it.
        return [
            fields.invalid(fields.child(path, _MAP_TYPE), items[_LIST_TYPE], detail)
        ]
    return []


def _map_keys(schema: Schema, path: str, keys: Sequence[str]) -> list[FieldError]:
    errors: list[FieldError] = []
    at = fields.child(path, _KEYS)
    if not keys:
        detail = f"must not be empty if {_LIST_TYPE} is map"
        errors.append(fields.required(at, detail))
    items = schema["items"]
    place = fields.child(path, "items")
    if items is None:
        detail = f"must have a schema if {_LIST_TYPE} is map"
        errors.append(fields.required(place, detail))
    if not isinstance(items, dict) or "type" not in items:
        return errors
    if items["type"] != "object":
        detail = f"must be object if parent array's {_LIST_TYPE} is map"
        errors.append(
            fields.invalid(fields.child(place, "type"), items["type"], detail)
        )
        return errors
    seen: set[str] = set()
    properties = items["properties"] or {}
    for key in keys:
        if key not in properties:
            detail = "entries must all be names of item properties"
            errors.append(fields.invalid(at, list(keys), detail))
        elif properties[key]["type"] in ("array", "object"):
            where = fields.key(fields.child(place, "properties"), key)
            detail = f"must be a scalar type if parent array's {_LIST_TYPE} is map"
            # The reported type is that of the items, as apiextensions has it.
            errors.append(
                fields.invalid(fields.child(where, "type"), items["type"], detail)
            )
        if key in seen:
            detail = "must not contain duplicate entries"
            errors.append(fields.invalid(at, list(keys), detail))
        seen.add(key)
    return errors


def _unique_items(
    items: Schema, path: str, list_type: str, keys: Sequence[str]
) -> list[FieldError]:
    errors: list[FieldError] = []
    if "type" not in items:
        return errors
    if items["nullable"]:
        detail = f"cannot be nullable when {_LIST_TYPE} is {list_type}"
        errors.append(fields.forbidden(fields.child(path, "nullable"), detail))
    if list_type != "map":
        return errors
    required = items["required"] or []
    said = f"this property is in {_KEYS}, so it"
    for key in keys:
        member = (items["properties"] or {}).get(key)
        if member is None:
            continue
        at = fields.key(fields.child(path, "properties"), key)
        if key not in required and member["default"] is None:
            detail = f"{said} must have a default or be a required property"
            errors.append(fields.required(fields.child(at, "default"), detail))
        if member["nullable"]:
            errors.append(
                fields.forbidden(
                    fields.child(at, "nullable"), f"{said} cannot be nullable"
                )
            )
    return errors

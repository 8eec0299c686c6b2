"""Is a schema structural; filling in its defaults; finding unknown fields.

Source of behaviour: apiextensions' structural schemas (invariants, defaulting,
pruning).  Schemas are those of `jsonschema`; values are decoded JSON and are
changed in place by `apply_defaults` only.
"""

from __future__ import annotations

import copy
from typing import Any, Final

from gatewright.k8s import fields, jsonschema, patterns
from gatewright.k8s.fields import FieldError
from gatewright.k8s.jsonschema import Schema

__all__ = ["apply_defaults", "check", "prune", "unknown_fields"]

#: What a missing type is called at each level.
ITEM: Final = "must not be empty for specified array items"
FIELD: Final = "must not be empty for specified object fields"

_META: Final = ("apiVersion", "kind", "metadata")
_KEEP: Final = "x-kubernetes-preserve-unknown-fields"
_EMBEDDED: Final = "x-kubernetes-embedded-resource"
_INT_OR_STRING: Final = "x-kubernetes-int-or-string"


def check(schema: Schema, path: str, level: str = FIELD) -> list[FieldError]:
    """Return why a schema below the root is not structural, sorted by text."""
    return sorted(_invariants(schema, path, level), key=str)


def _items(schema: Schema) -> Schema | None:
    items = schema["items"]
    return items if isinstance(items, dict) and "type" in items else None


def _additional(schema: Schema) -> Schema | None:
    found = schema["additionalProperties"]
    return found if isinstance(found, dict) else None


def _invariants(schema: Schema, path: str, level: str) -> list[FieldError]:
    errors: list[FieldError] = []
    kind = schema["type"]
    items = _items(schema)
    if kind == "array" and schema["items"] is None:
        errors.append(fields.required(fields.child(path, "items"), "must be specified"))
    if items is not None:
        errors += _invariants(items, fields.child(path, "items"), ITEM)
    for name, member in (schema["properties"] or {}).items():
        at = fields.key(fields.child(path, "properties"), name)
        errors += _invariants(member, at, FIELD)
    additional = _additional(schema)
    if additional is not None:
        errors += _invariants(
            additional, fields.child(path, "additionalProperties"), FIELD
        )
    errors += _extensions(schema, path)
    any_of, all_of = _int_or_string(schema)
    errors += _value_validation(schema, path, skip_any=any_of, skip_first_all=all_of)
    errors += _embedded(schema, path)
    loose = schema[_INT_OR_STRING] or schema[_KEEP]
    if not kind and not loose and not schema[_EMBEDDED]:
        errors.append(fields.required(fields.child(path, "type"), level))
    return errors


def _extensions(schema: Schema, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    if not schema[_INT_OR_STRING]:
        return errors
    detail = "must be false if x-kubernetes-int-or-string is true"
    for name in (_KEEP, _EMBEDDED):
        if schema[name]:
            errors.append(fields.invalid(fields.child(path, name), True, detail))
    return errors


def _embedded(schema: Schema, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    if not schema[_EMBEDDED]:
        return errors
    at = fields.child(path, "type")
    detail = "must be object if x-kubernetes-embedded-resource is true"
    if not schema["type"]:
        errors.append(fields.required(at, detail))
    elif schema["type"] != "object":
        errors.append(fields.invalid(at, schema["type"], detail))
    if schema["additionalProperties"] is not None:
        errors.append(
            fields.forbidden(
                fields.child(path, "additionalProperties"),
                "must not be used if x-kubernetes-embedded-resource is set",
            )
        )
    properties = schema["properties"] or {}
    for name, wanted in (
        ("kind", "string"),
        ("apiVersion", "string"),
        ("metadata", "object"),
    ):
        if name in properties and properties[name]["type"] != wanted:
            place = fields.child(
                fields.key(fields.child(path, "properties"), name), "type"
            )
            errors.append(
                fields.invalid(place, properties[name]["type"], f"must be {wanted}")
            )
    if not properties and not schema[_KEEP]:
        errors.append(
            fields.required(
                fields.child(path, "properties"),
                "must not be empty if x-kubernetes-embedded-resource is true without "
                "x-kubernetes-preserve-unknown-fields",
            )
        )
    return errors


_EITHER: Final = [jsonschema.new(type="integer"), jsonschema.new(type="string")]


def _is_int_or_string(clauses: list[Schema] | None) -> bool:
    return clauses == _EITHER


def _int_or_string(schema: Schema) -> tuple[bool, bool]:
    # The two spellings that people wrote before the extension existed.
    all_of = schema["allOf"]
    first = bool(all_of) and _is_int_or_string(all_of[0]["anyOf"])
    return _is_int_or_string(schema["anyOf"]), first


def _value_validation(
    schema: Schema, path: str, *, skip_any: bool = False, skip_first_all: bool = False
) -> list[FieldError]:
    errors: list[FieldError] = []
    if not skip_any:
        for index, one in enumerate(schema["anyOf"] or ()):
            errors += _nested(one, fields.key(fields.child(path, "anyOf"), index))
    for index, one in enumerate(schema["allOf"] or ()):
        skip = skip_first_all and index == 0
        errors += _nested(
            one, fields.key(fields.child(path, "allOf"), index), skip_any=skip
        )
    for index, one in enumerate(schema["oneOf"] or ()):
        errors += _nested(one, fields.key(fields.child(path, "oneOf"), index))
    if schema["not"] is not None:
        errors += _nested(schema["not"], fields.child(path, "not"))
    pattern = schema["pattern"]
    if pattern and (complaint := patterns.complaint(pattern)):
        detail = f"must be a valid regular expression, but isn't: {complaint}"
        errors.append(fields.invalid(fields.child(path, "pattern"), pattern, detail))
    return errors


_EMPTY: Final = "must be empty to be structural"
_FALSE: Final = "must be false to be structural"
_UNDEFINED: Final = "must be undefined to be structural"
_NESTED_FORBIDDEN: Final = (
    ("type", _EMPTY),
    ("additionalProperties", _UNDEFINED),
    ("default", _UNDEFINED),
    ("title", _EMPTY),
    ("description", _EMPTY),
    ("nullable", _FALSE),
    (_KEEP, _FALSE),
    (_EMBEDDED, _FALSE),
    (_INT_OR_STRING, _FALSE),
    ("x-kubernetes-list-map-keys", _EMPTY),
    ("x-kubernetes-list-type", _UNDEFINED),
    ("x-kubernetes-map-type", _UNDEFINED),
    ("x-kubernetes-validations", _EMPTY),
)


def _nested(schema: Schema, path: str, *, skip_any: bool = False) -> list[FieldError]:
    errors = _value_validation(schema, path, skip_any=skip_any)
    items = _items(schema)
    if items is not None:
        errors += _nested(items, fields.child(path, "items"))
    properties = schema["properties"] or {}
    for name, member in properties.items():
        errors += _nested(member, fields.key(fields.child(path, "properties"), name))
    for name, detail in _NESTED_FORBIDDEN:
        value = schema[name]
        if value is None or value is False or value == "" or value == []:
            continue
        errors.append(fields.forbidden(fields.child(path, name), detail))
    if "metadata" in properties:
        at = fields.key(fields.child(path, "properties"), "metadata")
        errors.append(fields.forbidden(at, "must not be specified in a nested context"))
    return errors


def _null_for_non_nullable(value: Any, schema: Schema | None) -> bool:
    return value is None and schema is not None and not schema["nullable"]


def apply_defaults(value: Any, schema: Schema | None) -> None:
    """Fill in the defaults, in place; nothing is made for an absent parent."""
    if schema is None:
        return
    if isinstance(value, dict):
        properties = schema["properties"] or {}
        for name, member in properties.items():
            if member["default"] is None:
                continue
            if name not in value or _null_for_non_nullable(value[name], member):
                value[name] = copy.deepcopy(member["default"])
        additional = _additional(schema)
        for name in list(value):
            if name in properties:
                apply_defaults(value[name], properties[name])
            elif schema["additionalProperties"] is not None:
                if additional and _null_for_non_nullable(value[name], additional):
                    value[name] = copy.deepcopy(additional["default"])
                apply_defaults(value[name], additional)
    elif isinstance(value, list):
        items = _items(schema)
        for index in range(len(value)):
            if items is not None and _null_for_non_nullable(value[index], items):
                value[index] = copy.deepcopy(items["default"])
            apply_defaults(value[index], items)


def unknown_fields(value: Any, schema: Schema) -> list[str]:
    """Return the paths of what a resource root holds and its schema does not know."""
    found: list[str] = []
    _prune(copy.deepcopy(value), {**schema, _EMBEDDED: True}, "", found)
    return sorted(found)


def prune(value: Any, schema: Schema) -> Any:
    """Return a copy of a value without the fields that its schema does not know."""
    out = copy.deepcopy(value)
    _prune(out, schema, "", [])
    return out


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _prune(value: Any, schema: Schema | None, path: str, found: list[str]) -> None:
    if schema is not None and schema[_KEEP]:
        _skip(value, schema, path, found)
        return
    if isinstance(value, dict):
        if schema is None:
            found += (_join(path, name) for name in value)
            value.clear()
            return
        properties = schema["properties"] or {}
        for name in list(value):
            if schema[_EMBEDDED] and name in _META:
                continue
            if name in properties:
                _prune(value[name], properties[name], _join(path, name), found)
            elif schema["additionalProperties"] is not None:
                _prune(value[name], _additional(schema), _join(path, name), found)
            else:
                if name not in _META or path:
                    found.append(_join(path, name))
                del value[name]
    elif isinstance(value, list):
        items = None if schema is None else _items(schema)
        for index, member in enumerate(value):
            _prune(member, items, f"{path}[{index}]", found)


def _skip(value: Any, schema: Schema | None, path: str, found: list[str]) -> None:
    # Unknown fields stay, but what is specified inside is still pruned.
    if schema is None:
        return
    if isinstance(value, dict):
        properties = schema["properties"] or {}
        for name in list(value):
            if schema[_EMBEDDED] and name in _META:
                continue
            if name in properties:
                _prune(value[name], properties[name], _join(path, name), found)
            elif schema["additionalProperties"] is not None:
                _prune(value[name], _additional(schema), _join(path, name), found)
    elif isinstance(value, list):
        for index, member in enumerate(value):
            _skip(member, _items(schema), f"{path}[{index}]", found)

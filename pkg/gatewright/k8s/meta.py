"""Nested fields and metadata of an object, read as apimachinery reads them.

The `nested_*` functions return the value, `MISSING` when a field on the way is
absent or null, and raise `AccessorError` with apimachinery's text when a value
on the way or at the end has another type.  The plain readers (`name_of`, ...)
never fail: what is not of the right type counts as absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gatewright.k8s import gostruct, gotext

__all__ = [
    "MISSING",
    "OBJECT_META",
    "AccessorError",
    "annotations_of",
    "generate_name_of",
    "labels_of",
    "name_of",
    "namespace_of",
    "nested",
    "nested_map",
    "nested_string",
    "nested_string_list",
]


class _Missing:
    """The type of MISSING."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()

#: The Go type of an object's metadata, as far as it is looked at.
OBJECT_META: Final = gostruct.struct(
    "v1.ObjectMeta",
    {
        "name": gostruct.STRING,
        "generateName": gostruct.STRING,
        "namespace": gostruct.STRING,
        "labels": gostruct.mapping(gostruct.STRING),
        "annotations": gostruct.mapping(gostruct.STRING),
    },
)


class AccessorError(ValueError):
    """A nested field is not of the expected type."""


def _fail(fields: tuple[str, ...], found: Any, wanted: str) -> AccessorError:
    path = "." + ".".join(fields)
    return AccessorError(
        f"{path} accessor error: {gotext.value(found)} is of the type "
        f"{gotext.type_name(found)}, expected {wanted}"
    )


def nested(obj: Mapping[str, Any], *fields: str) -> Any:
    """Return the value at `fields`, or MISSING; the value itself may be None."""
    found: Any = obj
    for index, field in enumerate(fields):
        if found is None:
            return MISSING
        if not isinstance(found, dict):
            raise _fail(fields[: index + 1], found, "map[string]interface{}")
        if field not in found:
            return MISSING
        found = found[field]
    return found


def nested_map(obj: Mapping[str, Any], *fields: str) -> Any:
    """Return the object at `fields`, or MISSING."""
    found = nested(obj, *fields)
    if found is MISSING or isinstance(found, dict):
        return found
    raise _fail(fields, found, "map[string]interface{}")


def nested_string(obj: Mapping[str, Any], *fields: str) -> Any:
    """Return the string at `fields`, or MISSING."""
    found = nested(obj, *fields)
    if found is MISSING or isinstance(found, str):
        return found
    raise _fail(fields, found, "string")


def nested_string_list(obj: Mapping[str, Any], *fields: str) -> Any:
    """Return the list of strings at `fields`, or MISSING."""
    found = nested(obj, *fields)
    if found is MISSING:
        return found
    if not isinstance(found, list):
        raise _fail(fields, found, "[]interface{}")
    for item in found:
        if not isinstance(item, str):
            path = "." + ".".join(fields)
            raise AccessorError(
                f"{path} accessor error: contains non-string key in the slice: "
                f"{gotext.value(item)} is of the type {gotext.type_name(item)}, "
                "expected string"
            )
    return list(found)


def _metadata(obj: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = obj.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _string(metadata: Mapping[str, Any], key: str) -> str:
    found = metadata.get(key)
    return found if isinstance(found, str) else ""


def name_of(obj: Mapping[str, Any]) -> str:
    """Return metadata.name, or a blank."""
    return _string(_metadata(obj), "name")


def generate_name_of(obj: Mapping[str, Any]) -> str:
    """Return metadata.generateName, or a blank."""
    return _string(_metadata(obj), "generateName")


def namespace_of(obj: Mapping[str, Any]) -> str:
    """Return metadata.namespace, or a blank."""
    return _string(_metadata(obj), "namespace")


def string_map(found: Any) -> dict[str, str]:
    """Return a map of strings, null as a blank; {} if any value is another type."""
    if not isinstance(found, dict):
        return {}
    out: dict[str, str] = {}
    for key, item in found.items():
        if item is None:
            out[key] = ""
        elif isinstance(item, str):
            out[key] = item
        else:
            return {}
    return out


def labels_of(obj: Mapping[str, Any]) -> dict[str, str]:
    """Return metadata.labels; one value that is no string discards them all."""
    return string_map(_metadata(obj).get("labels"))


def annotations_of(obj: Mapping[str, Any]) -> dict[str, str]:
    """Return metadata.annotations; one value that is no string discards them all."""
    return string_map(_metadata(obj).get("annotations"))

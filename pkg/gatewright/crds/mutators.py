"""Schemas of the four kinds of mutators."""

from __future__ import annotations

from typing import Any, Final

from gatewright.constraints.crd import MATCH_SCHEMA
from gatewright.crds import statuses
from gatewright.crds.schema import (
    ANY,
    ANY_OBJECT,
    METADATA,
    NAMED,
    STRING,
    STRINGS,
    Schema,
    array,
    obj,
    string,
)

__all__ = ["assign", "assign_image", "assign_metadata", "modify_set"]

_APPLY_TO: Final = array(
    obj(
        {
            "groups": STRINGS,
            "kinds": STRINGS,
            "operations": array(string(enum=["CREATE", "UPDATE", "*"])),
            "versions": STRINGS,
        }
    )
)
_PATH_TESTS: Final = array(
    obj(
        {"condition": string(enum=["MustExist", "MustNotExist"]), "subPath": STRING},
    )
)
_EXTERNAL: Final = obj(
    {
        "dataSource": string(
            default="ValueAtLocation", enum=["ValueAtLocation", "Username"]
        ),
        "default": STRING,
        "failurePolicy": string(default="Fail", enum=["UseDefault", "Ignore", "Fail"]),
        "provider": STRING,
    },
    required=("provider",),
)
_ASSIGN: Final = obj(
    {
        "externalData": _EXTERNAL,
        "fromMetadata": obj({"field": STRING}),
        "value": ANY,
    }
)


def _mutator(
    parameters: dict[str, Schema], *, applies: bool = True, bounded: bool
) -> Schema:
    spec: dict[str, Any] = {
        "location": STRING,
        "match": MATCH_SCHEMA,
        "parameters": obj(parameters),
    }
    if applies:
        spec["applyTo"] = _APPLY_TO
    return obj(
        {
            "metadata": NAMED if bounded else METADATA,
            "spec": obj(spec),
            "status": statuses.by_pod(statuses.MUTATOR),
        }
    )


def assign(*, bounded: bool) -> Schema:
    """An Assign; `bounded`: whether the schema bounds the name."""
    return _mutator({"assign": _ASSIGN, "pathTests": _PATH_TESTS}, bounded=bounded)


def assign_metadata(*, bounded: bool) -> Schema:
    """An AssignMetadata, which applies to all kinds."""
    return _mutator({"assign": _ASSIGN}, applies=False, bounded=bounded)


def assign_image() -> Schema:
    """An AssignImage."""
    parts = dict.fromkeys(("assignDomain", "assignPath", "assignTag"), STRING)
    return _mutator({**parts, "pathTests": _PATH_TESTS}, bounded=True)


def modify_set(*, bounded: bool) -> Schema:
    """A ModifySet."""
    return _mutator(
        {
            "operation": string(default="merge", enum=["merge", "prune"]),
            "pathTests": _PATH_TESTS,
            "values": ANY_OBJECT,
        },
        bounded=bounded,
    )

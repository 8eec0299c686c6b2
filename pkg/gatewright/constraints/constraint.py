"""Constraints: is one acceptable to its template, and what does it say.

`check` makes Gatekeeper's checks in its order and with its texts; `compile`
fills in the schema's defaults and takes match block and actions apart.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gatewright.constraints.actions import Actions, actions_of
from gatewright.constraints.crd import CONSTRAINT_GROUP
from gatewright.constraints.faults import ConstraintError
from gatewright.k8s import (
    fields,
    gostruct,
    gvk,
    meta,
    names,
    openapi,
    selectors,
    structural,
)
from gatewright.k8s.gotext import quote
from gatewright.k8s.jsonschema import Schema
from gatewright.match import block

__all__ = [
    "Constraint",
    "check",
    "check_metadata",
    "compile_constraint",
    "missing_template",
]

_PREFIX: Final = "invalid Constraint: "
_VERSIONS: Final = ("v1alpha1", "v1beta1")


@dataclass(frozen=True, slots=True, eq=False)
class Constraint:
    """One constraint, ready for use.

    `source` is the object with its defaults and without its status; `matcher` is
    None when it has no match block; `parameters` is what its code is given.
    """

    kind: str
    name: str
    source: Mapping[str, Any]
    actions: Actions
    matcher: block.Matcher | None
    parameters: Any


def missing_template(kind: str) -> ConstraintError:
    """Return the error about a kind that no template defines."""
    name = kind.lower()
    return ConstraintError(f'missing ConstraintTemplate: template "{name}" not found')


def check_metadata(obj: Mapping[str, Any]) -> None:
    """Raise ConstraintError unless an object names itself as a constraint."""
    name = meta.name_of(obj)
    if not name:
        raise ConstraintError(_PREFIX + "missing metadata.name")
    named = gvk.gvk_of(obj)
    if not named.kind:
        raise ConstraintError(_PREFIX + "missing kind")
    if named.group != CONSTRAINT_GROUP:
        raise ConstraintError(
            f"{_PREFIX}wrong API Group for Constraint {quote(name)}, got "
            f"{quote(named.group)} but need {quote(CONSTRAINT_GROUP)}"
        )


def check(obj: Mapping[str, Any], kind: str, schema: Schema) -> None:
    """Raise ConstraintError unless a constraint fits kind and schema.

    Its metadata has been checked before.
    """
    try:
        for field in ("labelSelector", "namespaceSelector"):
            _check_selector(meta.nested_map(obj, "spec", "match", field))
    except meta.AccessorError as error:
        raise ConstraintError(_PREFIX + str(error)) from None
    name = meta.name_of(obj)
    if texts := names.dns1123_subdomain(name):
        raise ConstraintError(f"{_PREFIX}invalid name: {quote(chr(10).join(texts))}")
    named = gvk.gvk_of(obj)
    if named.kind != kind:
        # Name and kind stand in each other's place in Gatekeeper's text.
        raise ConstraintError(
            f"{_PREFIX}wrong kind {quote(name)} for constraint {quote(named.kind)}; "
            f"want {quote(kind)}"
        )
    if named.version not in _VERSIONS:
        supported = " ".join(f"{version}:true" for version in _VERSIONS)
        raise ConstraintError(
            f"{_PREFIX}unsupported version {quote(named.version)} for Constraint "
            f"{quote(name)}; supported versions: map[{supported}]"
        )
    if errors := openapi.complaints(openapi.as_floats(obj), schema, "[]"):
        raise ConstraintError(f"schema validation failed: {fields.aggregate(errors)}")
    if unknown := structural.unknown_fields(obj, schema):
        raise ConstraintError(f"{_PREFIX}unknown fields: [{' '.join(unknown)}]")


def _check_selector(selector: Any) -> None:
    if selector is meta.MISSING:
        return
    try:
        decoded = gostruct.decode(selector, selectors.SHAPE)
    except gostruct.UnmarshalError as error:
        raise ConstraintError(
            f"{_PREFIX}Could not convert JSON to LabelSelector: {error}"
        ) from None
    # Both selectors are reported under the one name, as Gatekeeper does.
    if errors := selectors.validate(decoded, "spec.labelSelector"):
        raise ConstraintError(_PREFIX + fields.aggregate(errors))


def compile_constraint(obj: Mapping[str, Any], schema: Schema) -> Constraint:
    """Return a constraint that has been checked, with its defaults filled in."""
    source = copy.deepcopy(dict(obj))
    source.pop("status", None)
    structural.apply_defaults(source, schema)
    return read_constraint(source)


def read_constraint(source: Mapping[str, Any]) -> Constraint:
    """Return a constraint from an object that `compile_constraint` has made."""
    match = meta.nested(source, "spec", "match")
    try:
        matcher = block.compile_match(match) if isinstance(match, dict) else None
    except gostruct.UnmarshalError as error:
        raise ConstraintError(
            f"{_PREFIX}unable to create matcher: could not convert JSON to Match: {error}"
        ) from None
    parameters = meta.nested(source, "spec", "parameters")
    return Constraint(
        kind=gvk.gvk_of(source).kind,
        name=meta.name_of(source),
        source=source,
        actions=actions_of(source),
        matcher=matcher,
        parameters={}
        if parameters is meta.MISSING or parameters is None
        else parameters,
    )

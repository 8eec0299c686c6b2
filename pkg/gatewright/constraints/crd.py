"""The custom resource that a template defines: its schema, and is it valid.

Every constraint kind has the same frame (metadata.name, match, enforcement
actions, status); only `spec.parameters` is the template's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gatewright.constraints.faults import TemplateError
from gatewright.constraints.template import Template
from gatewright.k8s import crd, fields, gostruct, jsonschema
from gatewright.k8s.jsonschema import Schema

__all__ = [
    "CONSTRAINT_GROUP",
    "TARGET",
    "check_target",
    "check_template",
    "constraint_schema",
    "definition",
]

CONSTRAINT_GROUP: Final = "constraints.gatekeeper.sh"
#: The one target that there is.
TARGET: Final = "admission.k8s.gatekeeper.sh"
_PREFIX: Final = "invalid ConstraintTemplate: "
_PARAMETERS: Final = (
    "spec.validation.openAPIV3Schema.properties[spec].properties[parameters]"
)

_GLOB: Final = {"type": "string", "pattern": r"^\*?[-:a-z0-9]*\*?$"}
_STRINGS: Final = {"type": "array", "items": {"type": "string"}}
_ATOMIC_STRINGS: Final = {**_STRINGS, "x-kubernetes-list-type": "atomic"}
_GLOBS: Final = {"type": "array", "items": _GLOB}
_SELECTOR: Final = {
    "type": "object",
    "x-kubernetes-map-type": "atomic",
    "properties": {
        "matchExpressions": {
            "type": "array",
            "x-kubernetes-list-type": "atomic",
            "items": {
                "type": "object",
                "required": ["key", "operator"],
                "properties": {
                    "key": {"type": "string"},
                    "operator": {"type": "string"},
                    "values": _ATOMIC_STRINGS,
                },
            },
        },
        "matchLabels": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}
#: The schema of `spec.match`, of constraints and mutators alike.
MATCH_SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {
        "excludedNamespaces": _GLOBS,
        "kinds": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"apiGroups": _STRINGS, "kinds": _STRINGS},
            },
        },
        "labelSelector": _SELECTOR,
        "name": _GLOB,
        "namespaceSelector": _SELECTOR,
        "namespaces": _GLOBS,
        "scope": {"type": "string"},
        "source": {"type": "string", "enum": ["All", "Generated", "Original"]},
    },
}
_ENFORCEMENT_POINTS: Final = {
    "type": "array",
    "items": {"type": "object", "properties": {"name": {"type": "string"}}},
}
_FRAME: Final = {
    "type": "object",
    "properties": {
        "metadata": {
            "type": "object",
            "properties": {"name": {"type": "string", "maxLength": 63}},
        },
        "spec": {
            "type": "object",
            "properties": {
                "enforcementAction": {"type": "string", "default": "deny"},
                "match": MATCH_SCHEMA,
                "scopedEnforcementActions": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "action": {"type": "string"},
                            "enforcementPoints": _ENFORCEMENT_POINTS,
                        },
                    },
                },
            },
        },
        "status": {"x-kubernetes-preserve-unknown-fields": True},
    },
}


_FRAME_SCHEMA: Final[Schema] = gostruct.decode(_FRAME, jsonschema.SHAPE)


def constraint_schema(template: Template) -> Schema:
    """Return the schema of a template's constraints."""
    if template.schema is None:
        return _FRAME_SCHEMA
    # The frame is shared; only what leads to the parameters is the template's own.
    properties = _FRAME_SCHEMA["properties"]
    spec = properties["spec"]
    fields = {**spec["properties"], "parameters": template.schema}
    spec = {**spec, "properties": fields}
    return {**_FRAME_SCHEMA, "properties": {**properties, "spec": spec}}


def definition(template: Template) -> dict[str, Any]:
    """Return the CustomResourceDefinition that a valid template stands for.

    Without owner reference, which only a cluster can tell.
    """
    plural = template.kind.lower()
    names: dict[str, Any] = {
        "plural": plural,
        "singular": plural,
        "kind": template.kind,
        "listKind": f"{template.kind}List",
        "categories": ["constraint", "constraints"],
    }
    if template.short_names:
        names["shortNames"] = list(template.short_names)
    version = {
        "served": True,
        "schema": {"openAPIV3Schema": jsonschema.written(constraint_schema(template))},
        "subresources": {"status": {}},
        "additionalPrinterColumns": [dict(column) for column in _COLUMNS],
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{CONSTRAINT_GROUP}",
            "labels": {**template.labels, "gatekeeper.sh/constraint": "yes"},
        },
        "spec": {
            "group": CONSTRAINT_GROUP,
            "names": names,
            "scope": "Cluster",
            "conversion": {"strategy": "None"},
            "versions": [
                {"name": "v1beta1", "storage": True, **version},
                {"name": "v1alpha1", "storage": False, **version},
            ],
        },
    }


_COLUMNS: Final = (
    {
        "name": "enforcement-action",
        "type": "string",
        "description": "Type of enforcement action",
        "jsonPath": ".spec.enforcementAction",
    },
    {
        "name": "total-violations",
        "type": "integer",
        "description": "Total number of violations",
        "jsonPath": ".status.totalViolations",
    },
)


def check_target(template: Template) -> None:
    """Raise TemplateError unless exactly one target is named."""
    if len(template.targets) != 1:
        raise TemplateError(_PREFIX + "must declare exactly one target")
    if not template.targets[0].name:
        raise TemplateError(_PREFIX + "target name must not be empty")


def check_template(template: Template) -> None:
    """Raise TemplateError unless a valid constraint kind follows from a template."""
    kind = template.kind
    if not kind:
        raise TemplateError(
            f'{_PREFIX}ConstraintTemplate "{template.name}" does not specify CRD Kind'
        )
    if template.name.casefold() != kind.casefold():
        raise TemplateError(
            f'{_PREFIX}the ConstraintTemplate\'s name "{template.name}" is not equal to '
            f'the lowercase of CRD\'s Kind: "{kind.lower()}"'
        )
    check_target(template)
    target = template.targets[0].name
    if target != TARGET:
        raise TemplateError(
            f'{_PREFIX}target "{target}" not recognized, known targets [{TARGET}]'
        )
    errors = crd.check_labels(template.labels)
    names = crd.check_names(kind, CONSTRAINT_GROUP, template.short_names)
    # The definition's own name comes before its labels.
    errors = [e for e in names if e.path == "metadata.name"] + errors
    errors += (e for e in names if e.path != "metadata.name")
    if template.schema is not None:
        errors += crd.check_schema(template.schema, _PARAMETERS)
    if errors:
        raise TemplateError(_PREFIX + fields.aggregate(errors))

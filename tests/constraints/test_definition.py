"""The custom resource definition of a template, as an API server shows it."""

from __future__ import annotations

from gatewright.constraints import crd
from gatewright.constraints.template import parse
from gatewright.k8s import jsonschema
from tests.constraints import samples

PARAMETERS = {
    "type": "object",
    "required": ["labels"],
    "properties": {
        "labels": {"type": "array", "items": {"type": "string"}},
        "strict": {"type": "boolean", "default": False},
        "more": {"type": "object", "additionalProperties": {"type": "integer"}},
    },
}


def test_definition() -> None:
    short = {
        "name": "reqlabel",
        "kind": "ReqLabel",
        "schema": PARAMETERS,
        "labels": {"a": "b"},
    }
    made = crd.definition(parse(samples.template(short)))
    spec = made["spec"]

    assert made["metadata"] == {
        "name": "reqlabel.constraints.gatekeeper.sh",
        "labels": {"a": "b", "gatekeeper.sh/constraint": "yes"},
    }
    assert spec["names"] == {
        "plural": "reqlabel",
        "singular": "reqlabel",
        "kind": "ReqLabel",
        "listKind": "ReqLabelList",
        "categories": ["constraint", "constraints"],
    }
    assert [(one["name"], one["storage"]) for one in spec["versions"]] == [
        ("v1beta1", True),
        ("v1alpha1", False),
    ]
    schema = spec["versions"][0]["schema"]["openAPIV3Schema"]
    assert schema["properties"]["metadata"] == {
        "type": "object",
        "properties": {"name": {"type": "string", "maxLength": 63}},
    }
    assert schema["properties"]["status"] == {
        "x-kubernetes-preserve-unknown-fields": True
    }
    inside = schema["properties"]["spec"]["properties"]
    assert inside["parameters"] == PARAMETERS
    assert inside["enforcementAction"] == {"type": "string", "default": "deny"}
    assert inside["match"] == crd.MATCH_SCHEMA


def test_a_legacy_schema_allows_unknown_fields_throughout() -> None:
    short = {"version": "v1beta1", "schema": {"properties": {"a": {"type": "array"}}}}
    schema = crd.constraint_schema(parse(samples.template(short)))
    parameters = jsonschema.written(
        schema["properties"]["spec"]["properties"]["parameters"]
    )

    assert parameters == {
        "x-kubernetes-preserve-unknown-fields": True,
        "properties": {
            "a": {
                "type": "array",
                "items": {"x-kubernetes-preserve-unknown-fields": True},
            }
        },
    }

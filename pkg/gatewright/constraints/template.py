"""ConstraintTemplates: from an object of any served version to one form.

A template names a constraint kind, the schema of its parameters and the code.
`parse` reads templates.gatekeeper.sh v1, v1beta1 and v1alpha1, with the defaults
that the API server would have filled in unless told that it has not been there.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gatewright.constraints.faults import DecodeError
from gatewright.constraints.versions import decode
from gatewright.k8s import gostruct, gvk, jsonschema, meta
from gatewright.k8s.gojson import whole_numbers
from gatewright.k8s.jsonschema import Schema
from gatewright.k8s.openapi import as_floats

__all__ = ["CEL", "GROUP", "REGO", "Code", "Target", "Template", "parse"]

GROUP: Final = "templates.gatekeeper.sh"
REGO: Final = "Rego"
CEL: Final = "K8sNativeValidation"
#: Default of `legacySchema` by version.
_LEGACY: Final = {"v1": False, "v1beta1": True, "v1alpha1": True}
_KEEP: Final = "x-kubernetes-preserve-unknown-fields"


@dataclass(frozen=True, slots=True)
class Code:
    """Source for one engine; what `source` must be is the engine's affair."""

    engine: str
    source: Any


@dataclass(frozen=True, slots=True)
class Target:
    """What the code judges, at which operations (None: all)."""

    name: str
    code: tuple[Code, ...] = ()
    operations: tuple[str, ...] | None = None

    def code_of(self, engine: str) -> Code | None:
        """Return the source for an engine, the first if it is there twice."""
        return next((one for one in self.code if one.engine == engine), None)

    def admits(self, operation: str) -> bool:
        """Tell whether a request of this operation concerns the template."""
        wanted = self.operations
        return not wanted or operation in wanted or "*" in wanted


@dataclass(frozen=True, slots=True)
class Template:
    """One template in its internal form.

    `schema` is that of the parameters, with unknown fields allowed throughout
    when the template asks for a legacy schema; None when there is none.
    """

    name: str
    kind: str
    short_names: tuple[str, ...] = ()
    schema: Schema | None = None
    targets: tuple[Target, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    source: Mapping[str, Any] = field(default_factory=dict)


def _shape(version: str) -> gostruct.Shape:
    strings = gostruct.array(gostruct.STRING)
    anything = gostruct.custom("templates.Anything", lambda item: item)
    names = {"kind": gostruct.STRING, "shortNames": strings}
    validation = {
        "openAPIV3Schema": gostruct.optional(jsonschema.SHAPE),
        "legacySchema": gostruct.optional(gostruct.BOOL),
    }
    code = {"engine": gostruct.STRING, "source": anything}
    target = {
        "target": gostruct.STRING,
        "rego": gostruct.STRING,
        "libs": strings,
        "code": gostruct.array(gostruct.struct(f"{version}.Code", code)),
        "operations": gostruct.array(
            gostruct.named("v1.OperationType", gostruct.STRING)
        ),
    }
    crd_spec = {
        "names": gostruct.struct(f"{version}.Names", names),
        "validation": gostruct.optional(
            gostruct.struct(f"{version}.Validation", validation)
        ),
    }
    crd = {"spec": gostruct.struct(f"{version}.CRDSpec", crd_spec)}
    spec = {
        "crd": gostruct.struct(f"{version}.CRD", crd),
        "targets": gostruct.array(gostruct.struct(f"{version}.Target", target)),
    }
    fields = {
        "metadata": meta.OBJECT_META,
        "spec": gostruct.struct(f"{version}.ConstraintTemplateSpec", spec),
    }
    return gostruct.struct(f"{version}.ConstraintTemplate", fields)


_SHAPES: Final = {version: _shape(version) for version in _LEGACY}


def parse(obj: Mapping[str, Any], *, defaults: bool = True) -> Template:
    """Return a template in its internal form; raise DecodeError.

    Without `defaults` an absent legacySchema stays absent, as the webhook reads
    a template that did not come through the API server.
    """
    named = gvk.gvk_of(obj)
    decoded = decode(
        whole_numbers(obj), named, shapes=_SHAPES if named.group == GROUP else {}
    )
    spec = decoded["spec"]["crd"]["spec"]
    validation = spec["validation"] or {"openAPIV3Schema": None, "legacySchema": None}
    legacy = validation["legacySchema"]
    if legacy is None and defaults:
        legacy = _LEGACY[named.version]
    metadata = decoded["metadata"]
    return Template(
        name=metadata["name"],
        kind=spec["names"]["kind"],
        short_names=tuple(spec["names"]["shortNames"] or ()),
        schema=_schema(validation["openAPIV3Schema"], legacy=bool(legacy)),
        targets=tuple(_target(one) for one in decoded["spec"]["targets"] or ()),
        labels=metadata["labels"] or meta.labels_of({}),
        source=obj,
    )


def _target(decoded: Mapping[str, Any]) -> Target:
    # Go reads a source as plain JSON, in which all numbers are floats.
    code = [
        Code(one["engine"], as_floats(one["source"])) for one in decoded["code"] or ()
    ]
    if decoded["rego"]:
        # The old field stands for Rego source and overrules a `code` entry.
        source: dict[str, Any] = {"rego": decoded["rego"], "version": ""}
        if decoded["libs"]:
            source["libs"] = decoded["libs"]
        place = next((i for i, one in enumerate(code) if one.engine == REGO), len(code))
        code[place : place + 1] = [Code(REGO, source)]
    operations = decoded["operations"]
    return Target(
        decoded["target"],
        tuple(code),
        None if operations is None else tuple(operations),
    )


def _schema(schema: Schema | None, *, legacy: bool) -> Schema | None:
    if not legacy:
        return schema
    loose = jsonschema.new() if schema is None else copy.deepcopy(schema)
    _allow_unknown(loose)
    return loose


def _allow_unknown(schema: Schema) -> None:
    if schema["type"] in ("", "object"):
        schema[_KEEP] = True
    elif schema["type"] == "array" and (
        schema["items"] is None or "$neither" in schema["items"]
    ):
        schema["items"] = jsonschema.new(x_kubernetes_preserve_unknown_fields=True)
    for member in (schema["properties"] or {}).values():
        _allow_unknown(member)
    items = schema["items"]
    if isinstance(items, list):
        raise DecodeError(
            "non-nil JSONSchemas encountered, multiple schemas are not supported"
        )
    if items is not None and "type" in items:
        _allow_unknown(items)
    if isinstance(schema["additionalProperties"], dict):
        _allow_unknown(schema["additionalProperties"])

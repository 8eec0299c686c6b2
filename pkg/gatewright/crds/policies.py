"""Schemas of ConstraintTemplate, Config, SyncSet, ExpansionTemplate and others."""

from __future__ import annotations

from typing import Final

from gatewright.crds import statuses
from gatewright.crds.schema import (
    ANY,
    ANY_OBJECT,
    BOOLEAN,
    INTEGER,
    METADATA,
    NAMED,
    STRING,
    STRINGS,
    Schema,
    array,
    obj,
    string,
)

__all__ = [
    "CONFIG",
    "CONNECTION",
    "EXPANSION",
    "EXPANSION_LONG_NAMES",
    "PROVIDER",
    "SYNC_SET",
    "template",
]

_GVK: Final = obj({"group": STRING, "kind": STRING, "version": STRING})


def template(*, legacy: bool) -> Schema:
    """A ConstraintTemplate; `legacy`: what `legacySchema` defaults to."""
    validation = obj(
        {
            "legacySchema": {"type": "boolean", "default": legacy},
            "openAPIV3Schema": ANY_OBJECT,
        },
        # So that the inner default applies where the whole is left out.
        default={"legacySchema": legacy},
    )
    names = obj({"kind": STRING, "shortNames": STRINGS})
    code = {
        **array(obj({"engine": STRING, "source": ANY}, required=("engine", "source"))),
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["engine"],
    }
    operation = string(enum=["*", "CREATE", "DELETE", "UPDATE", "CONNECT"])
    target = obj(
        {
            "code": code,
            "libs": STRINGS,
            "operations": array(operation),
            "rego": STRING,
            "target": STRING,
        }
    )
    crd = obj({"spec": obj({"names": names, "validation": validation})})
    return obj(
        {
            "metadata": METADATA,
            "spec": obj({"crd": crd, "targets": array(target)}),
            "status": statuses.by_pod(statuses.TEMPLATE_BY_POD, created=BOOLEAN),
        }
    )


CONFIG: Final = obj(
    {
        "metadata": METADATA,
        "spec": obj(
            {
                "match": array(
                    obj(
                        {
                            "excludedNamespaces": array(
                                string(pattern=r"^\*?[-:a-z0-9]*\*?$")
                            ),
                            "processes": STRINGS,
                        }
                    )
                ),
                "readiness": obj({"statsEnabled": BOOLEAN}),
                "sync": obj({"syncOnly": array(_GVK)}),
                "validation": obj(
                    {
                        "traces": array(
                            obj({"dump": STRING, "kind": _GVK, "user": STRING})
                        )
                    }
                ),
            }
        ),
        "status": statuses.by_pod(statuses.CONFIG),
    }
)

SYNC_SET: Final = obj({"metadata": NAMED, "spec": obj({"gvks": array(_GVK)})})


def _expansion(metadata: Schema) -> Schema:
    generators = obj({"groups": STRINGS, "kinds": STRINGS, "versions": STRINGS})
    spec = {
        "applyTo": array(generators),
        "enforcementAction": STRING,
        "generatedGVK": _GVK,
        "templateSource": STRING,
    }
    return obj(
        {
            "metadata": metadata,
            "spec": obj(spec),
            "status": statuses.by_pod(statuses.EXPANSION),
        }
    )


EXPANSION: Final = _expansion(NAMED)
#: v1beta1 leaves names unbounded.
EXPANSION_LONG_NAMES: Final = _expansion(METADATA)

PROVIDER: Final = obj(
    {
        "metadata": METADATA,
        "spec": obj({"caBundle": STRING, "timeout": INTEGER, "url": STRING}),
        "status": statuses.by_pod(statuses.PROVIDER_BY_POD),
    }
)

CONNECTION: Final = obj(
    {
        "metadata": METADATA,
        "spec": obj({"config": ANY, "driver": STRING}, required=("config", "driver")),
        "status": statuses.by_pod(statuses.CONNECTION),
    }
)

"""Is an ExpansionTemplate acceptable.

They are checked when they are admitted; expanding workloads comes later.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gatewright.constraints.faults import PolicyFault
from gatewright.constraints.versions import decode
from gatewright.k8s import gostruct, meta
from gatewright.k8s.gvk import GVK

__all__ = ["GROUP", "check"]

GROUP: Final = "expansion.gatekeeper.sh"
_STRINGS: Final = gostruct.array(gostruct.STRING)
_APPLY_TO: Final = gostruct.struct(
    "match.ApplyTo", {"groups": _STRINGS, "kinds": _STRINGS, "versions": _STRINGS}
)


def _shape(version: str) -> gostruct.Shape:
    generated = {
        "group": gostruct.STRING,
        "version": gostruct.STRING,
        "kind": gostruct.STRING,
    }
    spec = {
        "applyTo": gostruct.array(_APPLY_TO),
        "templateSource": gostruct.STRING,
        "generatedGVK": gostruct.struct(f"{version}.GeneratedGVK", generated),
        "enforcementAction": gostruct.STRING,
    }
    owner = gostruct.struct(f"{version}.ExpansionTemplateSpec", spec)
    fields = {"metadata": meta.OBJECT_META, "spec": owner}
    return gostruct.struct(f"{version}.ExpansionTemplate", fields)


_SHAPES: Final = {version: _shape(version) for version in ("v1beta1", "v1alpha1")}


def check(obj: Mapping[str, Any], version: str) -> None:
    """Raise PolicyFault unless an expansion template is acceptable."""
    spec = decode(obj, GVK(GROUP, version, "ExpansionTemplate"), shapes=_SHAPES)["spec"]
    name = meta.name_of(obj)
    if not name:
        raise PolicyFault("ExpansionTemplate has empty name field")
    if len(name.encode()) >= 64:
        raise PolicyFault("ExpansionTemplate name must be less than 64 characters")
    if not spec["templateSource"]:
        raise PolicyFault(f"ExpansionTemplate {name} has empty source field")
    made = GVK(**spec["generatedGVK"])
    if not any(made):
        raise PolicyFault(f"ExpansionTemplate {name} has empty generatedGVK field")
    if not spec["applyTo"]:
        raise PolicyFault(f"ExpansionTemplate {name} must specify ApplyTo")
    for entry in spec["applyTo"]:
        if (
            made.group in (entry["groups"] or ())
            and made.version in (entry["versions"] or ())
            and made.kind in (entry["kinds"] or ())
        ):
            raise PolicyFault(
                f"ExpansionTemplate {name} generates GVK {made}, but also applies to that "
                "same GVK"
            )

"""Referential data: the tree that policies see as `data.inventory`.

Cluster-scoped objects are at `cluster[groupVersion][kind][name]`, others at
`namespace[namespace][groupVersion][kind][name]`.  Numbers are those of the JSON
that Go would write: 1.0 is 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gatewright.constraints.faults import PolicyFault
from gatewright.k8s import gvk, meta

__all__ = ["check_object", "object_key", "tree"]

#: Group, version, kind, namespace ("" for none) and name.
ObjectKey = tuple[str, str, str, str, str]


def object_key(obj: Mapping[str, Any]) -> ObjectKey:
    """Return what tells an object apart from all others."""
    named = gvk.gvk_of(obj)
    return (*named, meta.namespace_of(obj), meta.name_of(obj))


def check_object(obj: Mapping[str, Any]) -> None:
    """Raise PolicyFault unless an object can have a place in the tree."""
    named = gvk.gvk_of(obj)
    for part, value in (("version", named.version), ("kind", named.kind)):
        if not value:
            raise PolicyFault(
                f"invalid request object: resource {meta.name_of(obj)} has no {part}"
            )


def tree(objects: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the inventory that holds the objects."""
    cluster: dict[str, Any] = {}
    namespaced: dict[str, Any] = {}
    for obj in objects:
        named = gvk.gvk_of(obj)
        home = meta.namespace_of(obj)
        top = namespaced.setdefault(home, {}) if home else cluster
        kinds = top.setdefault(named.api_version, {})
        kinds.setdefault(named.kind, {})[meta.name_of(obj)] = obj
    out: dict[str, Any] = {}
    if cluster:
        out["cluster"] = cluster
    if namespaced:
        out["namespace"] = namespaced
    return out

"""Referential data: the tree that policies see as `data.inventory`.

Cluster-scoped objects are at `cluster[groupVersion][kind][name]`, others at
`namespace[namespace][groupVersion][kind][name]`.  Numbers are those of the JSON
that Go would write: 1.0 is 1.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gatewright.constraints.faults import PolicyFault
from gatewright.k8s import gvk, meta
from gatewright.k8s.gojson import whole_numbers

__all__ = ["Inventory", "ObjectKey", "check_object", "object_key", "tree"]

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


class Inventory:
    """The one writer of the referential data that policies see.

    What is put or removed is seen by nobody until `commit`; a commit is one
    *epoch*: whoever looks sees all of it or none, and a review sees one epoch to
    its end.  Of several changes to one key between two commits the last one counts.

    Keys are `ObjectKey`; they decide where in the tree an object is, whatever its
    own text says.  Not safe for threads: the thread that owns the policy set calls.
    """

    def __init__(self) -> None:
        self.epoch = 0
        self._objects: dict[ObjectKey, Mapping[str, Any]] = {}
        self._pending: dict[ObjectKey, Mapping[str, Any] | None] = {}

    def put(self, key: ObjectKey, data: bytes) -> None:
        """Add an object, or replace the one with this key.

        `data` is its JSON as the API server sends it.  Raises PolicyFault if it is
        no JSON object, or the key has no version, kind or name; nothing is changed
        then.
        """
        _check_key(key)
        try:
            obj = json.loads(data)
        except ValueError as error:
            raise PolicyFault(f"{_shown(key)} is no JSON: {error}") from None
        if not isinstance(obj, dict):
            raise PolicyFault(f"{_shown(key)} is no JSON object")
        self._pending[key] = whole_numbers(obj)

    def put_value(self, key: ObjectKey, obj: Mapping[str, Any]) -> None:
        """Like `put`, of an object in Python form whose numbers are as they are."""
        self._pending[key] = obj

    def remove(self, key: ObjectKey) -> None:
        """Remove an object; nothing happens if there is none with this key."""
        self._pending[key] = None

    def commit(self) -> int:
        """Let all changes since the last commit be seen; the number of the epoch.

        Without any change the epoch stays the one it was.
        """
        if self._pending:
            for key, obj in self._pending.items():
                if obj is None:
                    self._objects.pop(key, None)
                else:
                    self._objects[key] = obj
            self._pending.clear()
            self.epoch += 1
        return self.epoch

    def clear(self) -> None:
        """Remove all objects."""
        self._pending = dict.fromkeys(self._objects)

    def values(self) -> Iterable[Mapping[str, Any]]:
        """Return the objects of the last epoch."""
        return self._objects.values()

    def __len__(self) -> int:
        """Return the number of objects of the last epoch."""
        return len(self._objects)

    def __iter__(self) -> Iterator[ObjectKey]:
        """Go through the keys of the last epoch."""
        return iter(self._objects)

    def __contains__(self, key: object) -> bool:
        """Tell whether the last epoch has an object."""
        return key in self._objects


def _check_key(key: ObjectKey) -> None:
    _, version, kind, _, name = key
    if not version or not kind:
        part = "kind" if version else "version"
        raise PolicyFault(f"invalid request object: resource {name} has no {part}")


def _shown(key: ObjectKey) -> str:
    group, _, kind, namespace, name = key
    where = f"{namespace}/{name}" if namespace else name
    return f"{kind}.{group} {where}" if group else f"{kind} {where}"

"""Referential data: the tree that policies see as `data.inventory`.

Cluster-scoped objects are at `cluster[groupVersion][kind][name]`, others at
`namespace[namespace][groupVersion][kind][name]`.  Numbers are those of the JSON
that Go would write: 1.0 is 1.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from gatewright.constraints.faults import PolicyFault
from gatewright.engine.basedata import BaseData, Delta, Path, Replica, follow
from gatewright.engine.documents import Doc, JsonError, LimitError
from gatewright.k8s import gotext, gvk, meta
from gatewright.k8s.gojson import whole_numbers
from gatewright.plan.joins import IndexedTree

__all__ = ["TREE", "Inventory", "ObjectKey", "check_key", "object_key", "path_of"]

#: The tree below `data`, and how many steps lead to an object.
TREE: Final = IndexedTree("inventory", {"namespace": 5, "cluster": 4})
_NAMESPACE: Final = ("", "v1", "Namespace")

#: Group, version, kind, namespace ("" for none) and name.
ObjectKey = tuple[str, str, str, str, str]


def object_key(obj: Mapping[str, Any]) -> ObjectKey:
    """Return what tells an object apart from all others."""
    named = gvk.gvk_of(obj)
    return (*named, meta.namespace_of(obj), meta.name_of(obj))


class Inventory:
    """The one writer of the referential data that policies see.

    What is put or removed is seen by nobody until `commit`; a commit is one
    *epoch*: whoever looks sees all of it or none, and a review sees one epoch to
    its end.  Of several changes to one key between two commits the last one counts.

    Keys are `ObjectKey`; they decide where in the tree an object is, whatever its
    own text says.  Not safe for threads: the thread that owns the policy set calls.

    `floats`: whether numbers go through float64, as those of a review do.
    `documents` is the memory that other processes share.
    """

    def __init__(self, *, floats: bool = False) -> None:
        self.documents = BaseData(TREE.name)
        self._floats = floats
        self._replica: Replica | None = None
        self._namespaces: set[Path] = set()

    @property
    def epoch(self) -> int:
        """Return the number of the last commit."""
        return self.documents.epoch

    def put(self, key: ObjectKey, data: bytes) -> None:
        """Add an object, or replace the one with this key.

        `data` is its JSON as the API server sends it.  Raises PolicyFault if it is
        no JSON object, or the key has no version, kind or name; nothing is changed
        then.
        """
        check_key(key)
        try:
            document = Doc.parse(data, review=self._floats)
        except (JsonError, LimitError) as error:
            raise PolicyFault(f"{_shown(key)} is no JSON: {error}") from None
        if not document.is_object:
            raise PolicyFault(f"{_shown(key)} is no JSON object")
        if not self._floats and document.has_number:
            # Whole numbers are spelled as Go spells them; integers are already.
            document = _spelled(json.loads(data), floats=False)
        self._put(key, document)

    def put_value(self, key: ObjectKey, obj: Mapping[str, Any]) -> None:
        """Like `put`, of an object in Python form."""
        check_key(key)
        self._put(key, _spelled(obj, floats=self._floats))

    def _put(self, key: ObjectKey, document: Doc) -> None:
        path = path_of(key)
        self.documents.put(path, document)
        if key[:3] == _NAMESPACE:
            self._namespaces.add(path)

    def remove(self, key: ObjectKey) -> None:
        """Remove an object; nothing happens if there is none with this key."""
        path = path_of(key)
        self.documents.remove(path)
        self._namespaces.discard(path)

    def clear(self) -> None:
        """Remove all objects."""
        for path in self.documents:
            self.documents.remove(path)
        self._namespaces.clear()

    def commit(self) -> Delta | None:
        """Let all changes since the last commit be seen.

        Returns what other processes need to follow; None if nothing has changed.
        """
        delta = self.documents.commit()
        if delta is not None and self._replica is not None:
            follow(self.documents, self._replica, delta)
        return delta

    def replica(self) -> Replica:
        """Return what reads the last epoch, and those to come, in this process."""
        if self._replica is None:
            self._replica = Replica(TREE.name)
            if self.epoch:
                follow(self.documents, self._replica, self.documents.snapshot())
        return self._replica

    def namespaces(self) -> list[Mapping[str, Any]]:
        """Return the Namespaces of the last epoch."""
        found = sorted(path for path in self._namespaces if path in self.documents)
        return [self.documents.get(path).python() for path in found]

    def __len__(self) -> int:
        """Return the number of objects of the last epoch."""
        return len(self.documents)

    def __contains__(self, key: ObjectKey) -> bool:
        """Tell whether the last epoch has an object."""
        return path_of(key) in self.documents


def path_of(key: ObjectKey) -> Path:
    """Return the steps below `data.inventory` that lead to an object."""
    group, version, kind, namespace, name = key
    api_version = f"{group}/{version}" if group else version
    if namespace:
        return "namespace", namespace, api_version, kind, name
    return "cluster", api_version, kind, name


def check_key(key: ObjectKey) -> None:
    """Raise PolicyFault unless an object can have a place in the tree."""
    _, version, kind, _, name = key
    for part, value in (("version", version), ("kind", kind)):
        if not value:
            raise PolicyFault(f"invalid request object: resource {name} has no {part}")


def _spelled(value: Any, *, floats: bool) -> Doc:
    """Return a value with its numbers spelled as policies are to see them."""
    if not floats:
        return Doc.from_python(whole_numbers(value))
    text = gotext.json_text(value).encode("utf-8", "surrogateescape")
    return Doc.parse(text, review=True)


def _shown(key: ObjectKey) -> str:
    group, _, kind, namespace, name = key
    where = f"{namespace}/{name}" if namespace else name
    return f"{kind}.{group} {where}" if group else f"{kind} {where}"

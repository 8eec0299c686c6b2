"""Namespaces as reviews need them: facts to match, and the object policies see."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from gatewright.engine.documents import Doc
from gatewright.k8s import gotext, meta
from gatewright.match.subject import NamespaceFacts

__all__ = [
    "NamespaceError",
    "NamespaceLookup",
    "NamespaceRecord",
    "Namespaces",
    "typed",
]


class NamespaceError(LookupError):
    """A namespace that cannot be had; the text is what the answer says."""


@dataclass(frozen=True, slots=True, eq=False)
class NamespaceRecord:
    """One namespace: `document` is `input.review.namespaceObject`."""

    facts: NamespaceFacts
    document: Any

    @classmethod
    def of(cls, obj: Mapping[str, Any]) -> NamespaceRecord:
        """Return the record of a Namespace object."""
        shown = typed(obj)
        text = gotext.json_text(shown).encode("utf-8", "surrogateescape")
        facts = NamespaceFacts(meta.name_of(obj), meta.labels_of(obj))
        return cls(facts, Doc.parse(text, review=True))


class NamespaceLookup(Protocol):
    """Where a review's namespace comes from."""

    def find(self, name: str) -> NamespaceRecord:
        """Return a namespace, or raise NamespaceError."""


_METADATA: Final = (
    "name",
    "generateName",
    "namespace",
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
)


def typed(obj: Mapping[str, Any]) -> dict[str, Any]:
    """Return a Namespace as it reads after a passage through Go's type.

    Unknown fields are gone; `spec` and `status` are always there.
    """
    metadata = obj.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    kept = {
        key: metadata[key]
        for key in _METADATA
        if metadata.get(key) not in (None, "", {}, [])
    }
    out: dict[str, Any] = {"apiVersion": "v1", "kind": "Namespace", "metadata": kept}
    for part, fields in (
        ("spec", ("finalizers",)),
        ("status", ("phase", "conditions")),
    ):
        found = obj.get(part)
        found = found if isinstance(found, dict) else {}
        out[part] = {
            key: found[key] for key in fields if found.get(key) not in (None, "", [])
        }
    return out


class Namespaces:
    """Namespaces that are all known beforehand: as objects, or as their JSON, which
    is read when somebody asks for one.  They don't change; `changed` gives others."""

    def __init__(self, objects: Mapping[str, Mapping[str, Any] | str]) -> None:
        self._objects = objects
        self._records: dict[str, NamespaceRecord] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._objects)

    def changed(
        self, changes: Mapping[str, Mapping[str, Any] | str | None]
    ) -> Namespaces:
        """Return these with some replaced, added, or removed (None)."""
        objects = {**self._objects, **changes}
        out = Namespaces({k: v for k, v in objects.items() if v is not None})
        out._records = {k: v for k, v in self._records.items() if k not in changes}
        return out

    def holds(self, record: NamespaceRecord) -> bool:
        """Tell whether it was found here, and not elsewhere."""
        return self._records.get(record.facts.name) is record

    def find(self, name: str) -> NamespaceRecord:
        """Return a namespace, or raise NamespaceError as the API server words it."""
        record = self._records.get(name)
        if record is None:
            obj = self._objects.get(name)
            if obj is None:
                raise NamespaceError(f"namespaces {gotext.quote(name)} not found")
            if isinstance(obj, str):
                obj = json.loads(obj)
            record = self._records[name] = NamespaceRecord.of(obj)
        return record

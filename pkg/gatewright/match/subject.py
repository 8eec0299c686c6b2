"""What matching needs to know of an object and of its namespace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gatewright.k8s import gvk, meta

__all__ = ["NamespaceFacts", "Subject"]


@dataclass(slots=True)
class Subject:
    """The facts of one object; made once per review.  Blank means absent."""

    group: str = ""
    kind: str = ""
    name: str = ""
    generate_name: str = ""
    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_namespace(self) -> bool:
        """Tell whether the object is a core Namespace."""
        return self.kind == "Namespace" and not self.group

    @classmethod
    def of(cls, obj: Mapping[str, Any]) -> Subject:
        """Return the facts of decoded JSON."""
        group, _, kind = gvk.gvk_of(obj)
        return cls(
            group,
            kind,
            meta.name_of(obj),
            meta.generate_name_of(obj),
            meta.namespace_of(obj),
            meta.labels_of(obj),
        )


@dataclass(frozen=True, slots=True)
class NamespaceFacts:
    """Name and labels of the namespace that an object lives in."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)

"""Who may put `admission.gatekeeper.sh/ignore` on a namespace: `/v1/admitlabel`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gatewright.k8s import gojson, meta
from gatewright.k8s.review import (
    ObjectError,
    Request,
    Response,
    allowed,
    check_object,
    denied,
)

__all__ = ["IGNORE_LABEL", "LabelGuard"]

IGNORE_LABEL: Final = "admission.gatekeeper.sh/ignore"


@dataclass(frozen=True, slots=True)
class LabelGuard:
    """The namespaces that are exempt: by name, by prefix, by suffix."""

    names: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        names: Sequence[str] = (),
        prefixes: Sequence[str] = (),
        suffixes: Sequence[str] = (),
    ) -> LabelGuard:
        """Return the guard with these exemptions."""
        return cls(frozenset(names), tuple(prefixes), tuple(suffixes))

    def exempts(self, name: str) -> bool:
        """Tell whether a namespace may carry the label."""
        return (
            name in self.names
            or name.startswith(self.prefixes)
            or name.endswith(self.suffixes)
        )

    def judge(self, request: Request) -> Response:
        """Return the verdict on one request."""
        if request.operation == "DELETE":
            return allowed("Delete is always allowed")
        if not request.is_namespace:
            return allowed("Not a namespace")
        obj = request.object
        if obj is None:
            return denied(
                "while deserializing resource: unexpected end of JSON input", 500
            )
        try:
            check_object(obj, lambda: gojson.member(request.raw, "request", "object"))
        except ObjectError as error:
            return denied(f"while deserializing resource: {error}", 500)
        name = meta.name_of(obj)
        if self.exempts(name):
            return allowed(f"Namespace {name} is allowed to set {IGNORE_LABEL}")
        if IGNORE_LABEL in meta.labels_of(obj):
            return denied(f"Only exempt namespace can have the {IGNORE_LABEL} label")
        return allowed(f"Namespace is not setting the {IGNORE_LABEL} label")

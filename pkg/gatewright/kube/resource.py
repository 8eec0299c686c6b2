"""A kind as the API serves it, and the paths of its objects."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

__all__ = ["Resource"]


@dataclass(frozen=True, slots=True)
class Resource:
    """`plural` is its name in paths; `verbs` what it is known to allow (empty: it
    was not asked)."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    verbs: frozenset[str] = frozenset()

    @property
    def group_version(self) -> str:
        """As in `apiVersion`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def gvk(self) -> tuple[str, str, str]:
        """Group, version and kind."""
        return self.group, self.version, self.kind

    def path(self, name: str = "", namespace: str = "", part: str = "") -> str:
        """The path of an object, of its `part`, or of the list."""
        steps = ["/apis", self.group, self.version] if self.group else ["/api/v1"]
        if namespace and self.namespaced:
            steps += ["namespaces", quote(namespace, safe="")]
        steps.append(self.plural)
        if name:
            steps.append(quote(name, safe=":"))
        if part:
            steps.append(part)
        return "/".join(steps)

    def __str__(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural

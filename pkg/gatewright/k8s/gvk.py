"""Group, version and kind of an object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["GVK", "GroupVersionError", "gvk_of", "parse_group_version"]


class GroupVersionError(ValueError):
    """An apiVersion that has more than one slash."""


class GVK(NamedTuple):
    """Group ("" for core), version and kind."""

    group: str
    version: str
    kind: str

    @property
    def api_version(self) -> str:
        """Return `group/version`, or `version` alone for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def __str__(self) -> str:
        """Return apimachinery's form: `group/version, Kind=Kind`."""
        return f"{self.group}/{self.version}, Kind={self.kind}"


def parse_group_version(api_version: str) -> tuple[str, str]:
    """Return group and version of an apiVersion; "" and "/" give two blanks."""
    if api_version in ("", "/"):
        return "", ""
    group, slash, version = api_version.partition("/")
    if not slash:
        return "", group
    if "/" in version:
        raise GroupVersionError(f"unexpected GroupVersion string: {api_version}")
    return group, version


def gvk_of(obj: Mapping[str, Any]) -> GVK:
    """Return the GVK that an object names, blank where it names none.

    An unreadable apiVersion blanks all three, as apimachinery's Unstructured does.
    """
    api_version = obj.get("apiVersion")
    kind = obj.get("kind")
    try:
        group, version = parse_group_version(
            api_version if isinstance(api_version, str) else ""
        )
    except GroupVersionError:
        return GVK("", "", "")
    return GVK(group, version, kind if isinstance(kind, str) else "")

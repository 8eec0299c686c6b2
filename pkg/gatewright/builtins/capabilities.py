"""What a policy may use: builtins, keywords, features of the language, hosts.

OPA reads them from a file of its own shape (`opa capabilities`), or by the name of one
of its releases; `versions.json` beside this file says since when there is what.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from gatewright.builtins.declarations import (
    TABLE,
    Builtin,
    capabilities_document,
    parse_builtin,
)

__all__ = ["Capabilities", "version_document", "versions"]


@dataclass(frozen=True, slots=True, eq=False)
class Capabilities:
    """`builtins` by name; `future_keywords` that may be imported; `features` by OPA's
    names (`rego_v1`, `template_strings`); `allow_net`: hosts that builtins may reach,
    None for all; `older`: texts are read as OPA 1.17 reads them."""

    builtins: Mapping[str, Builtin]
    future_keywords: tuple[str, ...]
    features: frozenset[str]
    allow_net: frozenset[str] | None = None
    older: bool = False

    @classmethod
    def of(cls, document: Any) -> Capabilities:
        """Read what `opa capabilities` prints.  ValueError when it is something else."""
        try:
            allowed = document.get("allow_net")
            known = {row["name"]: row for row in document.get("builtins") or ()}
            return cls(
                MappingProxyType(
                    {name: _declared(name, row) for name, row in known.items()}
                ),
                tuple(document.get("future_keywords") or ()),
                frozenset(document.get("features") or ()),
                None if allowed is None else frozenset(allowed),
            )
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"not the shape of capabilities: {error!r}") from error

    @classmethod
    def of_version(cls, version: str) -> Capabilities:
        """Those of a release (`v0.50.0`).  KeyError when it is not known."""
        return cls.of(version_document(version))


def _declared(name: str, row: Mapping[str, Any]) -> Builtin:
    # What is declared as here is the very same, so that plans can be kept.
    declared = parse_builtin(row)
    known = TABLE.get(name)
    return known if known is not None and known == declared else declared


@cache
def _history() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        files(__package__).joinpath("versions.json").read_bytes()
    )
    return found


def versions() -> tuple[str, ...]:
    """The releases of OPA whose capabilities are known, oldest first."""
    return tuple(_history()["versions"])


def version_document(version: str) -> dict[str, Any]:
    """The capabilities of a release, with today's declarations of its builtins.

    KeyError when it is not known.
    """
    history = _history()
    rank = {name: place for place, name in enumerate(history["versions"])}
    here = rank[version]

    def names(kind: str) -> list[str]:
        return sorted(
            name
            for name, (first, end) in history[kind].items()
            if rank[first] <= here and (end is None or here < rank[end])
        )

    document = capabilities_document()
    known = set(names("builtins"))
    out: dict[str, Any] = {
        "builtins": [row for row in document["builtins"] if row["name"] in known]
    }
    for kind in ("future_keywords", "features"):
        if names(kind):
            out[kind] = names(kind)
    return out

"""Namespaces that the Config resource excludes, by process.

Source of behaviour: Gatekeeper's process excluder.  Unknown process names have no
effect; `*` stands for all.  An object without a namespace is held against the
patterns as a blank name, so `*` excludes it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gatewright.k8s import gostruct
from gatewright.match.glob import Globs

__all__ = ["AUDIT", "CONFIG_NAME", "MUTATION", "SYNC", "WEBHOOK", "Exclusions"]

AUDIT: Final = "audit"
MUTATION: Final = "mutation-webhook"
SYNC: Final = "sync"
WEBHOOK: Final = "webhook"
_PROCESSES: Final = (AUDIT, MUTATION, SYNC, WEBHOOK)
#: The only Config that counts.
CONFIG_NAME: Final = "config"

_GVK: Final = {
    "group": gostruct.STRING,
    "version": gostruct.STRING,
    "kind": gostruct.STRING,
}
_MATCH: Final = gostruct.struct(
    "v1alpha1.MatchEntry",
    {
        "processes": gostruct.array(gostruct.STRING),
        "excludedNamespaces": gostruct.array(
            gostruct.named("wildcard.Wildcard", gostruct.STRING)
        ),
    },
)
_SYNC: Final = gostruct.struct(
    "v1alpha1.Sync",
    {"syncOnly": gostruct.array(gostruct.struct("v1alpha1.SyncOnlyEntry", _GVK))},
)
_SHAPE: Final = gostruct.struct(
    "v1alpha1.Config",
    {
        "spec": gostruct.struct(
            "v1alpha1.ConfigSpec", {"match": gostruct.array(_MATCH), "sync": _SYNC}
        )
    },
)


@dataclass(frozen=True, slots=True)
class Exclusions:
    """Which namespaces each process leaves alone, and which kinds are synced."""

    patterns: Mapping[str, Globs] = field(default_factory=dict)
    sync_only: tuple[tuple[str, str, str], ...] = ()

    @classmethod
    def of(cls, config: Mapping[str, Any] | None) -> Exclusions:
        """Return what a Config says; raises gostruct.UnmarshalError."""
        if config is None:
            return cls()
        spec = gostruct.decode(config, _SHAPE)["spec"]
        found: dict[str, list[str]] = {}
        for entry in spec["match"] or ():
            for process in entry["processes"] or ():
                for one in _PROCESSES if process == "*" else (process,):
                    found.setdefault(one, []).extend(entry["excludedNamespaces"] or ())
        synced = tuple(
            (one["group"], one["version"], one["kind"])
            for one in spec["sync"]["syncOnly"] or ()
        )
        return cls(
            {process: Globs.parse(globs) for process, globs in found.items()}, synced
        )

    def excludes(self, process: str, name: str) -> bool:
        """Tell whether a process leaves alone what lives in namespace `name`.

        For a core Namespace `name` is its own.
        """
        globs = self.patterns.get(process)
        return globs is not None and globs.matches(name)

"""What can be set for audit; names and defaults are Gatekeeper's."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Options"]


@dataclass(frozen=True, slots=True)
class Options:
    """`interval`: seconds between the end of a round and the next, 0 for none.
    `limit`: violations listed in a constraint's status.  `chunk`: objects in a page,
    0 for all at once.  `from_cache`: what the inventory holds of the kinds that
    are synced, and nothing else.  `namespace`: where events go, unless
    `involved_namespace` sends them to the object's own."""

    interval: float = 60.0
    limit: int = 20
    chunk: int = 500
    from_cache: bool = False
    emit_events: bool = False
    involved_namespace: bool = False
    namespace: str = "gatekeeper-system"
    steps: int = 100_000_000

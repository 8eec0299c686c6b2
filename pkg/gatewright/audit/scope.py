"""Which kinds are listed: those that some constraint can match, and no others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gatewright.constraints.actions import AUDIT
from gatewright.constraints.constraint import Constraint
from gatewright.constraints.snapshot import Snapshot
from gatewright.kube.resource import Resource

__all__ = ["Scope", "Unread", "plan", "touched"]


@dataclass(frozen=True, slots=True, order=True)
class Unread:
    """Something that was to be read and was not: a kind, a whole group (`kind`
    blank), or one object (`name`)."""

    group: str
    version: str
    kind: str
    reason: str
    namespace: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """`resources` are to be listed; `unread` is known to be out of reach."""

    resources: tuple[Resource, ...]
    unread: tuple[Unread, ...]


def plan(
    snapshot: Snapshot, served: Sequence[Resource], failed: Mapping[str, str]
) -> Scope:
    """The scope of a round.

    `served`: the kinds that may be listed; `failed`: group/version to why it could
    not be asked which kinds it has.
    """
    resources = tuple(
        one
        for one in served
        if (not one.verbs or "list" in one.verbs)
        and snapshot.candidates(AUDIT, one.group, one.kind)
    )
    unread = []
    for shown, reason in failed.items():
        group, _, version = shown.rpartition("/")
        missing = Unread(group, version, "", reason)
        if touched(snapshot, [missing]):
            unread.append(missing)
    return Scope(resources, tuple(unread))


def touched(
    snapshot: Snapshot, unread: Iterable[Unread]
) -> dict[tuple[str, str], list[Unread]]:
    """Which constraints, by kind and name, could match something that was not read."""
    out: dict[tuple[str, str], list[Unread]] = {}
    for missing in unread:
        for one in snapshot.everything(AUDIT):
            if _may_match(one.constraint, missing):
                key = (one.constraint.kind, one.constraint.name)
                out.setdefault(key, []).append(missing)
    return out


def _may_match(constraint: Constraint, missing: Unread) -> bool:
    matcher = constraint.matcher
    if matcher is None:
        return True
    if missing.kind:
        return matcher.matches_kind(missing.group, missing.kind)
    return matcher.matches_group(missing.group)

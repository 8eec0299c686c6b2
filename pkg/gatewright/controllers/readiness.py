"""What is waited for before the first decision.  Pure.

A decision by an incomplete set of policies would be a guess, so all lists of
policies, and of the data that they look at, have to be whole first.  What is broken
(an object with a fault, a synced kind that is not served or may not be read) is
told and not waited for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gatewright.controllers.feed import Kind
from gatewright.controllers.holdings import Holdings

__all__ = ["Awaited", "awaited", "incomplete", "kind_name"]


@dataclass(frozen=True, slots=True)
class Awaited:
    """One thing that is waited for, since when (unix time), and the last error."""

    what: str
    since: float
    error: str = ""


def kind_name(kind: Kind) -> str:
    """A kind for people: `Kind.group` or `Kind.version.group`."""
    group, version, name = kind
    return ".".join(part for part in (name, version, group) if part)


def awaited(
    holdings: Holdings,
    *,
    fixed: Iterable[Kind],
    constraints: Iterable[Kind],
    data: Iterable[Kind],
    now: float,
) -> list[Awaited]:
    """Which lists are not whole yet.  Empty: decisions can be taken."""
    out: list[Awaited] = []
    for kind in (*fixed, *constraints):
        state = holdings.kind(kind, now)
        if not state.complete:
            out.append(Awaited(kind_name(kind), state.since, state.error))
    for kind in data:
        state = holdings.kind(kind, now)
        if not state.complete and not state.error:
            out.append(Awaited(kind_name(kind), state.since))
    return out


def incomplete(holdings: Holdings) -> list[Awaited]:
    """Kinds that can't be read now: what is known of them may be old, or nothing."""
    return [
        Awaited(kind_name(kind), state.since, state.error)
        for kind, state in sorted(holdings.kinds.items())
        if state.error
    ]

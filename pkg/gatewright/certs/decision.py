"""What is to be done about the certificate now: a pure function of what is there."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

__all__ = ["Act", "Leaf", "Plan", "Standing", "decide"]

DAY: Final = datetime.timedelta(days=1)


class Act(Enum):
    """One change of the Secret."""

    NONE = "none"
    #: A new authority and a certificate, at once: nothing that is there is of use.
    BEGIN = "begin"
    #: A next authority, told to everybody but not used yet.
    ANNOUNCE = "announce"
    #: The next authority takes over and signs a certificate.
    PROMOTE = "promote"
    #: A certificate by the authority that is there.
    ISSUE = "issue"


@dataclass(frozen=True, slots=True)
class Plan:
    """Lifetimes as Gatekeeper's.  `overlap`: for how long all configurations must
    have carried the next authority before a certificate of it is served: an API
    server may be behind with its watch by so much."""

    hosts: frozenset[str]
    authority_lifetime: datetime.timedelta = 3650 * DAY
    leaf_lifetime: datetime.timedelta = 365 * DAY
    renew_before: datetime.timedelta = 90 * DAY
    overlap: float = 60.0


@dataclass(frozen=True, slots=True)
class Leaf:
    """The certificate that the Secret holds, its key fitting; `trusted`: one of the
    Secret's authorities signed it."""

    until: datetime.datetime
    hosts: frozenset[str]
    trusted: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """What is there.  `authority`, `successor`: until when each is valid, None if it
    is missing, unreadable or its key does not fit.  `lacking`: configurations that
    don't carry all authorities.  `carried`: for how many seconds, by our own steady
    clock, all of them have been seen to carry them."""

    authority: datetime.datetime | None = None
    leaf: Leaf | None = None
    successor: datetime.datetime | None = None
    lacking: Sequence[str] = field(default_factory=tuple)
    carried: float = 0.0


def decide(standing: Standing, plan: Plan, now: datetime.datetime) -> Act:
    """The one change to make."""
    leaf, authority = standing.leaf, standing.authority
    serving = leaf is not None and leaf.trusted and leaf.until > now
    if authority is not None and authority <= now:
        authority = None
    successor = standing.successor
    if successor is not None and successor <= now:
        successor = None
    if successor is not None:
        ready = not standing.lacking and standing.carried >= plan.overlap
        # With nothing of use in service there is nothing to wait for.
        return Act.PROMOTE if ready or not serving else Act.NONE
    if authority is None:
        return Act.ANNOUNCE if serving else Act.BEGIN
    if authority - now <= plan.renew_before:
        return Act.ANNOUNCE if serving else Act.BEGIN
    if leaf is None or not serving or leaf.until - now <= plan.renew_before:
        return Act.ISSUE
    if not plan.hosts <= leaf.hosts:
        return Act.ISSUE
    return Act.NONE

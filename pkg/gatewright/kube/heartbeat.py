"""When requests may have passed without a verdict: found from a heartbeat in the cluster.

Pods that decide renew one Lease together: whoever finds it unchanged since its last
look writes it.  Where the next beat is late nobody decided, so calls may never have
arrived anywhere; a beat may also say that since the one before some request got no
verdict.  Both are gaps, and stand in the Lease until they are crowded out.

The first beat of a pod leaves a doubt: was anybody there between it and the beat before?
Whoever was, knows that, and takes the doubt back with a beat of its own; a doubt that
nobody takes back becomes a gap.  Beats are counted, so no time is compared for that.

Before it beats a pod asks whether calls arrive (`arrival`); where they do not, what was
since the beat before, and will be until one that follows a call that arrived, is a gap.

All times are those of the API server (`managedFields`), the clock by which objects say
when they were created and changed: no clock of a replica is read.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from gatewright.kube.arrival import arrives
from gatewright.kube.client import Client
from gatewright.kube.errors import ApiError, Unreachable
from gatewright.kube.lease import LEASES
from gatewright.telemetry.log import Log

__all__ = [
    "HEARTBEAT",
    "HEARTBEATS",
    "MUTATION_HEARTBEAT",
    "Gap",
    "Heart",
    "gaps_in",
    "joined",
    "without",
]

HEARTBEAT: Final = "gatewright-heartbeat"
MUTATION_HEARTBEAT: Final = "gatewright-mutation-heartbeat"
#: What may have come to requests in a gap, by the Lease that tells of it.
HEARTBEATS: Final = {
    HEARTBEAT: "requests may have got no verdict; what was written meanwhile is audited "
    "first",
    MUTATION_HEARTBEAT: "requests may have passed without being mutated; what was "
    "written meanwhile is audited first",
}
#: Seconds between looks.
EVERY: Final = 3.0
#: Seconds without a beat after which it is taken that nobody decided; and for which a
#: doubt waits for somebody who was there: three looks are nearly as long.
LOST_AFTER: Final = datetime.timedelta(seconds=8)
#: So many gaps are kept; beyond, the two oldest become one.
KEPT: Final = 20
SINCE: Final = "gatewright.dev/since"
MISSED: Final = "gatewright.dev/missed"
GAPS: Final = "gatewright.dev/gaps"
NEWCOMER: Final = "gatewright.dev/newcomer"
DOUBTS: Final = "gatewright.dev/doubts"

Moment = datetime.datetime


@dataclass(frozen=True, slots=True, order=True)
class Gap:
    """From a beat before it to a beat after it."""

    start: Moment
    end: Moment


@dataclass(frozen=True, slots=True, order=True)
class Doubt:
    """A stretch that a newcomer has ended; `beat`: the number of the beat before it."""

    start: Moment
    end: Moment
    beat: int


def moment(text: str) -> Moment:
    """A time as Kubernetes writes it.  Raises ValueError."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def written(when: Moment) -> str:
    return when.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def beaten_at(lease: Mapping[str, Any]) -> Moment | None:
    """When a Lease was written last; None where that is not told."""
    fields = lease["metadata"].get("managedFields") or ()
    return max((moment(one["time"]) for one in fields if one.get("time")), default=None)


def beats_of(lease: Mapping[str, Any]) -> int:
    """How often a Lease was written: the number of its last beat."""
    return int((lease.get("spec") or {}).get("leaseTransitions") or 0)


def notes_of(lease: Mapping[str, Any]) -> dict[str, str]:
    return dict(lease["metadata"].get("annotations") or {})


def gaps_in(lease: Mapping[str, Any]) -> list[Gap]:
    """All gaps that a heartbeat tells of, the oldest first.  Raises ValueError."""
    notes = notes_of(lease)
    found = [Gap(moment(a), moment(b)) for a, b in orjson.loads(notes.get(GAPS, "[]"))]
    last, since = beaten_at(lease), notes.get(SINCE)
    if last is not None and since:
        start = moment(since)
        if MISSED in notes or last - start > LOST_AFTER:
            found.append(Gap(start, last))
    if last is not None:
        found += (
            Gap(one.start, one.end)
            for one in doubts_in(lease)
            if last - one.end > LOST_AFTER
        )
    return joined(found)


def doubts_in(lease: Mapping[str, Any]) -> list[Doubt]:
    """The doubts that nobody has taken back.  Raises ValueError."""
    notes = notes_of(lease)
    found = [
        Doubt(moment(a), moment(b), int(beat))
        for a, b, beat in orjson.loads(notes.get(DOUBTS, "[]"))
    ]
    last, since = beaten_at(lease), notes.get(SINCE)
    if last is not None and since and NEWCOMER in notes:
        found.append(Doubt(moment(since), last, beats_of(lease) - 1))
    while len(found) > KEPT:
        found[:2] = [Doubt(found[0].start, found[1].end, found[0].beat)]
    return found


def joined(gaps: Iterable[Gap]) -> list[Gap]:
    """In order, those that touch as one, no more than are kept."""
    out: list[Gap] = []
    for gap in sorted(gaps):
        if out and gap.start <= out[-1].end:
            out[-1] = Gap(out[-1].start, max(out[-1].end, gap.end))
        else:
            out.append(gap)
    while len(out) > KEPT:
        out[:2] = [Gap(out[0].start, out[1].end)]
    return out


def without(gaps: Iterable[Gap], done: Iterable[Gap]) -> list[Gap]:
    """What is left of `gaps` where `done` (in order, none that touch) is over with: a
    gap that goes on is left from there.  One may come to light after a later one."""
    out = []
    for gap in gaps:
        start = gap.start
        for one in done:
            if one.start <= start < one.end:
                start = one.end
        if start < gap.end or (start == gap.start and gap not in done):
            out.append(Gap(start, gap.end))
    return out


def next_beat(
    lease: Mapping[str, Any],
    holder: str,
    *,
    missed: Moment | None,
    there_since: int | None,
) -> dict[str, Any]:
    """The Lease with one beat more.

    `missed`: since then a request got no verdict.  `there_since`: the number of the
    holder's first beat, from which on it was always there; None: this is its first.
    """
    metadata = dict(lease["metadata"])
    gaps, last = gaps_in(lease), beaten_at(lease)
    doubts = [
        one
        for one in doubts_in(lease)
        if not takes_back(one, there_since)
        and (last is None or last - one.end <= LOST_AFTER)  # else it is a gap
    ]
    notes = notes_of(lease)
    for name in (MISSED, SINCE, NEWCOMER, DOUBTS):
        notes.pop(name, None)
    notes[GAPS] = orjson.dumps(
        [[written(one.start), written(one.end)] for one in gaps]
    ).decode()
    if doubts:
        notes[DOUBTS] = orjson.dumps(
            [[written(one.start), written(one.end), one.beat] for one in doubts]
        ).decode()
    if missed is not None:
        notes[MISSED] = "true"
    elif there_since is None:
        notes[NEWCOMER] = "true"
    since = min((one for one in (last, missed) if one is not None), default=None)
    if since is not None:
        notes[SINCE] = written(since)
    now = datetime.datetime.now(datetime.UTC)  # for people; nobody reads it here
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {**metadata, "annotations": notes},
        "spec": {
            "holderIdentity": holder,
            "leaseDurationSeconds": int(LOST_AFTER.total_seconds()),
            "renewTime": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "leaseTransitions": beats_of(lease) + 1,
        },
    }


def takes_back(doubt: Doubt, there_since: int | None) -> bool:
    """Whether who was always there since a beat was there all of a doubt's time."""
    return there_since is not None and doubt.beat >= there_since


class Heart:
    """One per pod and Lease.  `ready` is set from elsewhere, as `miss` and `leave` are
    called.  `called`: whether it asks if calls arrive."""

    def __init__(
        self,
        pod: str,
        namespace: str,
        log: Log,
        *,
        lease: str = HEARTBEAT,
        called: bool = False,
    ) -> None:
        self.pod = pod
        self.namespace = namespace
        self.log = log
        self.lease = lease
        self.version = ""
        self.seen: Moment | None = None
        self.missed: Moment | None = None
        self.misses = self.told = 0
        #: The number of the first beat of ours since when we were always ready, and
        #: how often we had been away by then.
        self.first = 0
        self.stood = -1
        self.away = 0
        self.problem = ""
        self.called = called
        self.unheard = ""
        self.loop: asyncio.AbstractEventLoop | None = None
        self.moved = asyncio.Event()
        self._ready = False

    def leave(self) -> None:
        """Take back what doubt is there, for this pod is about to end."""
        self.wake()

    def wake(self) -> None:
        """Look now."""
        if self.loop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended
                self.loop.call_soon_threadsafe(self.moved.set)

    def miss(self) -> None:
        """A request was not decided since the last call of this."""
        self.misses += 1

    @property
    def ready(self) -> bool:
        """Whether this pod decides."""
        return self._ready

    @ready.setter
    def ready(self, ready: bool) -> None:
        # Counted, since it may be over when the loop looks again.
        if self._ready and not ready:
            self.away += 1
        begins = ready and not self._ready
        self._ready = ready
        if begins:  # so that who ends when this pod is ready finds its first beat
            self.wake()

    @property
    def there_since(self) -> int | None:
        """The number of the beat from which on this pod was always ready."""
        return self.first if self.stood == self.away else None

    async def run(self, client: Client) -> None:
        """Never ends by itself; cancel it."""
        self.loop = asyncio.get_running_loop()
        while True:
            self.moved.clear()
            try:
                await self.look(client)
                self.problem = ""
            except (ApiError, Unreachable, ValueError) as error:
                conflict = isinstance(error, ApiError) and (
                    error.conflict or error.exists
                )
                if not conflict and str(error) != self.problem:
                    self.problem = str(error)
                    self.log.warning("no heartbeat", error=self.problem)
            pause = EVERY * random.uniform(0.8, 1.0)  # noqa: S311 - no secret
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self.moved.wait()

    async def look(self, client: Client) -> None:
        """Beat, if that is due.  Raises ApiError, Unreachable and ValueError."""
        away = self.away
        try:
            lease = orjson.loads(await client.get(LEASES, self.lease, self.namespace))
        except ApiError as error:
            if not error.not_found:
                raise
            if self.ready:
                named = {"metadata": {"name": self.lease, "namespace": self.namespace}}
                first = next_beat(named, self.pod, missed=None, there_since=None)
                await client.create(LEASES, first, self.namespace)
                self.first, self.stood = beats_of(first), away
            return
        before, self.seen = self.seen, beaten_at(lease)
        fresh = lease["metadata"]["resourceVersion"] != self.version
        self.version = lease["metadata"]["resourceVersion"]
        misses = self.misses
        if misses != self.told and self.missed is None:
            # It was after the last look, so after the beat that was seen then.
            self.missed = before or self.seen
        if not self.ready:
            return
        beats = beats_of(lease)
        if self.first > beats:  # it was deleted, and made anew while we were there
            self.first = beats + 1
        since = self.there_since
        # One that follows itself was away: it had told that it decides.
        again = since is None and lease["spec"].get("holderIdentity") == self.pod
        if again and self.missed is None:
            self.missed = self.seen
        doubted = any(takes_back(one, since) for one in doubts_in(lease))
        if fresh and since is not None and self.missed is None and not doubted:
            return  # another one has beaten since
        unheard = await arrives(client, self.namespace) if self.called else ""
        if unheard != self.unheard:
            self.unheard = unheard
            if unheard:
                self.log.error("the API server's calls do not arrive", error=unheard)
        if unheard and self.missed is None:
            self.missed = self.seen
        known = {one.end for one in gaps_in(lease)}
        text = await client.replace(
            LEASES,
            next_beat(lease, self.pod, missed=self.missed, there_since=since),
            self.lease,
            self.namespace,
        )
        self.missed, self.told = None, misses
        if since is None:
            self.first, self.stood = beats + 1, away
        lease = orjson.loads(text)
        self.seen, self.version = beaten_at(lease), lease["metadata"]["resourceVersion"]
        if unheard:  # until a beat that follows a call that arrived
            self.missed = self.seen
        for gap in gaps_in(lease):
            if gap.end not in known:
                self.log.warning(
                    HEARTBEATS[self.lease],
                    since=written(gap.start),
                    until=written(gap.end),
                )

"""When requests may have passed without a verdict: found from a heartbeat in the cluster.

Pods that decide renew one Lease together: whoever finds it unchanged since its last
look writes it.  Where the next beat is late nobody decided, so calls may never have
arrived anywhere; a beat may also say that since the one before some request got no
verdict.  Both are gaps, and stand in the Lease until they are crowded out.

All times are those of the API server (`managedFields`), the clock by which objects say
when they were created and changed: no clock of a replica is read.
"""

from __future__ import annotations

import asyncio
import datetime
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from gatewright.kube.client import Client
from gatewright.kube.errors import ApiError, Unreachable
from gatewright.kube.lease import LEASES
from gatewright.telemetry.log import Log

__all__ = ["HEARTBEAT", "Gap", "Heart", "gaps_in"]

HEARTBEAT: Final = "gatewright-heartbeat"
#: Seconds between looks.
EVERY: Final = 3.0
#: Seconds without a beat after which it is taken that nobody decided.
LOST_AFTER: Final = datetime.timedelta(seconds=8)
#: So many gaps are kept; beyond, the two oldest become one.
KEPT: Final = 20
SINCE: Final = "gatewright.dev/since"
MISSED: Final = "gatewright.dev/missed"
GAPS: Final = "gatewright.dev/gaps"

Moment = datetime.datetime


@dataclass(frozen=True, slots=True, order=True)
class Gap:
    """From a beat before it to a beat after it."""

    start: Moment
    end: Moment


def moment(text: str) -> Moment:
    """A time as Kubernetes writes it.  Raises ValueError."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def written(when: Moment) -> str:
    return when.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def beaten_at(lease: Mapping[str, Any]) -> Moment | None:
    """When a Lease was written last; None where that is not told."""
    fields = lease["metadata"].get("managedFields") or ()
    return max((moment(one["time"]) for one in fields if one.get("time")), default=None)


def gaps_in(lease: Mapping[str, Any]) -> list[Gap]:
    """All gaps that a heartbeat tells of, the oldest first.  Raises ValueError."""
    notes = lease["metadata"].get("annotations") or {}
    found = [Gap(moment(a), moment(b)) for a, b in orjson.loads(notes.get(GAPS, "[]"))]
    last, since = beaten_at(lease), notes.get(SINCE)
    if last is not None and since:
        start = moment(since)
        if MISSED in notes or last - start > LOST_AFTER:
            found.append(Gap(start, last))
    return joined(found)


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


def next_beat(
    lease: Mapping[str, Any], holder: str, *, missed: Moment | None
) -> dict[str, Any]:
    """The Lease with one beat more; `missed`: since then a request got no verdict."""
    metadata = dict(lease["metadata"])
    notes = dict(metadata.get("annotations") or {})
    notes[GAPS] = orjson.dumps(
        [[written(one.start), written(one.end)] for one in gaps_in(lease)]
    ).decode()
    last = beaten_at(lease)
    notes.pop(MISSED, None)
    notes.pop(SINCE, None)
    if missed is not None:
        notes[MISSED] = "true"
    since = min((one for one in (last, missed) if one is not None), default=None)
    if since is not None:
        notes[SINCE] = written(since)
    turns = int((lease.get("spec") or {}).get("leaseTransitions") or 0)
    now = datetime.datetime.now(datetime.UTC)  # for people; nobody reads it here
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {**metadata, "annotations": notes},
        "spec": {
            "holderIdentity": holder,
            "leaseDurationSeconds": int(LOST_AFTER.total_seconds()),
            "renewTime": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "leaseTransitions": turns + 1,
        },
    }


class Heart:
    """One per pod that decides.  `ready` is set from elsewhere, as `miss` is called."""

    def __init__(self, pod: str, namespace: str, log: Log) -> None:
        self.pod = pod
        self.namespace = namespace
        self.log = log
        self.ready = False
        self.version = ""
        self.seen: Moment | None = None
        self.missed: Moment | None = None
        self.misses = self.told = 0
        self.began = False
        self.shown: Moment | None = None
        self.problem = ""

    def miss(self) -> None:
        """A request got no verdict since the last call of this."""
        self.misses += 1

    async def run(self, client: Client) -> None:
        """Never ends by itself; cancel it."""
        while True:
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
            await asyncio.sleep(EVERY * random.uniform(0.8, 1.0))  # noqa: S311 - no secret

    async def look(self, client: Client) -> None:
        """Beat, if that is due.  Raises ApiError, Unreachable and ValueError."""
        try:
            lease = orjson.loads(await client.get(LEASES, HEARTBEAT, self.namespace))
        except ApiError as error:
            if not error.not_found:
                raise
            if self.ready:
                named = {"metadata": {"name": HEARTBEAT, "namespace": self.namespace}}
                first = next_beat(named, self.pod, missed=None)
                await client.create(LEASES, first, self.namespace)
                self.began = True
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
        # One that follows itself may have been away for less than is seen to be late.
        again = not self.began and lease["spec"].get("holderIdentity") == self.pod
        if again and self.missed is None:
            self.missed = self.seen
        if fresh and self.began and self.missed is None:
            return  # another one has beaten since
        text = await client.replace(
            LEASES,
            next_beat(lease, self.pod, missed=self.missed),
            HEARTBEAT,
            self.namespace,
        )
        self.began, self.missed, self.told = True, None, misses
        lease = orjson.loads(text)
        self.seen, self.version = beaten_at(lease), lease["metadata"]["resourceVersion"]
        for gap in gaps_in(lease)[-1:]:
            if gap.end == self.seen and gap.end != self.shown:
                self.shown = gap.end
                self.log.warning(
                    "requests may have got no verdict; what was written meanwhile is "
                    "audited first",
                    since=written(gap.start),
                    until=written(gap.end),
                )

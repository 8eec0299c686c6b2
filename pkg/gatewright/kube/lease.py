"""Who of several replicas does a thing: a Lease, judged by change seen.

Clocks of replicas may differ and a holder may be paused for minutes, so nobody
reads times that another has written.  A candidate takes a Lease over when it has
watched it unchanged for the Lease's duration by its own steady clock; a holder acts
only while its own last renewal, as seen by its own steady clock, is younger than
two thirds of that.  Each write carries the resource version, so of two that write
at once one fails.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import orjson

from gatewright.kube.client import Client
from gatewright.kube.errors import ApiError, Unreachable
from gatewright.kube.resource import Resource

__all__ = ["LEASES", "Lease"]

#: A write of ours that was under way may come in between.
RELEASE_TRIES: Final = 3
LEASES: Final = Resource("coordination.k8s.io", "v1", "leases", "Lease")


@dataclass(slots=True)
class Lease:
    """One named duty.  `holder` is who we are; call `attempt` a few times per
    `duration` seconds, and ask `held` right before each act."""

    client: Client
    name: str
    namespace: str
    holder: str
    duration: float = 15.0
    clock: Callable[[], float] = time.monotonic
    renewed: float = float("-inf")
    seen: str = ""
    seen_at: float = 0.0

    def held(self) -> bool:
        """Whether it is ours for certain."""
        return self.clock() - self.renewed < self.duration * 2 / 3

    async def attempt(self) -> bool:
        """Renew it, take it if it is free or its holder has gone silent, or look;
        returns `held`.  What the API server refuses leaves it as it was."""
        started = self.clock()
        try:
            won = await self.claim()
        except (ApiError, Unreachable):
            won = False
        if won:
            self.renewed = started
        return self.held()

    async def claim(self) -> bool:
        try:
            text = await self.client.get(LEASES, self.name, self.namespace)
        except ApiError as error:
            if not error.not_found:
                raise
            await self.client.create(LEASES, self.record({}, 0), self.namespace)
            return True
        lease = orjson.loads(text)
        spec = lease.get("spec") or {}
        version = lease["metadata"]["resourceVersion"]
        ours = spec.get("holderIdentity") == self.holder
        if not ours and spec.get("holderIdentity"):
            now = self.clock()
            if version != self.seen:
                self.seen, self.seen_at = version, now
                return False
            if now - self.seen_at < float(
                spec.get("leaseDurationSeconds") or self.duration
            ):
                return False
        turns = int(spec.get("leaseTransitions") or 0) + (not ours)
        wanted = self.record(lease["metadata"], turns)
        await self.client.replace(LEASES, wanted, self.name, self.namespace)
        return True

    def record(self, metadata: dict[str, Any], turns: int) -> dict[str, Any]:
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {**metadata, "name": self.name, "namespace": self.namespace},
            "spec": {
                "holderIdentity": self.holder,
                "leaseDurationSeconds": max(1, round(self.duration)),
                "renewTime": now,
                "leaseTransitions": turns,
            },
        }

    async def release(self) -> None:
        """Let it go at once, so that another need not wait.  Acts of ours that are
        under way have to be over, or to be refused by the version that they carry."""
        if not self.held():
            return
        self.renewed = float("-inf")
        for _ in range(RELEASE_TRIES):
            try:
                text = await self.client.get(LEASES, self.name, self.namespace)
                lease = orjson.loads(text)
                if lease["spec"].get("holderIdentity") != self.holder:
                    return
                lease["spec"]["holderIdentity"] = ""
                await self.client.replace(LEASES, lease, self.name, self.namespace)
            except ApiError as error:
                if not error.conflict:
                    return  # it runs out by itself
                # A renewal that was cut off has arrived all the same.
            except Unreachable:
                return
            else:
                return

"""The auditor: holds what is in the cluster against the generation in force.

A process of its own, so that neither a round delays a change of policies nor a
compilation a round.  It maps generations as a worker does and answers no request.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Sequence
from typing import Final

import orjson

from gatewright.app.denials import plain
from gatewright.app.settings import ClusterSettings, Settings
from gatewright.app.subscription import Subscription
from gatewright.audit.options import Options
from gatewright.audit.origin import Cached, Kind
from gatewright.audit.round import Outcome, Round
from gatewright.constraints.snapshot import Snapshot
from gatewright.kube.client import Client
from gatewright.kube.errors import ApiError, Unreachable
from gatewright.kube.heartbeat import HEARTBEATS, Gap, gaps_in, joined, without
from gatewright.kube.lease import LEASES
from gatewright.kube.settings import SettingsError, load
from gatewright.telemetry.board import Board, Slot
from gatewright.telemetry.log import Log
from gatewright.telemetry.metrics import place

__all__ = ["run_auditor"]

EX_TEMPFAIL: Final = 75
#: Seconds until a round that could not begin is tried again, at most an interval.
AGAIN_AFTER: Final = 10.0
#: Seconds between looks for gaps.
LOOK_EVERY: Final = 5.0
#: Pauses between rounds over gaps, in times of what such a round took.
LEISURE: Final = 5.0
NOT_CACHED: Final = "it is to be cached, and is not yet"
_ACTIONS: Final = tuple(place("gatekeeper_violations").metric.labels[0][1])


class Auditor:
    """Rounds, one after the other, until it is stopped."""

    def __init__(
        self,
        options: Options,
        cluster: ClusterSettings,
        generations: Subscription,
        *,
        board: Board,
        cells: Slot,
        log: Log,
    ) -> None:
        self.board = board
        self.options = options
        self.cluster = cluster
        self.generations = generations
        self.cells = cells
        self.log = log
        self.audited: list[Gap] = []
        self.problem = ""

    async def run(self) -> int:
        """The exit status."""
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        tasks = [
            asyncio.create_task(work)
            for work in (self.generations.follow(), self.rounds(), stop.wait())
        ]
        done, pending = await asyncio.wait(tasks, return_when="FIRST_COMPLETED")
        for task in pending:
            task.cancel()
        for task in done:
            if error := task.exception():
                raise error
        return EX_TEMPFAIL if self.generations.failed else 0

    async def rounds(self) -> None:
        """Never ends.  The first round begins one interval after the policies are
        there, as with Gatekeeper; rounds never overlap.  What was written while
        requests may have got no verdict is judged as soon as that is known; a round
        over all follows at once, but in an overload, which makes gaps all the time,
        only once per interval."""
        await self.generations.loaded.wait()
        due = time.monotonic() + self.options.interval
        early = look_after = 0.0
        client: Client | None = None
        while True:
            left = max(0.0, due - time.monotonic())
            await asyncio.sleep(min(left, LOOK_EVERY))
            try:
                if client is None:
                    client = Client(await load(self.cluster.kubeconfig))
                started = time.monotonic()
                gaps = await self.gaps(client) if started >= look_after else []
                if gaps and await self.round(client, gaps):
                    self.audited = joined([*self.audited, *gaps])
                    now = time.monotonic()
                    look_after = now + max(LOOK_EVERY, LEISURE * (now - started))
                    if now >= early:
                        due, early = now, now + self.options.interval
                if time.monotonic() < due:
                    continue
                if await self.round(client):
                    due = time.monotonic() + self.options.interval
                else:
                    due = time.monotonic() + 0.05  # a generation is being changed
            except (ApiError, Unreachable, SettingsError) as error:
                self.log.error("audit can't begin", process="audit", error=str(error))
                due = time.monotonic() + min(self.options.interval, AGAIN_AFTER)

    async def gaps(self, client: Client) -> list[Gap]:
        """Those that are over and were not audited by this process."""
        found: list[Gap] = []
        for lease in HEARTBEATS:
            try:
                text = await client.get(LEASES, lease, self.options.namespace)
                found += gaps_in(orjson.loads(text))
            except (ApiError, Unreachable, ValueError) as error:
                if isinstance(error, ApiError) and error.not_found:
                    continue
                if str(error) != self.problem:
                    self.problem = str(error)
                    self.log.warning(
                        "no heartbeat to be read", process="audit", error=self.problem
                    )
                return []
        self.problem = ""
        return without(joined(found), self.audited)

    async def round(self, client: Client, gaps: Sequence[Gap] = ()) -> bool:
        """One round by the generation in force; false if it is not held."""
        # Before the generation is chosen: it holds what is told here, or more.
        told = self.board.status()
        held = self.generations.current()
        if held is None:
            return False
        origin = None
        if self.options.from_cache:
            origin = Cached(client, held.snapshot, cached(held.snapshot, told))
        reviewer = held.take()
        if not gaps:
            self.set("gatekeeper_audit_last_run_time", time.time())
        outcome = await Round(
            client,
            held.snapshot,
            reviewer,
            options=self.options,
            log=self.log,
            plain=plain,
            origin=origin,
            gaps=gaps,
        ).run()
        held.give(reviewer)
        if not gaps:
            self.measure(outcome)
        return True

    def measure(self, outcome: Outcome) -> None:
        counts = dict.fromkeys(_ACTIONS, 0)
        for action, count in outcome.tally.actions.items():
            counts[action if action in counts else "unrecognized"] += count
        for action, count in counts.items():
            self.set("gatekeeper_violations", count, action)
        duration = place("gatekeeper_audit_duration_seconds")
        self.cells.observe(duration, duration.start, outcome.seconds)
        self.set("gatekeeper_audit_last_run_end_time", time.time())
        stopped = sum(map(len, outcome.stopped.values()))
        self.set("gatewright_audit_unread", len(outcome.unread) + stopped)

    def set(self, name: str, value: float, *labels: str) -> None:
        self.cells.set(place(name).cell(*labels), value)


def cached(snapshot: Snapshot, told: bytes) -> dict[Kind, str]:
    """The kinds that Config and SyncSets name, and why each is not whole in the
    inventory; blank where it is.  `told`: the status of the policy process, from
    before the snapshot came into force."""
    known = {
        (group, version, kind): why
        for group, version, kind, why in orjson.loads(told or b"{}").get("cached", ())
    }
    kinds = [(one[0], one[1], one[2]) for one in snapshot.extra["synced"]]
    return {kind: known.get(kind, NOT_CACHED) for kind in kinds}


def run_auditor(settings: Settings, *, board: Board, slot: int, address: str) -> int:
    """The auditor's whole life; its exit status."""
    cluster = settings.cluster
    assert cluster is not None
    options = cluster.audit
    assert options is not None
    log = Log("controller")

    async def main() -> int:
        generations = Subscription(
            settings, board=board, slot=slot, address=address, log=log
        )
        auditor = Auditor(
            options,
            cluster,
            generations,
            board=board,
            cells=board.slot(slot),
            log=log,
        )
        return await auditor.run()

    return asyncio.run(main())

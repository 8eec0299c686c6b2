"""The policy process: reads its source, compiles, publishes generations.

One thread, one loop: look at the source a few times a second, or when it wakes us,
take over what changed, hand the new generation to every worker, and commit it when
all have it.  It is the only writer of the generation's number.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import time
from dataclasses import dataclass, field, replace
from typing import Any, Final

import orjson

from gatewright.app import channel
from gatewright.app.feed import Position, Spreader
from gatewright.app.folder_source import FolderSource
from gatewright.app.installation import Fault, Installation
from gatewright.app.ledger import ObjectKey, shown
from gatewright.app.patience import patience
from gatewright.app.settings import Settings
from gatewright.app.source import Outcome, Source, Trouble
from gatewright.builtins.declarations import TABLE
from gatewright.constraints import crd, template
from gatewright.constraints.policyset import Settings as PolicySettings
from gatewright.engine.cache import CacheCounts, CompileCache
from gatewright.mutation.mutator import GROUP as MUTATIONS
from gatewright.rego.compiled import CompileOptions
from gatewright.telemetry.board import Board
from gatewright.telemetry.log import Log
from gatewright.telemetry.metrics import CACHE_RESULTS, place

__all__ = ["PolicyProcess", "run_policy_process"]

LOOK_EVERY: Final = 0.25
ACKNOWLEDGE_WITHIN: Final = 10.0
GATHER_WITHIN: Final = 5.0
#: Seconds of CPU time for one object.  A template of the usual size takes some
#: hundredths.
COMPILE_WITHIN: Final = 10.0
#: Seconds between collections of garbage, where nothing was published.
COLLECT_EVERY: Final = 60.0
ACTIONS: Final = ("deny", "dryrun", "scoped", "warn")


@dataclass(slots=True)
class WorkerLink:
    """A worker that has connected; `ready`: generations that it holds; `at`: what it
    was sent."""

    sock: socket.socket
    slot: int = -1
    ready: set[int] = field(default_factory=set)
    at: Position = field(default_factory=Position)


class PolicyProcess:
    """`listener`: where workers connect; `slot`: its row of the board."""

    def __init__(
        self,
        settings: Settings,
        source: Source,
        *,
        board: Board,
        slot: int,
        listener: socket.socket,
        log: Log,
    ) -> None:
        self.settings = settings
        self.source = source
        self.board = board
        self.cells = board.slot(slot)
        self.listener = listener
        self.log = log
        self.cache = CompileCache(settings.compile_cache)
        self.installation = Installation(
            PolicySettings(
                cache=self.cache,
                check_actions=settings.check_actions,
                referential=settings.referential,
                options=CompileOptions(
                    builtins={
                        name: declared
                        for name, declared in TABLE.items()
                        if name not in settings.disabled_builtins
                    }
                ),
            ),
            namespace=settings.namespace,
            cluster=settings.cluster is not None,
        )
        self.cached = CacheCounts()
        self.spreader = Spreader(self.installation.policies.inventory)
        self.workers: list[WorkerLink] = []
        self.number = board.word(Board.GENERATION)
        self.memory: int | None = None
        self.policies = -1
        self.built = -1
        self.opened = -1
        self.problem = ""
        self.object_errors: dict[ObjectKey, Fault] = {}
        self.conflicting: dict[ObjectKey, str] = {}
        self.reported: dict[tuple[str, str], str] = {}
        self.collected = time.monotonic()
        self.stopping = self.leaving = False
        self.notices: set[str] = set()
        self.status = b""
        #: By endpoint; none yet, so that those before our time are heard of, too.
        self.refused: dict[str, float] = {}
        if self.cache.unusable:
            self.log.warning("the compile cache is not used", error=self.cache.unusable)

    # The loop -----------------------------------------------------------------

    def run(self) -> int:
        signal.signal(signal.SIGTERM, self.on_stop)
        gc.disable()  # a third of compiling otherwise; `publish` collects
        if self.number:
            self.gather()
        self.take_reading()
        if self.memory is None and not self.number and self.source.complete:
            # As a successor we leave in force what the workers hold.
            self.publish(time.monotonic())  # nothing to read yet is a state, too
        while not self.stopping:
            self.talk(LOOK_EVERY)
            self.take_reading()
            self.source.measure(self.gauge)
            self.hear_of_undecided()
            self.write_status()
            if self.board.word(Board.DRAINING) and not self.leaving:
                self.leaving = True
                self.source.leave()
            self.tidy()
        self.source.close()
        return 0

    def on_stop(self, *_: object) -> None:
        self.stopping = True

    def gather(self) -> None:
        """As a successor: hear from the workers first, so that none of them is left
        behind by the first generation of ours."""
        end = time.monotonic() + GATHER_WITHIN
        while len(self.workers) < self.settings.subscribers and not self.stopping:
            left = end - time.monotonic()
            if left <= 0:
                return
            self.talk(min(left, 0.05))

    def take_reading(self) -> None:
        """Look at the source; if it changed, take it over."""
        now = time.monotonic()
        changed = self.source.look(now)
        self.note_problem(self.source.problem())
        if not changed:
            self.report()
            return
        self.take_over(now)
        committed = self.source.complete and (
            (self.memory is not None and self.built == self.installation.revision)
            or self.publish(now)
        )
        outcome = Outcome(self.object_errors, self.conflicting, committed)
        self.source.settled(self.installation, outcome)

    def take_over(self, now: float) -> None:
        """Compile what the source proposes; what has faults may be taken back."""
        while True:
            faults = self.installation.apply(
                self.source.objects(),
                ingested=self.ingested,
                guard=lambda: patience(COMPILE_WITHIN),
            )
            if not self.source.reject(faults, now=now):
                break
        self.source.feed(self.installation, self.took)
        self.source.accept(self.installation)
        before = {**self.object_errors, **self.conflicting}
        self.conflicting = self.installation.conflicts()
        self.object_errors = faults
        self.report()
        self.report_cache()
        for key, error in {**faults, **self.conflicting}.items():
            if before.get(key) != error:
                self.log.error(
                    "policy object not in force", object=shown(key), error=str(error)
                )
        for entry in self.installation.policies.templates.values():
            for notice in entry.notices:
                if notice not in self.notices:
                    self.notices.add(notice)
                    self.log.warning(notice)

    def tidy(self) -> None:
        """Collect garbage now and then; what lives is frozen, so that is quick."""
        now = time.monotonic()
        if now - self.collected > COLLECT_EVERY:
            self.collected = now
            gc.collect()
            gc.freeze()

    # Publishing ---------------------------------------------------------------

    def publish(self, started: float) -> bool:
        """Hand a new generation to all workers and commit it when all have it; false
        if none can be built."""
        installation = self.installation
        number, revision = self.number + 1, installation.revision
        size = 0
        try:
            self.spreader.commit(installation.policies.namespaces)
            if self.memory is None or self.opened != installation.policy_revision:
                size = self.lay_out(number)
        except Exception as error:  # noqa: BLE001 - named; the last generation stays in force
            why = f"no generation can be built: {type(error).__name__}: {error}"
            self.note_problem(why)
            return False
        for worker in list(self.workers):
            self.offer(worker, number)
        deadline = time.monotonic() + ACKNOWLEDGE_WITHIN
        while not self.stopping and any(
            number not in worker.ready for worker in self.workers
        ):
            left = deadline - time.monotonic()
            if left <= 0:
                self.leave_behind(number)
                break
            self.talk(min(left, 0.05), offering=number)
        self.commit(number, size=size, started=started)
        self.built = revision
        return True

    def lay_out(self, number: int) -> int:
        """Make the image of the policies, which generations from this one on have
        until it is made again; its size."""
        data = self.installation.build()
        if self.memory is not None:
            os.close(self.memory)  # workers keep what they have mapped
        self.memory = channel.seal(f"gatewright-{number}", data)
        self.policies, self.opened = number, self.installation.policy_revision
        size = len(data)
        del data
        gc.collect()
        return size

    def commit(self, number: int, *, size: int, started: float) -> None:
        self.number = number
        self.board.set_word(Board.GENERATION, number)
        seconds = time.monotonic() - started
        self.count(seconds)
        self.write_status()
        policies = self.installation.policies
        self.log.info(
            "generation committed",
            generation=number,
            bytes=size,
            templates=len(policies.templates),
            constraints=sum(len(t.constraints) for t in policies.templates.values()),
            mutators=len(self.installation.mutators),
            workers=len(self.workers),
            seconds=round(seconds, 4),
        )

    def leave_behind(self, number: int) -> None:
        """A worker that does not answer decides nothing more: it does not hold the
        number that will be on the board."""
        for worker in [w for w in self.workers if number not in w.ready]:
            self.log.error(
                "worker did not take the generation",
                slot=worker.slot,
                generation=number,
            )
            self.forget(worker)

    # Workers --------------------------------------------------------------------

    def talk(self, timeout: float, *, offering: int | None = None) -> None:
        """Accept workers and hear what they say, for at most `timeout`."""
        socks: list[Any] = [self.listener, *(worker.sock for worker in self.workers)]
        if offering is None:
            socks += self.source.wakes
        try:
            ready, _, _ = select.select(socks, [], [], timeout)
        except InterruptedError:
            return
        for worker in [w for w in self.workers if w.sock in ready]:
            self.hear(worker)
        if self.listener in ready:
            self.accept(offering)

    def accept(self, offering: int | None) -> None:
        try:
            sock, _ = self.listener.accept()
        except BlockingIOError:
            return
        if not channel.peer_is_family(sock):
            self.log.error("a stranger connected to the policy channel")
            sock.close()
            return
        sock.setblocking(False)
        worker = WorkerLink(sock)
        self.workers.append(worker)
        if offering is not None:
            # It would hold the one before with what is there now: it is too late for
            # that, and early for this.
            self.offer(worker, offering)
        elif self.memory is not None:
            self.offer(worker, self.number)

    def offer(self, worker: WorkerLink, number: int) -> None:
        at = worker.at
        try:
            self.spreader.bring(worker.sock, at)
            fd = self.memory if at.policies != self.policies else None
            packet = {"prepare": number, "policies": self.policies}
            channel.send(worker.sock, packet, fd=fd)
            at.policies = self.policies
        except OSError:
            self.forget(worker)

    def hear(self, worker: WorkerLink) -> None:
        try:
            got = channel.receive(worker.sock)
        except BlockingIOError:
            return
        except OSError:
            got = None
        if got is None:
            self.forget(worker)
            return
        packet, _ = got
        worker.slot = packet.get("slot", worker.slot)
        if "ready" in packet:
            worker.ready.add(packet["ready"])
        if "refused" in packet:
            self.log.error(
                "worker refused the generation",
                slot=worker.slot,
                generation=packet["refused"],
                error=packet.get("error"),
            )
            self.forget(worker)

    def forget(self, worker: WorkerLink) -> None:
        if worker in self.workers:
            self.workers.remove(worker)
            worker.sock.close()

    # Telling ----------------------------------------------------------------------

    def note_problem(self, error: str) -> None:
        if error != self.problem:
            self.problem = error
            self.write_status()
            if error:
                self.log.error(
                    "policies can't be read; the last state stays in force", error=error
                )

    def hear_of_undecided(self) -> None:
        """Pass on that workers have answered without a verdict."""
        series = place("gatewright_refused_requests_total")
        (_, endpoints), (_, reasons) = series.metric.labels
        rows = [self.board.row(slot) for slot in range(self.board.slots)]
        for endpoint in endpoints:
            first = series.cell(endpoint, reasons[0])
            cells = slice(first, first + len(reasons) * series.metric.width)
            now = sum(sum(row[cells]) for row in rows)
            if now > self.refused.get(endpoint, 0.0):
                self.source.undecided(mutation=endpoint == "mutate")
            self.refused[endpoint] = now

    def gauge(self, name: str, value: float) -> None:
        self.cells.set(place(name).start, value)

    def report(self) -> None:
        """Say once of each trouble of the source that it is there."""
        troubles = self.source.troubles()
        # Who reads the log may ask at once: counted and shown before it is said.
        errors = len(troubles) + bool(self.problem)
        self.gauge("gatewright_source_errors", errors)
        now = {(one.what, one.name): one.error for one in troubles}
        if now == self.reported:
            return
        self.write_status()
        before, self.reported = self.reported, now
        for one in troubles:
            if before.get((one.what, one.name)) != one.error:
                self.log.error(one.message, error=one.error, **{one.what: one.name})

    def report_cache(self) -> None:
        """Count what the compile cache was asked since, and name what is odd there."""
        counts, before = self.cache.counts, self.cached
        total = place("gatewright_compile_cache_total")
        for result in CACHE_RESULTS:
            grown = getattr(counts, result) - getattr(before, result)
            self.cells.add(total.cell(result), grown)
        if counts.ignored > before.ignored:
            self.log.warning("compile cache: entry ignored", error=counts.reason)
        if counts.unwritten and not before.unwritten:
            self.log.warning("compile cache: entry not written", error=counts.reason)
        self.cached = replace(counts)

    def ingested(self, key: ObjectKey, seconds: float, good: bool) -> None:
        status = "active" if good else "error"
        if key[0] == template.GROUP:
            name = "gatekeeper_constraint_template_ingestion"
        elif key[0] == MUTATIONS:
            name = "gatekeeper_mutator_ingestion"
        else:
            return
        count = place(f"{name}_count_total")
        duration = place(f"{name}_duration_seconds")
        self.cells.add(count.cell(status))
        self.cells.observe(duration, duration.cell(status), seconds)

    def took(self, seconds: float) -> None:
        """Count an object of referential data that was put or removed."""
        duration = place("gatekeeper_sync_duration_seconds")
        self.cells.observe(duration, duration.start, seconds)
        self.gauge("gatekeeper_sync_last_run_time_seconds", time.time())

    def count(self, seconds: float) -> None:
        """The gauges of what is in force now."""
        cells = self.cells
        built = place("gatewright_generation_build_seconds")
        cells.observe(built, built.start, seconds)
        cells.set(place("gatewright_generation").start, self.number)
        cells.set(place("gatewright_generation_time_seconds").start, time.time())
        policies = self.installation.policies
        errors = [key[0] for key in self.object_errors]
        templates = place("gatekeeper_constraint_templates")
        cells.set(templates.cell("active"), len(policies.templates))
        cells.set(templates.cell("error"), errors.count(template.GROUP))
        constraints = place("gatekeeper_constraints")
        actions = [
            one.actions.action
            for entry in policies.templates.values()
            for one in entry.constraints.values()
        ]
        for action in ACTIONS:
            cells.set(constraints.cell(action, "active"), actions.count(action))
        other = sum(action not in ACTIONS for action in actions)
        cells.set(constraints.cell("unrecognized", "active"), other)
        refused = errors.count(crd.CONSTRAINT_GROUP)
        cells.set(constraints.cell("unrecognized", "error"), refused)
        mutators = place("gatekeeper_mutators")
        conflicting = len(self.installation.conflicts())
        active = len(self.installation.mutators) - conflicting
        cells.set(mutators.cell("active"), active)
        cells.set(mutators.cell("error"), errors.count(MUTATIONS))
        cells.set(place("gatekeeper_mutator_conflicting_count").start, conflicting)

    def write_status(self) -> None:
        """What the probes say."""
        sources = [said(one) for one in self.source.troubles()]
        if self.problem and self.settings.cluster is None:
            root = str(self.settings.policies)
            sources.append({"file": root, "error": self.problem, "since": ""})
        sources += [
            {"object": shown(key), "error": str(error), "since": ""}
            for key, error in {**self.object_errors, **self.conflicting}.items()
        ]
        ready = [w.slot for w in self.workers if self.number in w.ready]
        status = {
            "generation": self.number,
            "waiting": self.problem,
            "awaited": [said(one) for one in self.source.waiting()][:500],
            "workers": sorted(ready),
            "subscribers": self.settings.subscribers,
            "sources": sources[:500],
            "synced": self.source.synced(),
            "cached": self.source.cached(),
        }
        text = orjson.dumps(status)
        if text != self.status:
            self.status = text
            self.board.set_status(text)
            decides = bool(self.number) and (
                bool(ready) or not self.settings.subscribers
            )
            self.source.show(ready=decides, problem=self.problem)


def said(trouble: Trouble) -> dict[str, str]:
    since = stamp(trouble.since) if trouble.since else ""
    return {trouble.what: trouble.name, "error": trouble.error, "since": since}


def stamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def source_of(settings: Settings, log: Log, asked: socket.socket | None) -> Source:
    """Where the policies are read; `asked` is where workers ask about the cluster."""
    if settings.cluster is not None:
        # Imported by the one process that needs it: 25 MB that workers do without.
        from gatewright.app.cluster_source import ClusterSource

        return ClusterSource(settings.cluster, settings.namespace, log, asked=asked)
    return FolderSource(settings.policies)


def run_policy_process(
    settings: Settings,
    *,
    board: Board,
    slot: int,
    listener: socket.socket,
    asked: socket.socket | None = None,
) -> int:
    """The policy process's whole life; its exit status."""
    log = Log("policies")
    return PolicyProcess(
        settings,
        source_of(settings, log, asked),
        board=board,
        slot=slot,
        listener=listener,
        log=log,
    ).run()

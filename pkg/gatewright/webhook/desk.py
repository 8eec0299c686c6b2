"""Where requests to one endpoint are taken, decided, counted and refused.

Both ways in (ASGI and the fast path) bring the bytes and carry off the reply; all
else about a request is here, once.  An answer that holds a verdict has HTTP status
200, whatever the verdict.  What could not be decided (overload, deadline, no policies
yet) has 503 or 504, since the API server applies failurePolicy only to calls that fail.
A worker that is about to leave refuses nothing: it answers in full, and each answer ends
its connection, so that the caller's next request goes to somebody who stays.

A decision runs at once for a slice of steps, which is enough for all but the odd
one; that goes on in a small pool, without the GIL, so that it does not hold up the
others.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final

from gatewright._native.edge import Bounds, Counters
from gatewright.telemetry.board import Slot
from gatewright.telemetry.log import Log
from gatewright.telemetry.metrics import place
from gatewright.webhook.deadline import time_allowed
from gatewright.webhook.decisions import Answer, Decider, Work
from gatewright.webhook.identity import HEAD, identity_of
from gatewright.webhook.pulse import Pulse

__all__ = ["Desk", "Reply", "RequestLimits", "Traffic", "Visit"]

#: How often the limit of a body is read and dropped before the connection ends.
DROPPED: Final = 4
LATE: Final = "the time for this request is over"


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """Sizes in bytes, times in seconds; see `Settings` for each."""

    in_flight: int
    in_flight_bytes: int
    body: int
    deadline: float
    margin: float
    slice_steps: int
    pool_steps: int = 2_000_000


@dataclass(slots=True)
class Traffic:
    """What is in flight in this worker; `draining`: it is about to leave."""

    requests: int = 0
    bytes: int = 0
    draining: bool = False
    pulse: Pulse = field(default_factory=Pulse)


@dataclass(slots=True)
class Reply:
    """What goes back; `close`: the connection ends with it."""

    body: bytes
    status: int = 200
    close: bool = False


class Desk:
    """Takes the requests to `admit`, `mutate` or `admitlabel`."""

    def __init__(
        self,
        name: str,
        *,
        decider: Decider,
        limits: RequestLimits,
        traffic: Traffic,
        slot: Slot,
        pool: Executor,
        log: Log,
    ) -> None:
        self.name = name
        self.decider = decider
        self.limits = limits
        self.traffic = traffic
        self.counters = Counters(slot.cells)
        self.pool = pool
        self.log = log
        self.in_flight = place("gatewright_requests_in_flight").start
        self.refused = place("gatewright_refused_requests_total")
        self.left_out = place("gatewright_not_evaluated_total").start
        decision = place("gatewright_decision_duration_seconds")
        self.decision_cell = decision.cell(name)
        self.decision_bounds = Bounds(decision.metric.buckets)

    def time_allowed(self, query: bytes) -> float:
        """Seconds that a request with this query string has."""
        return time_allowed(
            query, default=self.limits.deadline, margin=self.limits.margin
        )

    def count(self, answer: Answer, decided: float, whole: float) -> None:
        """Count a decision that took `decided` of the request's `whole` seconds."""
        counters = self.counters
        counters.observe(self.decision_cell, self.decision_bounds, decided)
        if answer.status:
            count_request(counters, self.name, answer, whole)
        if answer.not_evaluated:
            counters.add(self.left_out, answer.not_evaluated)
        for event in answer.events:
            self.log.info(event.message, **event.fields)


class Visit:
    """One request at a desk, from its headers to its reply.

        reply = visit.enter()
        while reply is None and <body>: reply = visit.take(chunk)
        reply = reply or visit.decide(content_type) or await visit.finish()
        <send it>
        visit.close()

    Whichever step gives a reply ends the request.  `close` always comes last, also
    when the client went away.
    """

    __slots__ = (
        "arrived",
        "chunks",
        "deadline",
        "desk",
        "held",
        "open",
        "refusal",
        "size",
        "started",
        "work",
    )

    def __init__(self, desk: Desk, allowed: float, transport: Any = None) -> None:
        """`allowed`: seconds from its arrival to the deadline, of `Desk.time_allowed`;
        `transport`: what it came by, where that is known."""
        self.desk = desk
        self.arrived = self.started = now = monotonic()
        if transport is not None:
            self.arrived = now - desk.traffic.pulse.waited(now, transport)
        self.deadline = self.arrived + allowed
        self.refusal: tuple[int, str, str] | None = None
        self.chunks: list[bytes] = []
        self.size = 0
        self.held = 0  # of the bytes in flight
        self.work: Work | None = None
        self.open = True
        desk.traffic.requests += 1
        desk.counters.add(desk.in_flight)

    def enter(self, *, expects: bool = False) -> Reply | None:
        """A refusal, if the request is not taken and its client `expects` to hear
        before it sends the body (Expect: 100-continue).

        Of others that are not taken so much is read as names the object, since a
        refusal that nobody can follow up helps nobody.
        """
        desk = self.desk
        if desk.traffic.requests > desk.limits.in_flight:
            self.refusal = 503, "overload", "too many requests in flight"
            desk.traffic.requests -= 1  # those that are taken count
        elif self.started > self.deadline:
            self.refusal = 504, "deadline", LATE
        if self.refusal is not None and expects:
            return self.refuse(*self.refusal)
        return None

    def take(self, chunk: bytes) -> Reply | None:
        """A part of the body; a reply if there is no point in reading on."""
        desk = self.desk
        limits, traffic = desk.limits, desk.traffic
        if self.refusal is not None:
            self.chunks.append(chunk)
            self.size += len(chunk)
            return self.refuse(*self.refusal) if self.size >= HEAD else None
        self.size += len(chunk)
        if self.size >= limits.body:
            # Read on and drop it, so that the client hears the answer.
            traffic.bytes -= self.held
            self.held = 0
            self.chunks.clear()
            return self.too_large() if self.size >= DROPPED * limits.body else None
        self.held += len(chunk)
        traffic.bytes += len(chunk)
        if traffic.bytes > limits.in_flight_bytes:
            return self.refuse(503, "overload", "too many bytes in flight")
        self.chunks.append(chunk)
        return None

    def decide(self, content_type: str | None) -> Reply | None:
        """The reply to the body taken; None: it takes longer, so await `finish`."""
        desk = self.desk
        if self.refusal is not None:
            return self.refuse(*self.refusal)
        if self.size >= desk.limits.body:
            return self.too_large()
        chunks = self.chunks
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        self.started = monotonic()
        try:
            self.work = work = desk.decider.start(desk.name, body, content_type)
            if work is None:
                return self.refuse(503, "not_ready", "no policies to decide by")
            if work.advance(desk.limits.slice_steps):
                return self.conclude(work)
        except Exception as error:  # noqa: BLE001 - told, and no verdict
            return self.failed(error)
        return None

    async def finish(self) -> Reply:
        """Go on in the pool, in portions that keep the deadline in sight."""
        loop = asyncio.get_running_loop()
        desk = self.desk
        work = self.work
        assert work is not None
        try:
            while True:
                if monotonic() > self.deadline:
                    return self.refuse(504, "deadline", LATE)
                if await loop.run_in_executor(
                    desk.pool, work.advance, desk.limits.pool_steps
                ):
                    return self.conclude(work)
        except Exception as error:  # noqa: BLE001 - told, and no verdict
            return self.failed(error)

    def close(self) -> None:
        """Give back all that the request held; safe to call again."""
        if self.open:
            self.open = False
            desk = self.desk
            if self.refusal is None or self.refusal[1] != "overload":
                desk.traffic.requests -= 1
            desk.traffic.bytes -= self.held
            desk.counters.add(desk.in_flight, -1.0)
            if self.work is not None:
                self.work.close()
                self.work = None

    def conclude(self, work: Work) -> Reply:
        answer = work.answer()
        now = monotonic()
        if now > self.deadline:
            return self.refuse(504, "deadline", LATE)
        self.desk.count(answer, now - self.started, now - self.arrived)
        return Reply(answer.body, close=self.desk.traffic.draining)

    def too_large(self) -> Reply:
        return Reply(self.desk.decider.too_large().body, close=True)

    def refuse(self, status: int, reason: str, words: str) -> Reply:
        """Count and log a request that is not decided."""
        desk = self.desk
        desk.counters.add(desk.refused.cell(desk.name, reason))
        desk.log.warning(
            "request not decided",
            endpoint=desk.name,
            reason=reason,
            status=status,
            seconds=round(monotonic() - self.arrived, 4),
            **identity_of(self.head()),
        )
        return Reply(f"gatewright: {words}\n".encode(), status, close=True)

    def head(self) -> bytes:
        """The start of the body, or all of it if that is no more."""
        chunks = self.chunks
        if len(chunks) == 1:
            return chunks[0]
        out = bytearray()
        for chunk in chunks:
            if len(out) > HEAD:
                break
            out += chunk
        return bytes(out)

    def failed(self, error: Exception) -> Reply:
        """A fault of ours: no verdict, so that failurePolicy decides."""
        desk = self.desk
        desk.counters.add(desk.refused.cell(desk.name, "failed"))
        desk.log.error(
            "request failed",
            endpoint=desk.name,
            error=repr(error),
            status=500,
            **identity_of(self.head()),
        )
        return Reply(b"Internal Server Error", 500, close=True)


VALIDATION_COUNT = place("gatekeeper_validation_request_count_total")
VALIDATION_TIME = place("gatekeeper_validation_request_duration_seconds")
MUTATION_COUNT = place("gatekeeper_mutation_request_count_total")
MUTATION_TIME = place("gatekeeper_mutation_request_duration_seconds")
VALIDATION_BOUNDS: Final = Bounds(VALIDATION_TIME.metric.buckets)
MUTATION_BOUNDS: Final = Bounds(MUTATION_TIME.metric.buckets)
STATUSES: Final = ("allow", "deny", "error", "unknown")
COUNT_CELLS: Final = {
    (dry_run, status): VALIDATION_COUNT.cell(str(dry_run).lower(), status)
    for dry_run in (False, True)
    for status in STATUSES
}
TIME_CELLS: Final = {status: VALIDATION_TIME.cell(status) for status in STATUSES}


def count_request(
    counters: Counters, endpoint: str, answer: Answer, seconds: float
) -> None:
    """Gatekeeper's own counters."""
    status = answer.status
    if endpoint == "mutate":
        counters.add(MUTATION_COUNT.cell(status))
        counters.observe(MUTATION_TIME.cell(status), MUTATION_BOUNDS, seconds)
    else:
        counters.add(COUNT_CELLS[answer.dry_run, status])
        counters.observe(TIME_CELLS[status], VALIDATION_BOUNDS, seconds)

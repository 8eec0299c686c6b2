"""One request from its first byte to its answer's last.

An answer that holds a verdict has HTTP status 200, whatever the verdict.  What
could not be decided (overload, deadline, draining, no policies yet) has 503 or
504, since the API server applies failurePolicy only to calls that fail.

A decision runs on the event loop for a slice of steps, which is enough for all
but the odd one; that goes on in a small pool, without the GIL, so that it does
not hold up the others.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from gatewright.telemetry.board import Slot
from gatewright.telemetry.log import Log
from gatewright.telemetry.metrics import place
from gatewright.webhook.deadline import time_allowed
from gatewright.webhook.decisions import Answer, Decider, Work

__all__ = ["Endpoint", "RequestLimits", "Traffic"]

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

TEXT: Final = (b"content-type", b"text/plain; charset=utf-8")
CLOSE: Final = (b"connection", b"close")
#: How often the limit of a body is read and dropped before the connection ends.
DROPPED: Final = 4


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
    """What is in flight in this worker, and whether it takes more."""

    requests: int = 0
    bytes: int = 0
    draining: bool = False


class Refused(Exception):
    """No decision: HTTP status, reason (a label) and words."""

    def __init__(self, status: int, reason: str, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.reason = reason


class Gone(Exception):
    """The client went away before its request was whole."""


class Endpoint:
    """An ASGI application for one path: `admit`, `mutate` or `admitlabel`."""

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
        self.slot = slot
        self.pool = pool
        self.log = log
        self.in_flight = place("gatewright_requests_in_flight").start
        self.refused = place("gatewright_refused_requests_total")
        self.left_out = place("gatewright_not_evaluated_total").start
        self.decision = place("gatewright_decision_duration_seconds")
        self.decision_cell = self.decision.cell(name)

    async def __call__(
        self, scope: MutableMapping[str, Any], receive: Receive, send: Send
    ) -> None:
        arrived = time.monotonic()
        deadline = arrived + time_allowed(
            scope["query_string"],
            default=self.limits.deadline,
            margin=self.limits.margin,
        )
        traffic = self.traffic
        traffic.requests += 1
        self.slot.add(self.in_flight)
        held = [0]
        try:
            self.admit_more()
            body, content_type = await self.read(scope, receive, held)
            if body is None:
                await reply(send, self.decider.too_large().body, close=True)
                return
            started = time.monotonic()
            answer = await self.decide(body, content_type, deadline)
            self.count(answer, time.monotonic() - started, time.monotonic() - arrived)
            await reply(send, answer.body)
        except Refused as refused:
            self.slot.add(self.refused.cell(self.name, refused.reason))
            self.log.warning(
                "request not decided",
                endpoint=self.name,
                reason=refused.reason,
                status=refused.status,
                seconds=round(time.monotonic() - arrived, 4),
            )
            words = f"gatewright: {refused}\n".encode()
            await reply(send, words, status=refused.status, close=True)
        except Gone:
            return
        finally:
            traffic.requests -= 1
            traffic.bytes -= held[0]
            self.slot.add(self.in_flight, -1)

    def admit_more(self) -> None:
        if self.traffic.draining:
            raise Refused(503, "draining", "shutting down")
        if self.traffic.requests > self.limits.in_flight:
            raise Refused(503, "overload", "too many requests in flight")

    async def read(
        self, scope: MutableMapping[str, Any], receive: Receive, held: list[int]
    ) -> tuple[bytes | None, str | None]:
        """The body (None: over the limit) and its type.  `held` counts what of
        the in-flight bytes is ours."""
        content_type = None
        for name, value in scope["headers"]:
            if name == b"content-type":
                content_type = value.decode("latin-1")
        chunks: list[bytes] = []
        size = 0
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Gone
            chunk = message.get("body", b"")
            more = message.get("more_body", False)
            size += len(chunk)
            if size >= self.limits.body:
                # Read on and drop it, so that the client hears the answer.
                if size >= DROPPED * self.limits.body:
                    return None, None
                self.traffic.bytes -= held[0]
                held[0] = 0
                chunks.clear()
                continue
            held[0] += len(chunk)
            self.traffic.bytes += len(chunk)
            if self.traffic.bytes > self.limits.in_flight_bytes:
                raise Refused(503, "overload", "too many bytes in flight")
            chunks.append(chunk)
        if size >= self.limits.body:
            return None, None
        return (chunks[0] if len(chunks) == 1 else b"".join(chunks)), content_type

    async def decide(
        self, body: bytes, content_type: str | None, deadline: float
    ) -> Answer:
        """Raises Refused."""
        work = self.decider.start(self.name, body, content_type)
        if work is None:
            raise Refused(503, "not_ready", "no policies to decide by")
        try:
            if not work.advance(self.limits.slice_steps):
                await self.go_on(work, deadline)
            answer = work.answer()
        finally:
            work.close()
        if time.monotonic() > deadline:
            raise Refused(504, "deadline", "the time for this request is over")
        return answer

    async def go_on(self, work: Work, deadline: float) -> None:
        """Finish in the pool, in portions that keep the deadline in sight."""
        loop = asyncio.get_running_loop()
        while True:
            if time.monotonic() > deadline:
                raise Refused(504, "deadline", "the time for this request is over")
            if await loop.run_in_executor(
                self.pool, work.advance, self.limits.pool_steps
            ):
                return

    def count(self, answer: Answer, decided: float, whole: float) -> None:
        slot = self.slot
        slot.observe(self.decision, self.decision_cell, decided)
        if answer.status:
            count_request(slot, self.name, answer, whole)
        if answer.not_evaluated:
            slot.add(self.left_out, answer.not_evaluated)
        for event in answer.events:
            self.log.info(event.message, **event.fields)


VALIDATION_COUNT = place("gatekeeper_validation_request_count_total")
VALIDATION_TIME = place("gatekeeper_validation_request_duration_seconds")
MUTATION_COUNT = place("gatekeeper_mutation_request_count_total")
MUTATION_TIME = place("gatekeeper_mutation_request_duration_seconds")
COUNT_CELLS: Final = {
    (dry_run, status): VALIDATION_COUNT.cell(str(dry_run).lower(), status)
    for dry_run in (False, True)
    for status in ("allow", "deny", "error", "unknown")
}


def count_request(slot: Slot, endpoint: str, answer: Answer, seconds: float) -> None:
    """Gatekeeper's own counters."""
    if endpoint == "mutate":
        slot.add(MUTATION_COUNT.cell(answer.status))
        slot.observe(MUTATION_TIME, MUTATION_TIME.cell(answer.status), seconds)
    else:
        slot.add(COUNT_CELLS[answer.dry_run, answer.status])
        slot.observe(VALIDATION_TIME, VALIDATION_TIME.cell(answer.status), seconds)


async def reply(
    send: Send, body: bytes, *, status: int = 200, close: bool = False
) -> None:
    """Send a whole answer; Gatekeeper's content type is text, not JSON."""
    headers = [TEXT, (b"content-length", b"%d" % len(body))]
    if close:
        headers.append(CLOSE)
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

"""uvicorn's HTTP protocol with limits on what a connection may do.

Added to httptools' own strictness (doubled or conflicting Content-Length, bad
chunks: 400 and close): time for headers and body, size of headers, number and
age of connections, idle time.  Deadlines are fields that a sweep looks at twice a
second, since a timer per request would cost as much as a policy.
"""

from __future__ import annotations

import asyncio
import fcntl
import random
import termios
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final

from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import Server, ServerState

from gatewright.telemetry.board import Slot
from gatewright.telemetry.metrics import place

__all__ = ["AdmissionServer", "ConnectionLimits", "guarded_protocol"]

SWEEP: Final = 0.5
#: Seconds that a connection without a request so far is kept open at the end.
FIRST_REQUEST: Final = 1.0
NEVER: Final = float("inf")


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Times in seconds, sizes in bytes."""

    headers: int
    header_time: float
    body_time: float
    handshake_time: float
    connection_age: float
    connections: int


class Flow(FlowControl):
    """Does not read on while requests are queued.

    uvicorn's own reads on whenever an application asks for a body, so that a client
    which sends much and reads little could make the queue as long as it likes.
    """

    def __init__(self, transport: asyncio.Transport, queue: Collection[Any]) -> None:
        super().__init__(transport)
        self.queue = queue

    def resume_reading(self) -> None:
        if not self.queue:
            super().resume_reading()


class GuardedProtocol(HttpToolsProtocol):
    """One connection.  `limits` and `slot` come from `guarded_protocol`.

    `deadline`: when the phase that the connection is in must have ended;
    `expires`: when it is closed after its current answer, so that load spreads
    over workers and replicas; `heading`: whether headers are being read.
    """

    limits: ConnectionLimits
    slot: Slot
    cycle: Any  # RequestResponseCycle, Exchange, or None before the first
    _open = place("gatewright_connections_open").start
    _broken = place("gatewright_broken_connections_total")

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.deadline = NEVER
        self.phase = "header_time"
        self.expires = NEVER
        self.header_bytes = 0
        self.heading = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow = Flow(transport, self.pipeline)
        now = self.loop.time()
        spread = random.uniform(0.75, 1.25)  # noqa: S311 - jitter, not a secret
        self.expires = now + self.limits.connection_age * spread
        self.begin("header_time", now + self.limits.header_time)
        self.slot.add(self._open)
        if len(self.connections) > self.limits.connections:
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.slot.add(self._open, -1)
        super().connection_lost(exc)

    def begin(self, phase: str, deadline: float) -> None:
        self.phase = phase
        self.deadline = deadline

    def data_received(self, data: bytes) -> None:
        if self.heading:
            self.header_bytes += len(data)
        super().data_received(data)
        if self.heading and self.header_bytes > self.limits.headers:
            self.broken("size")

    def send_400_response(self, msg: str) -> None:
        if not self.transport.is_closing():
            self.count("malformed")
            super().send_400_response(msg)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.head_begins()

    def head_begins(self) -> None:
        self.heading = True
        if self.phase == "idle":
            self.begin("header_time", self.loop.time() + self.limits.header_time)

    def on_headers_complete(self) -> None:
        now = self.head_ends()
        super().on_headers_complete()
        if now >= self.expires and self.cycle is not None:
            self.cycle.keep_alive = False

    def head_ends(self) -> float:
        now = self.loop.time()
        if self.phase != "answer":  # else it is another request's turn
            self.begin("body_time", now + self.limits.body_time)
        self.header_bytes = 0
        self.heading = False
        return now

    def on_message_complete(self) -> None:
        self.body_ends()
        super().on_message_complete()

    def body_ends(self) -> None:
        if self.cycle is not None and self.cycle.response_complete:
            self.begin("idle", self.loop.time() + self.timeout_keep_alive)
        else:
            self.begin("answer", NEVER)  # the request's own deadline counts now

    def on_response_complete(self) -> None:
        """As uvicorn's, with the sweep instead of a timer for idle connections, and
        without reading on while requests are queued."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        now = self.loop.time()
        if self.heading:
            self.begin("header_time", now + self.limits.header_time)
        elif self.cycle.response_complete:
            self.begin("idle", now + self.timeout_keep_alive)
        elif self.cycle.more_body:
            self.begin("body_time", now + self.limits.body_time)
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
        else:
            self.flow.resume_reading()

    def sweep(self, now: float) -> None:
        """Close the connection if its phase is over.

        An old one that is idle is not closed for its age: its next answer ends it.  What
        a caller sends on a connection at the moment when we close it is lost, and a Go
        program, as the API server is, does not send a POST again; it closes idle
        connections itself before `timeout_keep_alive` is over.
        """
        if now < self.deadline or self.unread():
            return
        if self.phase == "idle":
            self.transport.close()
        else:
            self.broken(self.phase)

    def unread(self) -> bool:
        """Whether something has come that this process has not read yet."""
        sock = self.transport.get_extra_info("socket")
        if sock is None or self.phase not in ("idle", "header_time"):
            return False
        if self.header_bytes:  # of one who is slow there is always more to come
            return False
        try:
            count = fcntl.ioctl(sock.fileno(), termios.FIONREAD, bytes(4))
        except OSError:  # closed
            return False
        return count != bytes(4)

    def shutdown(self) -> None:
        """As uvicorn's, which ends all between two requests; here what a caller has
        begun to send, or is about to on a connection just made, is answered first."""
        now = self.loop.time()
        self.expires = now  # whatever is still answered ends the connection
        if self.phase == "idle":
            if self.unread():
                self.deadline = min(self.deadline, now + FIRST_REQUEST)
            else:
                self.transport.close()
        elif self.cycle is not None:
            self.cycle.keep_alive = False
        elif not self.header_bytes:
            self.deadline = min(self.deadline, now + FIRST_REQUEST)

    def broken(self, reason: str) -> None:
        self.count(reason)
        self.transport.close()

    def count(self, reason: str) -> None:
        self.slot.add(self._broken.cell(reason))


def guarded_protocol(limits: ConnectionLimits, slot: Slot) -> type[GuardedProtocol]:
    """The protocol class for uvicorn's `http` setting, with these limits."""
    return type(
        "AdmissionProtocol", (GuardedProtocol,), {"limits": limits, "slot": slot}
    )


class AdmissionServer(Server):
    """uvicorn's server over sockets that were bound before, with a limit on the
    TLS handshake and the sweep over connections.  `heed` is called ten times a second."""

    def __init__(
        self,
        config: Config,
        *,
        handshake_time: float,
        heed: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(config)
        self.handshake_time = handshake_time
        self.heed = heed

    async def startup(self, sockets: list[Any] | None = None) -> None:
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            raise RuntimeError("the application refused to start")
        config = self.config
        loop = asyncio.get_running_loop()

        def protocol() -> asyncio.Protocol:
            kind: Any = config.http_protocol_class
            made: asyncio.Protocol = kind(
                config=config,
                server_state=self.server_state,
                app_state=self.lifespan.state,
                _loop=loop,
            )
            return made

        self.servers = [
            await loop.create_server(
                protocol,
                sock=sock,
                ssl=config.ssl,
                ssl_handshake_timeout=self.handshake_time if config.ssl else None,
                backlog=config.backlog,
            )
            for sock in sockets or ()
        ]
        self.started = True

    async def on_tick(self, counter: int) -> bool:
        self.heed()
        if counter % round(SWEEP * 10) == 0:
            self.sweep()
        return await super().on_tick(counter)

    def sweep(self) -> None:
        now = asyncio.get_running_loop().time()
        for connection in list(self.server_state.connections):
            if isinstance(connection, GuardedProtocol):
                connection.sweep(now)

    async def shutdown(self, sockets: list[Any] | None = None) -> None:
        """As uvicorn's; the limits on connections hold to the end."""

        async def sweep() -> None:
            while True:
                await asyncio.sleep(SWEEP)
                self.sweep()

        sweeping = asyncio.create_task(sweep())
        try:
            await super().shutdown(sockets)
        finally:
            sweeping.cancel()

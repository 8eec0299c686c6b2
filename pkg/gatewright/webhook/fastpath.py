"""Admission requests answered from the parser's callbacks, without ASGI.

A request to a desk's path is read, decided and written while its last bytes are
parsed: no task, no queue, no second write.  Everything else goes to the application
as before, on the same connection and in order, and so does what is spelled
unusually (percent-encoded paths, absolute targets, upgrades).

An `Exchange` stands where uvicorn has a RequestResponseCycle, so pipelining, graceful
shutdown and the phases of `GuardedProtocol` see no difference.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from gatewright.telemetry.board import Slot
from gatewright.webhook.desk import Desk, Reply, Visit
from gatewright.webhook.endpoints import TRANSPORT
from gatewright.webhook.openings import Opening, Openings
from gatewright.webhook.protocol import NEVER, ConnectionLimits, GuardedProtocol

__all__ = ["FastProtocol", "fast_protocol"]

JSON: Final = b"application/json"
JSON_TEXT: Final = "application/json"
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
#: Targets remembered; API servers send one per webhook configuration.
REMEMBERED: Final = 64


class Heads:
    """The start of answers, up to the length's digits; made anew with the date."""

    __slots__ = ("defaults", "ok")

    def __init__(self) -> None:
        self.defaults: list[tuple[bytes, bytes]] | None = None
        self.ok = b""

    def start(self, state: ServerState, status: int) -> bytes:
        defaults = state.default_headers
        if defaults is not self.defaults:
            self.defaults = defaults
            self.ok = self.make(200)
        return self.ok if status == 200 else self.make(status)

    def make(self, status: int) -> bytes:
        parts = [STATUS_LINE[status]]
        for name, value in self.defaults or ():
            parts += (name, b": ", value, b"\r\n")
        parts.append(b"content-type: text/plain; charset=utf-8\r\ncontent-length: ")
        return b"".join(parts)


class Exchange:
    """One request and its answer.

    `more_body`, `keep_alive`, `disconnected` and `response_complete` are what uvicorn
    looks at.  Until its turn comes (`visit` is None) it only keeps what it is given.
    """

    __slots__ = (
        "allowed",
        "content_type",
        "desk",
        "disconnected",
        "expects",
        "keep_alive",
        "more_body",
        "only_head",
        "protocol",
        "response_complete",
        "settled",
        "visit",
        "waiting",
    )

    def __init__(
        self,
        protocol: FastProtocol,
        desk: Desk,
        allowed: float,
        *,
        keep_alive: bool,
        only_head: bool,
    ) -> None:
        self.protocol = protocol
        self.desk = desk
        self.allowed = allowed
        self.keep_alive = keep_alive
        self.only_head = only_head
        self.content_type: str | None = None
        self.expects = False
        self.more_body = True
        self.disconnected = False
        self.settled = False
        self.response_complete = False
        self.visit: Visit | None = None
        self.waiting: list[bytes] = []

    def read_headers(self, headers: list[tuple[bytes, bytes]]) -> None:
        """The last content type counts, as with ASGI."""
        for name, value in headers:
            if name == b"content-type":
                self.content_type = (
                    JSON_TEXT if value == JSON else value.decode("latin-1")
                )

    def start(self) -> None:
        """It is this request's turn."""
        protocol = self.protocol
        if protocol.transport.is_closing():
            return
        self.visit = visit = Visit(self.desk, self.allowed, protocol.transport)
        reply = visit.enter(expects=self.expects)
        if reply is not None:
            self.reply(reply)
            return
        if self.more_body:
            protocol.flow.resume_reading()
            if self.expects:
                protocol.transport.write(CONTINUE)
        if self.waiting:
            for chunk in self.waiting:
                self.take(chunk)
            self.waiting = []
        if not self.more_body:
            self.decide()

    def take(self, chunk: bytes) -> None:
        if self.settled:
            return
        if self.visit is None:
            self.waiting.append(chunk)
            return
        reply = self.visit.take(chunk)
        if reply is not None:
            self.reply(reply)

    def complete(self) -> None:
        """The body is whole."""
        self.more_body = False
        if self.visit is not None:
            self.decide()

    def decide(self) -> None:
        if self.settled:
            return
        visit = self.visit
        assert visit is not None
        reply = visit.decide(self.content_type)
        if reply is not None:
            self.reply(reply)
        else:
            self.protocol.spawn(self.finish(visit))

    async def finish(self, visit: Visit) -> None:
        try:
            reply = await visit.finish()
        except asyncio.CancelledError:
            visit.close()
            self.protocol.transport.close()
            raise
        self.reply(reply)

    def reply(self, reply: Reply) -> None:
        self.settled = True
        if self.protocol.flow.write_paused:
            self.protocol.spawn(self.send_later(reply))
        else:
            self.send(reply)

    async def send_later(self, reply: Reply) -> None:
        """For a client that does not read its answers."""
        try:
            await self.protocol.flow.drain()
        finally:
            self.send(reply)

    def send(self, reply: Reply) -> None:
        protocol = self.protocol
        self.response_complete = True
        if not protocol.transport.is_closing():
            protocol.write(
                reply,
                close=reply.close or not self.keep_alive,
                only_head=self.only_head,
            )
        self.lost()
        protocol.on_response_complete()

    def lost(self) -> None:
        """Give back what the request holds.  If it is being decided, that goes on,
        and gives back itself."""
        visit = self.visit
        if visit is not None and (visit.work is None or self.settled):
            visit.close()


class FastProtocol(GuardedProtocol):
    """One connection.  `desks` are by path; `fast_protocol` sets the class's own."""

    desks: Mapping[bytes, Desk]
    targets: dict[bytes, tuple[Desk, float]]
    heads: Heads
    openings: Openings
    #: Whether the parser is in the middle of a request.
    parsing = False
    #: Bytes of the body that are to come, if its head needed no parser.
    missing = 0
    #: What the parser was given when it was at the start of a request.
    fresh = b""

    def data_received(self, data: bytes) -> None:
        while data:
            if self.missing:
                data = self.body_goes_on(data)
                continue
            before = self.cycle
            if self.parsing or not (before is None or before.response_complete):
                super().data_received(data)
                return
            found = self.openings.find(data)
            if found is None or self.transport.is_closing():
                self.fresh = data
                super().data_received(data)
                self.fresh = b""
                return
            data = self.known_head(data, *found)

    def known_head(self, data: bytes, opening: Opening, start: int, size: int) -> bytes:
        """Take a request whose head needs no parser; what is left of `data`."""
        now = self.loop.time()
        keep = now < self.expires
        end = start + size
        if len(data) < end or self.flow.write_paused:
            self.head_ends()
            self.cycle = exchange = self.exchange(opening, keep)
            exchange.start()
            self.missing = size
            return self.body_goes_on(data[start:])
        # All of it is here, and nearly always its answer is, too
        self.header_bytes = 0
        self.heading = False
        self.begin("answer", NEVER)  # the request's own deadline counts
        visit = Visit(opening.desk, opening.allowed, self.transport)
        visit.enter()
        reply = visit.take(data[start:end]) or visit.decide(opening.content_type)
        if reply is None:
            self.cycle = exchange = self.exchange(opening, keep)
            exchange.visit = visit
            exchange.more_body = False
            self.spawn(exchange.finish(visit))
        else:
            self.write(reply, close=reply.close or not keep)
            visit.close()
            self.server_state.total_requests += 1
            if not reply.close and keep:
                self.begin("idle", now + self.timeout_keep_alive)
        return data[end:]

    def exchange(self, opening: Opening, keep: bool) -> Exchange:
        """A request with a head that is known."""
        out = Exchange(
            self, opening.desk, opening.allowed, keep_alive=keep, only_head=False
        )
        out.content_type = opening.content_type
        return out

    def write(self, reply: Reply, *, close: bool, only_head: bool = False) -> None:
        """Write an answer, head and body at once."""
        body = reply.body
        self.transport.write(
            b"%b%d\r\n%b\r\n%b"
            % (
                self.heads.start(self.server_state, reply.status),
                len(body),
                b"connection: close\r\n" if close else b"",
                b"" if only_head else body,
            )
        )
        if close:
            self.transport.close()

    def body_goes_on(self, data: bytes) -> bytes:
        """Take what belongs to the body of such a request; what is left of `data`."""
        exchange = self.cycle
        size = self.missing
        if len(data) > size:
            data, rest = data[:size], data[size:]
        else:
            rest = b""
        self.missing = size - len(data)
        if data:
            exchange.take(data)
        if not self.missing:
            self.body_ends()
            exchange.complete()
        return rest

    def on_message_begin(self) -> None:
        self.parsing = True
        # uvicorn also makes an ASGI scope here; `scope_for_asgi` does if needed.
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self.head_begins()

    def on_headers_complete(self) -> None:
        # Of the first request in what the parser was given, and of no other
        fresh, self.fresh = self.fresh, b""
        if self.transport.is_closing():
            return  # more after the last answer
        parser = self.parser
        found = self.targets.get(self.url) or self.find(self.url)
        if found is None or parser.should_upgrade():
            self.scope_for_asgi()
            super().on_headers_complete()
            return
        now = self.head_ends()
        before = self.cycle
        keep = parser.should_keep_alive() and parser.get_http_version() != "1.0"
        self.cycle = exchange = Exchange(
            self,
            *found,
            keep_alive=keep and now < self.expires,
            only_head=parser.get_method() == b"HEAD",
        )
        exchange.expects = self.expect_100_continue
        exchange.read_headers(self.headers)
        if fresh and keep and parser.get_method() == b"POST":
            self.openings.learn(
                fresh, *found, content_type=exchange.content_type, now=now
            )
        if before is None or before.response_complete:
            exchange.start()
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((exchange, self.app))  # type: ignore[arg-type]

    def find(self, url: bytes) -> tuple[Desk, float] | None:
        """The desk that a target names, and the time that its query allows."""
        if url.partition(b"?")[0] not in self.desks:
            return None
        parsed = httptools.parse_url(url)
        desk = self.desks.get(parsed.path)
        if desk is None:
            return None
        found = desk, desk.time_allowed(parsed.query or b"")
        if len(self.targets) < REMEMBERED:
            self.targets[url] = found
        return found

    def scope_for_asgi(self) -> None:
        url, headers = self.url, self.headers
        expects = self.expect_100_continue
        HttpToolsProtocol.on_message_begin(self)
        self.scope[TRANSPORT] = self.transport  # type: ignore[typeddict-unknown-key]
        self.url = url
        self.headers.extend(headers)
        self.expect_100_continue = expects

    def on_body(self, body: bytes) -> None:
        cycle = self.cycle
        if type(cycle) is Exchange:
            cycle.take(body)
        elif cycle is not None:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self.parsing = False
        cycle = self.cycle
        if type(cycle) is Exchange:
            self.body_ends()
            cycle.complete()
        elif cycle is not None:
            super().on_message_complete()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        if type(cycle) is Exchange:
            # Not at once: each would start the next, however many there are.
            self.loop.call_soon(cycle.start)
        else:
            super()._start_asgi_task(cycle, app)

    def spawn(self, coroutine: Any) -> None:
        task = self.loop.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def connection_lost(self, exc: Exception | None) -> None:
        cycle = self.cycle
        if type(cycle) is Exchange:
            self.cycle = None
            cycle.lost()
        self.pipeline.clear()  # what waits there refers to this
        super().connection_lost(exc)


def fast_protocol(
    limits: ConnectionLimits, slot: Slot, desks: Mapping[str, Desk]
) -> type[FastProtocol]:
    """The protocol class for uvicorn's `http` setting; `desks` by endpoint."""
    own = {
        "limits": limits,
        "slot": slot,
        "desks": {f"/v1/{name}".encode(): desk for name, desk in desks.items()},
        "targets": {},
        "heads": Heads(),
        "openings": Openings(),
    }
    return type("AdmissionProtocol", (FastProtocol,), own)

"""HTTP as it may be spoken, in both ways that requests are answered."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from gatewright.telemetry.metrics import place
from gatewright.webhook.protocol import GuardedProtocol
from tests.serve.inprocess import REQUESTS, Served
from tests.serve.openers import SLOW, Opener
from tests.serve.server import namespace, review

BODY = review(namespace())
JSON = b"Content-Type: application/json\r\n"


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer: status, headers in lower case, body."""

    status: int
    headers: dict[str, str]
    body: bytes


class Line:
    """A raw connection."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.sock = socket.create_connection(address, 20)
        self.got = b""

    def send(self, *parts: bytes) -> None:
        for part in parts:
            self.sock.sendall(part)
            time.sleep(0.02 if len(parts) > 1 else 0)

    def until(self, enough: Callable[[bytes], bool]) -> None:
        while not enough(self.got):
            chunk = self.sock.recv(65536)
            assert chunk, f"closed after {self.got!r}"
            self.got += chunk

    def hear(self, *, head_only: bool = False) -> Heard:
        self.until(lambda got: b"\r\n\r\n" in got)
        head, _, self.got = self.got.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines)
        }
        size = 0 if head_only else int(headers.get("content-length", 0))
        self.until(lambda got: len(got) >= size)
        body, self.got = self.got[:size], self.got[size:]
        return Heard(int(status.split()[1]), headers, body)

    def ended(self) -> bool:
        """Whether nothing more comes and the server has closed."""
        try:
            return self.got == b"" and self.sock.recv(1) == b""
        except ConnectionResetError:
            return True

    def reset(self) -> None:
        """Go away without a word."""
        linger = struct.pack("ii", 1, 0)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.sock.close()


def request(
    *,
    method: bytes = b"POST",
    target: bytes = b"/v1/admit",
    version: bytes = b"1.1",
    headers: bytes = JSON,
    body: bytes = BODY,
) -> bytes:
    head = b"%b %b HTTP/%b\r\nHost: x\r\n%b" % (method, target, version, headers)
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    head = b"POST /v1/admit HTTP/1.1\r\nHost: x\r\n%b" % JSON
    parts = [b"%x\r\n%b\r\n" % (len(one), one) for one in chunks]
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(parts) + end


@contextlib.contextmanager
def line(served: Opener, *rego: str, **options: Any) -> Iterator[tuple[Line, Served]]:
    with served(*rego, **options) as running:
        one = Line(running.address)
        try:
            yield one, running
        finally:
            one.sock.close()


def denied(heard: Heard) -> bool:
    return heard.status == 200 and b'"allowed":false' in heard.body


def settled(running: Served) -> None:
    """Wait until no request holds anything."""
    end = time.monotonic() + 60
    row = running.board.row(0)
    in_flight = place("gatewright_requests_in_flight").start
    while running.traffic.requests or running.traffic.bytes or row[in_flight]:
        assert time.monotonic() < end, running.traffic
        time.sleep(0.01)


WHOLE = {
    "plain": request(),
    "get": request(method=b"GET"),
    "put": request(method=b"PUT"),
    "query": request(target=b"/v1/admit?timeout=10s"),
    "query-twice": request(target=b"/v1/admit?timeout=1s?timeout=2s&x=%20"),
    "query-empty": request(target=b"/v1/admit?"),
    "fragment": request(target=b"/v1/admit#x?y"),
    "absolute": request(target=b"http://somewhere/v1/admit?timeout=10s"),
    "percent": request(target=b"/v1/%61dmit?timeout=10s"),
    "upper-headers": request(
        headers=JSON.upper().replace(b"JSON", b"json")[:13] + b" application/json\r\n"
    ),
    "last-type-counts": request(headers=b"Content-Type: text/plain\r\n" + JSON),
    "expect-other": request(headers=JSON + b"Expect: nothing\r\n"),
    "upgrade": request(headers=JSON + b"Connection: upgrade\r\nUpgrade: h2c\r\n"),
    "one-chunk": chunked(BODY),
    "many-chunks": chunked(*(BODY[at : at + 7] for at in range(0, len(BODY), 7))),
    "trailers": chunked(BODY, end=b"0\r\nX-Sum: 1\r\n\r\n"),
    "chunk-extension": chunked(BODY).replace(b"\r\n{", b";a=b\r\n{", 1),
}


@pytest.mark.parametrize("sent", WHOLE.values(), ids=WHOLE)
def test_requests_are_decided(sent: bytes, served: Opener) -> None:
    """However a request is spelled, its verdict and the answer's head are the same."""
    with line(served) as (one, _):
        one.send(sent)
        heard = one.hear()

        assert denied(heard), heard
        assert {"date", "server", "content-type", "content-length"} == (
            heard.headers.keys()
        )
        assert "text/plain; charset=utf-8" == heard.headers["content-type"]


OTHERS = {
    "unknown": (request(target=b"/v1/nope"), 404),
    "slash": (request(target=b"/v1/admit/"), 404),
    "doubled-slash": (request(target=b"//v1/admit"), 404),
    "prefix": (request(target=b"/v1/admitx"), 404),
    "no-chunk": (chunked(end=b"zz\r\n"), 400),
    "two-lengths": (request(headers=JSON + b"Content-Length: 1\r\n"), 400),
    "nonsense": (b"what?\r\n\r\n", 400),
}


@pytest.mark.parametrize(("sent", "status"), OTHERS.values(), ids=OTHERS)
def test_others_are_refused(sent: bytes, status: int, served: Opener) -> None:
    """What is no request to an endpoint gets no verdict."""
    with line(served) as (one, _):
        one.send(sent)

        assert status == one.hear().status


@pytest.mark.parametrize("size", [1, 7, 100])
def test_pieces(size: int, served: Opener) -> None:
    """Where the bytes are cut makes no difference."""
    sent = request(target=b"/v1/admit?timeout=10s")
    with line(served) as (one, _):
        one.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(sent), size):
            one.send(sent[at : at + size])
        assert denied(one.hear())
        one.send(request())
        assert denied(one.hear())


def test_expect_continue(served: Opener) -> None:
    """Who asks whether to send its body is told to, once."""
    sent = request(headers=JSON + b"Expect: 100-Continue\r\n")
    with line(served) as (one, _):
        one.send(sent[: -len(BODY)])
        assert 100 == one.hear().status
        one.send(BODY)
        assert denied(one.hear())
        one.send(request())
        assert denied(one.hear())


def test_expect_continue_when_refused(served: Opener) -> None:
    """Who is refused is not told to send its body."""
    sent = request(headers=JSON + b"Expect: 100-continue\r\n")
    with line(served, requests=replace(REQUESTS, in_flight=0)) as (one, _):
        one.send(sent[: -len(BODY)])
        heard = one.hear()

        assert 503 == heard.status
        assert "close" == heard.headers["connection"]
        assert one.ended()


@pytest.mark.parametrize(
    ("version", "header"),
    [
        (b"1.0", b""),
        (b"1.0", b"Connection: keep-alive\r\n"),
        (b"1.1", b"Connection: close\r\n"),
    ],
)
def test_connections_that_end(version: bytes, header: bytes, served: Opener) -> None:
    """HTTP/1.0, and who asks for it, is answered and closed; more is not answered."""
    with line(served) as (one, running):
        one.send(request(version=version, headers=JSON + header) + request())
        heard = one.hear()

        assert denied(heard)
        assert "close" == heard.headers["connection"]
        assert one.ended()
        settled(running)


def test_head(served: Opener) -> None:
    """HEAD has the length of the answer, not the answer."""
    with line(served) as (one, _):
        one.send(request())
        whole = one.hear()
        one.send(request(method=b"HEAD"))
        head = one.hear(head_only=True)
        one.send(request())

        assert whole.headers["content-length"] == head.headers["content-length"]
        assert denied(one.hear())


def test_pipelined_requests_are_answered_in_order(served: Opener) -> None:
    """Those of both kinds, however many come at once."""
    targets = [b"/v1/admit", b"/v1/nope", b"/v1/%61dmit", b"/v1/admitlabel"] * 60
    with line(served) as (one, running):
        one.send(
            b"".join(
                request(target=target, body=review(namespace(), uid=f"u-{index}"))
                for index, target in enumerate(targets)
            )
        )
        for index, target in enumerate(targets):
            heard = one.hear()
            assert (404 if target == b"/v1/nope" else 200) == heard.status
            if heard.status == 200:
                assert b'"uid":"u-%d"' % index in heard.body
        settled(running)


SOME_SLOW = SLOW.replace("{\n", '{\n          input.review.name == "slow"\n', 1)
SLOW_BODY = review(namespace("slow"), uid="slow")


def test_pipelined_behind_a_slow_one(served: Opener) -> None:
    """Who comes after a slow decision waits for it, whole or in parts."""
    requests = replace(REQUESTS, slice_steps=1000, deadline=20)
    with line(served, SOME_SLOW, requests=requests) as (one, _):
        one.send(request(body=SLOW_BODY) + request() * 500 + request()[:-10])
        assert b'"uid":"slow"' in one.hear().body
        for _ in range(500):
            assert b'"allowed":true' in one.hear().body
        one.send(request()[-10:] + request(target=b"/v1/nope"))
        assert b'"allowed":true' in one.hear().body
        assert 404 == one.hear().status


def test_deadline_is_504(served: Opener) -> None:
    """A decision that takes too long is none."""
    with line(served, SLOW, requests=replace(REQUESTS, slice_steps=1000)) as (one, on):
        one.send(request(target=b"/v1/admit?timeout=20ms"))
        heard = one.hear()

        assert 504 == heard.status
        assert b"the time for this request is over" in heard.body
        assert one.ended()
        refused = place("gatewright_refused_requests_total")
        assert 1.0 == on.board.row(0)[refused.cell("admit", "deadline")]


GONE = {
    "in-body": (b"", request()[:-5]),
    "in-chunk": (b"", chunked(BODY[:50], end=b"")),
    "deciding": (b"", request(body=SLOW_BODY)),
    "queued": (request(body=SLOW_BODY), request() * 3),
    "queued-in-body": (request(body=SLOW_BODY), request()[:-5]),
}


@pytest.mark.parametrize(("first", "then"), GONE.values(), ids=GONE)
def test_clients_that_go_away(first: bytes, then: bytes, served: Opener) -> None:
    """Nothing stays behind, and the next is served."""
    requests = replace(REQUESTS, slice_steps=1000)
    with line(served, SOME_SLOW, requests=requests) as (one, running):
        one.send(first + then)
        time.sleep(0.05)
        one.reset()
        settled(running)
        after = Line(running.address)
        after.send(request())

        assert 200 == after.hear().status
        after.sock.close()
        settled(running)


def test_bodies_over_the_limit_are_read_and_answered(served: Opener) -> None:
    """The client hears why, and the connection ends; far over, at once."""
    requests = replace(REQUESTS, body=10_000)
    for size in (10_000, 39_000, 400_000):
        with line(served, requests=requests) as (one, running):
            with contextlib.suppress(OSError):
                one.send(request(body=b" " * size))
            if size < 400_000:
                heard = one.hear()
                assert 200 == heard.status
                assert b'"code":413' in heard.body
                assert "close" == heard.headers["connection"]
                assert one.ended()
            settled(running)


def test_a_client_that_does_not_read(served: Opener) -> None:
    """Answers that are not taken hold up further requests, not memory."""
    with served() as running:
        small_buffers(running.sock)
        one = Line(running.address)
        small_buffers(one.sock)
        one.sock.settimeout(1)
        sent = 0
        many = request() * 50
        with contextlib.suppress(TimeoutError):
            while sent < 10_000:
                one.sock.sendall(many)
                sent += 50
        assert sent < 10_000
        assert running.traffic.requests <= 1
        one.sock.settimeout(20)
        for _ in range(sent):
            assert denied(one.hear())
        one.sock.close()


def small_buffers(sock: socket.socket) -> None:
    """So that the kernel does not keep what nobody reads."""
    for which in (socket.SO_SNDBUF, socket.SO_RCVBUF):
        sock.setsockopt(socket.SOL_SOCKET, which, 65536)


def test_draining(served: Opener) -> None:
    """Who comes while the worker is about to leave gets a verdict, and its connection
    ends with it, so that its next request goes to another."""
    with line(served) as (one, running):
        one.send(request())
        assert "connection" not in one.hear().headers
        running.traffic.draining = True
        one.send(request())
        heard = one.hear()

        assert denied(heard)
        assert "close" == heard.headers["connection"]
        assert one.ended()


def test_a_request_under_way_at_shutdown_is_decided(served: Opener) -> None:
    """What has begun to arrive on a kept connection, or is the first on a new one, is
    no idle connection; those end at once."""
    with line(served) as (kept, running), contextlib.ExitStack() as lines:
        fresh = Line(running.address)
        idle = Line(running.address)
        for one in (fresh, idle):
            lines.callback(one.sock.close)
        for one in (kept, idle):
            one.send(request())
            assert denied(one.hear())
        kept.send(request()[:20])
        while phases(running) != ["header_time", "header_time", "idle"]:
            time.sleep(0.01)
        running.traffic.draining = True
        assert running.server is not None
        running.server.should_exit = True
        assert idle.ended()
        kept.send(request()[20:])
        fresh.send(request())

        for one in (kept, fresh):
            heard = one.hear()
            assert denied(heard)
            assert "close" == heard.headers["connection"]
            assert one.ended()


def phases(running: Served) -> list[str]:
    """What each connection is at."""
    assert running.server is not None
    connections = list(running.server.server_state.connections)
    return sorted(one.phase for one in connections if isinstance(one, GuardedProtocol))


def test_slow_decisions_are_finished_at_shutdown(served: Opener) -> None:
    """A decision under way is still answered, then the connection ends."""
    requests = replace(REQUESTS, slice_steps=1000, deadline=20)
    with line(served, SLOW, requests=requests) as (one, running):
        one.send(request())
        time.sleep(0.1)
        assert running.server is not None
        running.server.should_exit = True
        heard = one.hear()

        assert 200 == heard.status
        assert "close" == heard.headers["connection"]
        assert one.ended()


def test_faults_of_ours_are_500(
    served: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error that nobody expected is logged, and is no verdict."""
    with line(served) as (one, running):

        def broken(*_: object) -> object:
            raise RuntimeError("out of order")

        monkeypatch.setattr(running, "start", broken)
        one.send(request())
        heard = one.hear()

        assert 500 == heard.status
        assert b"Internal Server Error" == heard.body
        assert any("out of order" in event for event in running.events)
        assert one.ended()
        settled(running)


def test_idle_connections_end(served: Opener) -> None:
    """After the keep-alive time, counted from the last answer."""
    with line(served) as (one, running):
        assert running.server is not None
        one.send(request())
        assert denied(one.hear())
        for connection in list(running.server.server_state.connections):
            assert isinstance(connection, GuardedProtocol)
            connection.timeout_keep_alive = 0.2
        one.send(request())
        assert denied(one.hear())

        assert one.ended()

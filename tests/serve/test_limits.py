"""Limits on what a connection and a worker may do."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from dataclasses import replace

import pytest

from gatewright.telemetry.metrics import place
from gatewright.webhook.protocol import GuardedProtocol
from tests.serve.inprocess import REQUESTS, Served
from tests.serve.openers import SLOW, Opener
from tests.serve.server import namespace, review

HEAD = b"POST /v1/admit HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


def until_closed(sock: socket.socket) -> bytes:
    got = b""
    sock.settimeout(10)
    with contextlib.suppress(ConnectionResetError):
        while chunk := sock.recv(65536):
            got += chunk
    sock.close()
    return got


def answer(sock: socket.socket) -> bytes:
    """One answer, whole, however it comes."""
    got = b""
    while True:
        head, _, body = got.partition(b"\r\n\r\n")
        size = re.search(rb"content-length: (\d+)", head.lower())
        if body and size is not None and len(body) == int(size[1]):
            return got
        chunk = sock.recv(65536)
        assert chunk, f"closed after {got!r}"
        got += chunk


def broken(running: Served, reason: str) -> float:
    series = place("gatewright_broken_connections_total")
    return running.board.row(0)[series.cell(reason)]


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"", "header_time"),
        (HEAD, "header_time"),
        (HEAD + b"Content-Length: 10\r\n\r\n12345", "body_time"),
    ],
    ids=["silent", "headers", "body"],
)
def test_slow_clients_are_closed(sent: bytes, reason: str, served: Opener) -> None:
    """Who does not finish its headers or body in time is cut off, and counted."""
    with served(header_time=0.3, body_time=0.3) as running:
        sock = socket.create_connection(running.address)
        sock.sendall(sent)

        assert b"" == until_closed(sock)
        assert 1.0 == broken(running, reason)


def test_large_headers_are_closed(served: Opener) -> None:
    """Headers without end are cut off."""
    with served(headers=4096) as running:
        sock = socket.create_connection(running.address)
        with contextlib.suppress(OSError):
            for _ in range(1000):
                sock.sendall(b"X-Padding: " + b"x" * 1000 + b"\r\n" if _ else HEAD)
        until_closed(sock)

        assert 1.0 == broken(running, "size")


def test_connections_end_after_their_age(served: Opener) -> None:
    """A busy connection is told to close, so that load spreads."""
    with served(connection_age=0.3) as running:
        connection = running.connect()
        end = time.monotonic() + 20
        closed = False
        while not closed:
            assert time.monotonic() < end
            headers = {"Content-Type": "application/json"}
            connection.request("POST", "/v1/admit", review(namespace()), headers)
            answer = connection.getresponse()
            answer.read()
            closed = answer.getheader("Connection") == "close"
            time.sleep(0.02)
        connection.close()


def test_an_old_connection_that_is_idle_is_not_closed(served: Opener) -> None:
    """Its caller may be about to send: what it sends is answered, and ends it."""
    with served(connection_age=0.3) as running:
        sock = socket.create_connection(running.address)
        body = review(namespace())
        whole = HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body
        sock.sendall(whole)
        first = answer(sock)
        time.sleep(1.2)  # the sweep comes twice
        sock.sendall(whole)
        second = until_closed(sock)

        assert b'"allowed":false' in first
        assert b"connection: close" not in first.lower()
        assert b'"allowed":false' in second
        assert b"connection: close" in second.lower()


def test_a_request_that_is_not_read_yet_is_not_cut_off(served: Opener) -> None:
    """An idle connection whose time is over is looked at before it is closed: while the
    loop was busy a request may have come."""
    with served() as running:
        sock = socket.create_connection(running.address)
        body = review(namespace())
        whole = HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body
        sock.sendall(whole)
        assert b'"allowed":false' in answer(sock)
        assert running.server is not None
        (connection,) = running.server.server_state.connections
        assert isinstance(connection, GuardedProtocol)
        busy, sent = threading.Event(), threading.Event()

        def late() -> None:
            busy.set()
            assert sent.wait(10)
            connection.sweep(float("inf"))

        connection.loop.call_soon_threadsafe(late)
        assert busy.wait(10)
        sock.sendall(whole)
        sent.set()

        assert b'"allowed":false' in answer(sock)
        sock.close()


def test_overload_is_503(served: Opener) -> None:
    """More requests than allowed: no verdict, so that failurePolicy decides; those
    that were taken are answered."""
    requests = replace(REQUESTS, in_flight=2, deadline=20, slice_steps=1000)
    with served(SLOW, requests=requests) as running:
        statuses: list[int] = []

        def ask() -> None:
            connection = running.connect()
            headers = {"Content-Type": "application/json"}
            connection.request("POST", "/v1/admit", review(namespace()), headers)
            answer = connection.getresponse()
            answer.read()
            connection.close()
            statuses.append(answer.status)

        threads = [threading.Thread(target=ask) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        refused = place("gatewright_refused_requests_total")
        row = running.board.row(0)
        assert 3 == statuses.count(503), statuses
        assert 3.0 == row[refused.cell("admit", "overload")]
        assert 2 == statuses.count(200)


def test_bytes_in_flight_are_limited(served: Opener) -> None:
    """Bodies that together take too much are refused."""
    requests = replace(REQUESTS, in_flight_bytes=100_000)
    with served(requests=requests) as running:
        connection = running.connect()
        headers = {"Content-Type": "application/json"}
        body = review(namespace(pad="x" * 200_000))
        with contextlib.suppress(OSError):
            connection.request("POST", "/v1/admit", body, headers)
        answer = connection.getresponse()

        assert 503 == answer.status
        connection.close()


def test_no_generation_is_503(served: Opener) -> None:
    """A worker that does not hold the generation in force guesses nothing."""
    with served() as running:
        running.decider.held.clear()
        connection = running.connect()
        headers = {"Content-Type": "application/json"}
        connection.request("POST", "/v1/admit", review(namespace()), headers)
        answer = connection.getresponse()

        assert 503 == answer.status
        assert b"no policies to decide by" in answer.read()
        connection.close()


def test_a_slow_policy_does_not_hold_up_the_fast(served: Opener) -> None:
    """While one decision takes its time in the pool, others are answered."""
    slow = """violation[{"msg": "never"}] {
          input.review.name == "slow"
          xs := numbers.range(1, 3000)
          xs[_] + xs[_] + xs[_] == -1
        }"""
    requests = replace(REQUESTS, deadline=3)
    with served(slow, requests=requests) as running:

        def post(name: str) -> int:
            connection = running.connect()
            headers = {"Content-Type": "application/json"}
            connection.request("POST", "/v1/admit", review(namespace(name)), headers)
            answer = connection.getresponse()
            answer.read()
            connection.close()
            return answer.status

        thread = threading.Thread(target=post, args=("slow",))
        thread.start()
        time.sleep(0.3)
        answered = 0
        while thread.is_alive():
            assert 200 == post("fast")
            answered += 1
        thread.join()

        assert answered > 10

"""Requests that get no verdict: counted, and logged with what names their object."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from gatewright.telemetry.metrics import place
from gatewright.webhook.identity import identity_of
from tests.serve.inprocess import REQUESTS, Served
from tests.serve.openers import DENY, SLOW, Opener
from tests.serve.server import constraint, namespace, review, serving, template

CASES = yaml.safe_load(Path(__file__).with_name("undecided.yaml").read_text())
REFUSED = place("gatewright_refused_requests_total")
NAMED = {
    "request_uid": "u-1",
    "operation": "CREATE",
    "resource_group": "",
    "resource_api_version": "v1",
    "resource_kind": "Namespace",
    "resource_namespace": "",
    "resource_name": "n",
    "request_username": "alice",
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_identity(case: dict[str, Any]) -> None:
    body = case.get("body")
    if body is None:
        request = case["review"]
        if "pad" in case:
            request["object"]["pad"] = "x" * case["pad"]
        body = json.dumps({"request": request}, separators=(",", ":"))
    found = identity_of(body.encode())
    assert {k: v for k, v in found.items() if v} == case["says"]


def test_a_name_without_end() -> None:
    found = identity_of(json.dumps({"request": {"name": "n" * 1000}}).encode())
    assert found["resource_name"] == "n" * 256


def refusal(running: Served, reason: str) -> dict[str, Any]:
    """The one line about a request that was refused so; it is counted, too."""
    lines = [json.loads(line) for line in running.events]
    (line,) = [one for one in lines if one.get("reason") == reason]
    assert line["msg"] == "request not decided"
    assert running.board.row(0)[REFUSED.cell("admit", reason)] == 1.0
    return line


def ask(running: Served, target: str = "/v1/admit") -> int:
    connection = running.connect()
    headers = {"Content-Type": "application/json"}
    connection.request("POST", target, review(namespace()), headers)
    with contextlib.closing(connection):
        return connection.getresponse().status


def names(line: dict[str, Any]) -> dict[str, Any]:
    return {key: line.get(key) for key in NAMED}


def test_deadline(served: Opener) -> None:
    with served(SLOW, requests=replace(REQUESTS, slice_steps=1000)) as running:
        assert ask(running, "/v1/admit?timeout=20ms") == 504
        assert names(refusal(running, "deadline")) == NAMED


def test_overload(served: Opener) -> None:
    requests = replace(REQUESTS, in_flight=1, deadline=20, slice_steps=1000)
    with served(SLOW, requests=requests) as running:
        first = threading.Thread(target=ask, args=[running])
        first.start()
        while not running.traffic.requests:
            time.sleep(0.01)
        assert ask(running) == 503
        first.join()
        assert names(refusal(running, "overload")) == NAMED
        # The answer is here before the worker has let go of the request.
        end = time.monotonic() + 20
        while running.traffic.requests and time.monotonic() < end:
            time.sleep(0.01)
        assert running.traffic.requests == 0


def test_no_generation(served: Opener) -> None:
    with served() as running:
        running.decider.held.clear()
        assert ask(running) == 503
        assert names(refusal(running, "not_ready")) == NAMED


def test_a_fault_of_ours(served: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(*_: object) -> None:
        raise RuntimeError("broken")

    with served() as running:
        monkeypatch.setattr(running, "start", start)
        assert ask(running) == 500
        (line,) = [json.loads(one) for one in running.events]
        assert line["msg"] == "request failed"
        assert line["error"] == "RuntimeError('broken')"
        assert names(line) == NAMED
        assert running.board.row(0)[REFUSED.cell("admit", "failed")] == 1.0


def test_refused_before_the_body_is_whole(served: Opener) -> None:
    """So much of it is read as names the object, and no more."""
    with served(requests=replace(REQUESTS, in_flight=0)) as running:
        body = review(namespace(pad="x" * 100_000))
        head = (
            f"POST /v1/admit HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        with socket.create_connection(running.address) as sock:
            sock.sendall(head.encode() + body[:50_000])
            assert sock.recv(65536).startswith(b"HTTP/1.1 503 ")
        assert refusal(running, "overload")["reason"] == "overload"


@pytest.mark.parametrize("path", ["/v1/admit", "/v1/%61dmit"])
def test_time_runs_while_the_worker_is_stopped(tmp_path: Path, path: str) -> None:
    """What lay in the kernel's buffer for longer than its time gets no verdict,
    whichever way in it takes."""
    text = template("Deny", DENY) + "---\n" + constraint("Deny", "deny")
    (tmp_path / "policy.yaml").write_text(text)
    with serving(tmp_path) as server:
        assert not server.admit(namespace())["allowed"]
        (worker,) = server.workers()
        with contextlib.closing(server.connect()) as connection:
            os.kill(worker, signal.SIGSTOP)
            try:
                headers = {"Content-Type": "application/json"}
                body = review(namespace())
                connection.request("POST", f"{path}?timeout=1s", body, headers)
                time.sleep(1.1)
            finally:
                os.kill(worker, signal.SIGCONT)
            assert connection.getresponse().status == 504
        line = server.event("request not decided", reason="deadline")
        assert names(line) == NAMED
        assert not server.admit(namespace())["allowed"]

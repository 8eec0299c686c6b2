"""Workers die, hang and drain; the rest goes on."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

from tests.serve.server import constraint, namespace, review, serving, template

DENY = 'violation[{"msg": "no"}] { input.review.kind.kind == "Namespace" }'
SLOW = """violation[{"msg": "never"}] {
          xs := numbers.range(1, 3000)
          xs[_] + xs[_] + xs[_] == -1
        }"""


def policies(folder: Path, **rego: str) -> None:
    for kind, text in rego.items():
        (folder / f"{kind}.yaml").write_text(
            template(kind, text) + "---\n" + constraint(kind, kind.lower())
        )


def test_a_killed_worker_is_replaced(tmp_path: Path) -> None:
    """Under load, no answer is ever wrong, and there are two workers again."""
    policies(tmp_path, Deny=DENY)
    stop = threading.Event()
    verdicts: list[str] = []
    with serving(tmp_path, "--workers", "2") as server:

        def ask() -> None:
            while not stop.is_set():
                try:
                    verdicts.append(server.admit(namespace())["status"]["message"])
                except OSError:  # the connection went with the worker: a failed call
                    continue

        thread = threading.Thread(target=ask)
        thread.start()
        first = server.workers()
        os.kill(first[0], signal.SIGKILL)
        end = time.monotonic() + 20
        while len(server.workers()) < 2 or set(server.workers()) == set(first):
            assert time.monotonic() < end
            time.sleep(0.02)
        asked = len(verdicts)
        while len(verdicts) < asked + 20:
            assert time.monotonic() < end
            time.sleep(0.02)
        stop.set()
        thread.join()
        assert 1.0 == server.metric("gatewright_worker_restarts_total")

    assert {"[deny] no"} == set(verdicts)


def test_a_rule_that_runs_for_minutes_is_left_out_alone(tmp_path: Path) -> None:
    """A constraint over its budget is reported with its own action; the others
    are judged, and other requests are not held up."""
    policies(tmp_path, Deny=DENY, Slow=SLOW)
    options = ("--constraint-steps", "3000000", "--log-slow-constraint", "0.001")
    with serving(tmp_path, *options) as server:
        response = server.admit(namespace())

        assert not response["allowed"]
        message = response["status"]["message"]
        assert "[deny] no" in message
        assert "[slow] " in message
        assert 1.0 == server.metric("gatewright_not_evaluated_total")
        assert "slow" == server.event("constraint is slow")["constraint_name"]
        _, listed = server.get(server.metrics, "/debug/constraints")
        longest = max(json.loads(listed), key=lambda one: one["max_us"])
        assert ("Slow", "slow") == (longest["kind"], longest["name"])
        if sys.platform == "linux":
            # What a slow one is left to gives way to what answers.
            (worker, *_) = server.workers()
            assert {0, 5} == set(niceness(worker))


def niceness(pid: int) -> list[int]:
    """That of each thread of a process."""
    return [
        int(one.read_text().rpartition(")")[2].split()[16])
        for one in Path(f"/proc/{pid}/task").glob("*/stat")
    ]


def test_the_deadline_is_504(tmp_path: Path) -> None:
    """What can't be decided in the request's time is no answer."""
    policies(tmp_path, Slow=SLOW)
    with serving(tmp_path, "--constraint-steps", "100000000000") as server:
        started = time.monotonic()
        status, response = server.post("/v1/admit?timeout=1s", review(namespace()))

        assert 504 == status, response
        assert time.monotonic() - started < 5
        assert 1.0 == server.metric(
            'gatewright_refused_requests_total{endpoint="admit",reason="deadline"}'
        )


def test_drains_on_sigterm(tmp_path: Path) -> None:
    """A request under way is answered, then all processes are gone."""
    policies(tmp_path, Deny=DENY)
    with serving(tmp_path) as server:
        connection = server.connect()
        connection.putrequest("POST", "/v1/admit")
        body = review(namespace())
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders()
        connection.send(body[:10])
        time.sleep(0.2)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        connection.send(body[10:])

        answer = connection.getresponse()
        text = answer.read()
        connection.close()

        assert 200 == answer.status
        assert b"[deny] no" in text
        assert 0 == server.process.wait(20)
        assert [] == server.workers()


def test_a_killed_policy_process_is_replaced(tmp_path: Path) -> None:
    """Workers decide on by what they hold, and follow the next one's changes."""
    policies(tmp_path, Deny=DENY)
    with serving(tmp_path) as server:
        first = server.event("process started", process="policies")["pid"]
        os.kill(first, signal.SIGKILL)
        for _ in range(20):
            assert "[deny] no" == server.admit(namespace())["status"]["message"]
        server.committed(2)
        assert "[deny] no" == server.admit(namespace())["status"]["message"]
        policies(tmp_path, Deny=DENY.replace('"no"', '"changed"'))
        server.committed(3)

        assert "[deny] changed" == server.admit(namespace())["status"]["message"]


def test_the_status_process_is_replaced(tmp_path: Path) -> None:
    """Probes and metrics come back; admission never notices."""
    policies(tmp_path, Deny=DENY)
    with serving(tmp_path) as server:
        server.admit(namespace())
        first = server.event("process started", process="status")["pid"]
        os.kill(first, signal.SIGKILL)
        end = time.monotonic() + 20
        while True:
            try:
                status, _ = server.get(server.health, "/readyz")
                break
            except OSError:
                assert time.monotonic() < end
                time.sleep(0.05)

        assert 200 == status
        series = (
            "gatekeeper_validation_request_count_total"
            '{admission_dryrun="false",admission_status="deny"}'
        )
        assert 1.0 == server.metric(series)


def test_nothing_outlives_a_killed_supervisor(tmp_path: Path) -> None:
    """kill -9 of the supervisor takes every process with it."""
    policies(tmp_path, Deny=DENY)
    with serving(tmp_path, "--workers", "2") as server:
        family = [
            event["pid"] for event in server.events if event["msg"] == "process started"
        ]
        server.process.kill()
        end = time.monotonic() + 10
        while any(Path(f"/proc/{pid}/stat").exists() for pid in family):
            assert time.monotonic() < end, family
            time.sleep(0.02)

        assert 4 == len(family)

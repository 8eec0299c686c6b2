"""`http.send` against a server on the loopback."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gatewright.engine.errors import BudgetExceeded
from gatewright.engine.library import http_cache
from gatewright.engine.library.context import Context, HttpPolicy
from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.http import send
from gatewright.engine.limits import Limits
from gatewright.engine.policy import compile_policy
from tests.builtins.http_server import running
from tests.builtins.oracle import serve
from tests.builtins.terms import read, write

SECOND = 1_000_000_000
#: What differs between any two answers.
VARYING = ("date", "server")
REQUESTS: list[dict[str, Any]] = [
    {"path": "/json"},
    {"path": "/bad-json"},
    {"path": "/bad-json", "force_json_decode": True, "raise_error": False},
    {"path": "/yaml"},
    {"path": "/text"},
    {"path": "/text", "force_json_decode": True},
    {"path": "/text", "force_yaml_decode": True},
    {"path": "/empty"},
    {"path": "/error"},
    {"path": "/moved"},
    {"path": "/moved", "enable_redirect": True},
    {"path": "/echo", "method": "post", "body": {"b": [1, "<"]}},
    {"path": "/echo", "method": "PUT", "raw_body": "raw", "headers": {"X-Probe": "p"}},
    {"path": "/echo", "method": "post", "body": 1, "headers": {"content-type": "q"}},
]


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    with running() as found:
        yield found


def request(base: str, case: dict[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in case.items() if key != "path"}
    return {"method": "get", "url": base + case["path"], **rest}


def plain(answer: Any) -> str:
    headers = answer.get("headers", {})
    kept = {name: texts for name, texts in headers.items() if name not in VARYING}
    return write({**answer, "headers": kept} if headers else answer)


@pytest.mark.peers
def test_answers_are_those_of_opa(server: tuple[str, list[str]], opa: Path) -> None:
    base, _ = server
    requests = [request(base, case) for case in REQUESTS]
    with serve(opa) as real:
        wanted = real.ask([("http.send", [write(item)]) for item in requests])

    ours = [plain(send(Context(), item)) for item in requests]
    assert ours == [plain(read(answer.text)) for answer in wanted]


def test_a_query_asks_once(server: tuple[str, list[str]]) -> None:
    base, seen = server
    context = Context()
    for _ in range(2):
        send(context, request(base, {"path": "/json"}))
    send(context, request(base, {"path": "/text"}))
    assert seen == ["/json", "/text"]


@pytest.mark.parametrize(
    ("path", "options", "asked"),
    [
        ("/kept", {"cache": True}, 1),
        ("/kept", {}, 2),
        ("/secret", {"cache": True}, 2),
        ("/text", {"force_cache": True, "force_cache_duration_seconds": 60}, 1),
        ("/tagged", {"cache": True}, 2),
    ],
)
def test_queries_share_what_may_be_kept(
    server: tuple[str, list[str]], path: str, options: dict[str, Any], asked: int
) -> None:
    base, seen = server
    shared: dict[Any, Any] = {}
    answers = [
        send(Context(shared=shared), request(base, {"path": path, **options}))
        for _ in range(2)
    ]
    assert len(seen) == asked
    assert answers[0]["raw_body"] == answers[1]["raw_body"]
    assert answers[1]["status_code"] == 200


def test_what_was_kept_grows_old(server: tuple[str, list[str]]) -> None:
    base, seen = server
    shared: dict[Any, Any] = {}
    sent = time.time_ns()
    for later in (0, 55 * SECOND, 65 * SECOND):
        send(
            Context(clock=sent + later, shared=shared),
            request(base, {"path": "/kept", "cache": True}),
        )
    assert len(seen) == 2


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        (HttpPolicy(enabled=False), "http.send is turned off"),
        (
            HttpPolicy(allow_net=frozenset(["example.com"])),
            "disallowed host: 127.0.0.1",
        ),
    ],
)
def test_hosts_can_be_refused(
    server: tuple[str, list[str]], policy: HttpPolicy, text: str
) -> None:
    base, seen = server
    with pytest.raises(BuiltinError, match=text):
        send(Context(http=policy), request(base, {"path": "/json"}))
    assert not seen


def test_redirects_end(server: tuple[str, list[str]]) -> None:
    base, seen = server
    with pytest.raises(BuiltinError, match="stopped after 10 redirects"):
        send(Context(), request(base, {"path": "/round", "enable_redirect": True}))
    assert len(seen) == 10


def test_a_host_can_be_allowed(server: tuple[str, list[str]]) -> None:
    base, _ = server
    policy = HttpPolicy(allow_net=frozenset(["127.0.0.1"]))
    answer = send(Context(http=policy), request(base, {"path": "/json"}))
    assert answer["status"] == "200 OK"


@pytest.mark.parametrize("path", ["/drip-head", "/drip-body"])
def test_a_slow_server_is_left_at_the_timeout(
    server: tuple[str, list[str]], path: str
) -> None:
    base, _ = server
    with pytest.raises(BuiltinError, match="deadline exceeded"):
        send(Context(), request(base, {"path": path, "timeout": "200ms"}))


@pytest.mark.parametrize("path", ["/drip-head", "/drip-body"])
def test_a_slow_server_is_left_at_the_querys_deadline(
    server: tuple[str, list[str]], path: str
) -> None:
    base, _ = server
    policy = compile_policy({"a.rego": "package a\nr := http.send(input)"})
    asked = request(base, {"path": path, "timeout": "60s"})
    with pytest.raises(BudgetExceeded) as stopped:
        policy.evaluate("data.a.r", input=asked, limits=Limits(seconds=0.2))

    assert stopped.value.reason == "cancelled"


def test_a_redirect_to_another_host_keeps_secrets(
    server: tuple[str, list[str]],
) -> None:
    base, _ = server
    headers = {"Authorization": "secret", "X-Probe": "p"}
    options = {"path": "/elsewhere", "enable_redirect": True, "headers": headers}
    answer = send(Context(), request(base, options))

    assert answer["raw_body"] == "- p"


def test_a_cache_holds_so_many_bytes(
    server: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    base, _ = server
    monkeypatch.setattr(http_cache, "CACHED_BYTES", 6)
    shared: dict[Any, Any] = {}
    for path in ("/kept", "/text", "/kept"):
        options = {"force_cache": True, "force_cache_duration_seconds": 60}
        send(Context(shared=shared), request(base, {"path": path, **options}))

    assert [kept.body for kept, _ in shared.values()] == [b"kept"]

"""What has failed runs again as a search: what is the same then, and what is not said
twice.  Which error comes first is in tests/fuzz/cases/order.yaml."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from gatewright.engine import CompileOptions, EvalError, PrintOutput, compile_policy

ENTRY = "data.p.r"


class _Counter(BaseHTTPRequestHandler):
    count = 0

    def do_GET(self) -> None:
        type(self).count += 1
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    _Counter.count = 0
    server = HTTPServer(("127.0.0.1", 0), _Counter)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_requests_are_sent_once(url: str) -> None:
    """A search sees the answers that the plan had, and the same clock."""
    policy = compile_policy(
        {
            "a": f"""package p
            status := http.send({{"method": "get", "url": "{url}"}}).status_code
            r := [status, x] if {{ some x in [1, 2] }}
            """
        }
    )
    with pytest.raises(EvalError, match=r"\[200, 1\] at a:3"):
        policy.evaluate(ENTRY)

    assert _Counter.count == 1


def test_the_plan_s_error_stands_after_many_steps() -> None:
    """A search that takes too long says nothing."""
    policy = compile_policy(
        {"a": "package p\nr := x if { some x in input; some y in input; x + y > 1990 }"}
    )
    with pytest.raises(EvalError, match="produced conflicting values"):
        policy.evaluate(ENTRY, input=list(range(1000)))


def test_lines_are_printed_once() -> None:
    """Those of the plan; the search is silent."""
    prints = PrintOutput()
    policy = compile_policy(
        {"a": 'package p\nr := x if { print("once"); some x in [1, 2] }'},
        options=CompileOptions(print_enabled=True),
        functions=prints.functions,
    )
    with pytest.raises(EvalError, match="produced conflicting values"):
        policy.evaluate(ENTRY)

    assert prints.take() == "once\n"

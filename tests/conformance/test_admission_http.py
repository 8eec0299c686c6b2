"""The same exchanges over HTTP, through the server that `gatewright serve` runs."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from tests.conformance import admission_decisions as decisions
from tests.conformance import admission_exchanges as exchanges
from tests.needs import require_conformance
from tests.serve.inprocess import Served

ALL = exchanges.read(require_conformance("gatekeeper", "admission"))
WAITING = exchanges.waiting()


def send(served: Served, exchange: exchanges.Exchange) -> tuple[int, str]:
    """Put an exchange's request to a server in the exchange's state."""
    mutators = exchange.state.get("mutators") or []
    built = decisions.policies(exchange).build("1", extra={"mutators": mutators})
    served.decide_by(built, flags=exchange.flags)
    connection = served.connect()
    connection.putrequest(exchange.method, exchange.endpoint)
    if exchange.content_type is not None:
        connection.putheader("Content-Type", exchange.content_type)
    connection.putheader("Content-Length", str(len(exchange.body)))
    connection.endheaders(exchange.body)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


@pytest.fixture(scope="module", params=[True, False], ids=["fast-path", "asgi"])
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    running = Served(fast_path=request.param)
    running.begin()
    yield running
    running.end()


@pytest.mark.parametrize("exchange", ALL, ids=lambda one: one.name)
def test_answer_is_gatekeepers(exchange: exchanges.Exchange, served: Served) -> None:
    """Status and body are those of the real one, byte for byte."""
    feature = WAITING.get(exchange.name)
    if feature is not None:
        pytest.skip(f"waits for {feature}")

    complaint = exchanges.complaint(exchange, lambda one: send(served, one))

    assert not complaint, complaint


def test_a_request_leaves_no_cycle(served: Served) -> None:
    """Workers run without the garbage collector, so nothing may need it."""
    (exchange,) = [one for one in ALL if one.name == "deny-many-order"]
    send(served, exchange)
    connection = served.connect()

    def ask(times: int) -> None:
        for _ in range(times):
            connection.request(
                "POST", "/v1/admit", exchange.body, {"Content-Type": "application/json"}
            )
            connection.getresponse().read()

    ask(20)
    gc.collect()
    gc.disable()
    try:
        ask(50)
        left = gc.collect()
    finally:
        gc.enable()
    connection.close()

    assert left < 50, "objects per request that only the collector frees"

"""The same exchanges over HTTP, through the server that `gatewright serve` runs."""

from __future__ import annotations

import asyncio
import gc
import http.client
import itertools
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import uvicorn

from gatewright.app.decider import GenerationDecider
from gatewright.app.generation import Generation
from gatewright.app.settings import Settings
from gatewright.engine.limits import Limits
from gatewright.telemetry.board import Board
from gatewright.telemetry.log import Log
from gatewright.webhook.app import admission_app
from gatewright.webhook.endpoints import Endpoint, RequestLimits, Traffic
from gatewright.webhook.protocol import (
    AdmissionServer,
    ConnectionLimits,
    guarded_protocol,
)
from tests.conformance import admission_decisions as decisions
from tests.conformance import admission_exchanges as exchanges
from tests.needs import require_conformance

ALL = exchanges.read(require_conformance("gatekeeper", "admission"))
WAITING = exchanges.waiting()
CONNECTION = ConnectionLimits(
    headers=65536,
    header_time=5,
    body_time=5,
    handshake_time=5,
    connection_age=60,
    connections=100,
)
LIMITS = Settings(policies=Path()).limits


class Served:
    """A server whose policies a test sets before each request."""

    def __init__(self) -> None:
        self.board = Board(1)
        self.numbers = itertools.count(1)
        self.deciders: dict[tuple[str, ...], GenerationDecider] = {}
        self.decider: GenerationDecider = self.decider_for(())
        self.sock = socket.socket()
        self.sock.bind(("127.0.0.1", 0))
        self.sock.listen()
        self.address = self.sock.getsockname()
        self.up = threading.Event()
        self.server: AdmissionServer | None = None
        self.thread = threading.Thread(target=lambda: asyncio.run(self.run()))

    def decider_for(self, flags: tuple[str, ...]) -> GenerationDecider:
        def values(name: str) -> tuple[str, ...]:
            return tuple(f.partition("=")[2] for f in flags if f.startswith(name + "="))

        if flags not in self.deciders:
            self.deciders[flags] = GenerationDecider.of(
                self.board,
                Settings(
                    policies=Path(),
                    exempt_namespaces=values("--exempt-namespace"),
                    exempt_prefixes=values("--exempt-namespace-prefix"),
                    exempt_suffixes=values("--exempt-namespace-suffix"),
                    mutation_annotations="--mutation-annotations" in flags,
                    check_actions="--disable-enforcementaction-validation" not in flags,
                ),
            )
        return self.deciders[flags]

    def start(self, *args: object) -> object:
        """The decider's door, whichever is in force."""
        return self.decider.start(*args)  # type: ignore[arg-type]

    def too_large(self) -> object:
        return self.decider.too_large()

    async def run(self) -> None:
        limits = RequestLimits(
            in_flight=10,
            in_flight_bytes=64 << 20,
            body=LIMITS.body,
            deadline=10,
            margin=0.1,
            slice_steps=LIMITS.slice_steps,
        )
        endpoints = {
            name: Endpoint(
                name,
                decider=self,  # type: ignore[arg-type]
                limits=limits,
                traffic=Traffic(),
                slot=self.board.slot(0),
                pool=ThreadPoolExecutor(1),
                log=Log("test", write=lambda _: None),
            )
            for name in ("admit", "admitlabel", "mutate")
        }
        config = uvicorn.Config(
            admission_app(endpoints),
            http=guarded_protocol(CONNECTION, self.board.slot(0)),
            lifespan="off",
            log_config=None,
            access_log=False,
        )
        config.load()
        self.server = AdmissionServer(config, handshake_time=5)
        serving = asyncio.create_task(self.server._serve([self.sock]))
        while not self.server.started:
            await asyncio.sleep(0.01)
        self.up.set()
        await serving

    def send(self, exchange: exchanges.Exchange) -> tuple[int, str]:
        number = next(self.numbers)
        self.decider = self.decider_for(exchange.flags)
        built = decisions.policies(exchange).build(
            str(number), extra={"mutators": exchange.state.get("mutators") or []}
        )
        self.decider.held.clear()
        self.decider.held[number] = Generation(number, built, limits=Limits())
        self.board.set_word(Board.GENERATION, number)
        connection = http.client.HTTPConnection(*self.address, timeout=30)
        connection.putrequest(exchange.method, exchange.endpoint)
        if exchange.content_type is not None:
            connection.putheader("Content-Type", exchange.content_type)
        connection.putheader("Content-Length", str(len(exchange.body)))
        connection.endheaders(exchange.body)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    running = Served()
    running.thread.start()
    assert running.up.wait(20)
    yield running
    assert running.server is not None
    running.server.should_exit = True
    running.thread.join(20)


@pytest.mark.parametrize("exchange", ALL, ids=lambda one: one.name)
def test_answer_is_gatekeepers(exchange: exchanges.Exchange, served: Served) -> None:
    """Status and body are those of the real one, byte for byte."""
    feature = WAITING.get(exchange.name)
    if feature is not None:
        pytest.skip(f"waits for {feature}")

    complaint = exchanges.complaint(exchange, served.send)

    assert not complaint, complaint


def test_a_request_leaves_no_cycle(served: Served) -> None:
    """Workers run without the garbage collector, so nothing may need it."""
    (exchange,) = [one for one in ALL if one.name == "deny-many-order"]
    served.send(exchange)
    connection = http.client.HTTPConnection(*served.address, timeout=30)

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

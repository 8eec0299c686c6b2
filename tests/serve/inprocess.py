"""The server of `gatewright serve` in a thread of this process, over plain HTTP, its
policies and limits set by the test."""

from __future__ import annotations

import asyncio
import http.client
import itertools
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import uvicorn

from gatewright.app.decider import GenerationDecider
from gatewright.app.generation import Generation
from gatewright.app.settings import Settings
from gatewright.engine.limits import Limits
from gatewright.telemetry.board import Board
from gatewright.telemetry.log import Log
from gatewright.webhook.app import admission_app
from gatewright.webhook.desk import Desk, RequestLimits, Traffic
from gatewright.webhook.fastpath import fast_protocol
from gatewright.webhook.protocol import (
    AdmissionServer,
    ConnectionLimits,
    guarded_protocol,
)

CONNECTION = ConnectionLimits(
    headers=65536,
    header_time=5,
    body_time=5,
    handshake_time=5,
    connection_age=60,
    connections=100,
)
REQUESTS = RequestLimits(
    in_flight=10,
    in_flight_bytes=64 << 20,
    body=7 << 20,
    deadline=10,
    margin=0.1,
    slice_steps=20_000,
)

ENGINE = Limits()


class Served:
    """A server whose policies a test sets before each request."""

    def __init__(
        self,
        *,
        connection: ConnectionLimits = CONNECTION,
        requests: RequestLimits = REQUESTS,
        fast_path: bool = True,
    ) -> None:
        self.fast_path = fast_path
        self.events: list[str] = []  # lines of the log
        self.traffic = Traffic()
        self.connection = connection
        self.requests = requests
        self.board = Board(1)
        self.numbers = itertools.count(1)
        self.deciders: dict[tuple[str, ...], GenerationDecider] = {}
        self.decider: GenerationDecider = self.decider_for(())
        self.sock = socket.socket()
        self.sock.bind(("127.0.0.1", 0))
        self.sock.listen()
        self.address: tuple[str, int] = self.sock.getsockname()
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
        desks = {
            name: Desk(
                name,
                decider=self,  # type: ignore[arg-type]
                limits=self.requests,
                traffic=self.traffic,
                slot=self.board.slot(0),
                pool=ThreadPoolExecutor(1),
                log=Log("test", write=lambda line: self.events.append(line.decode())),
            )
            for name in ("admit", "admitlabel", "mutate")
        }
        slot = self.board.slot(0)
        protocol = (
            fast_protocol(self.connection, slot, desks)
            if self.fast_path
            else guarded_protocol(self.connection, slot)
        )
        config = uvicorn.Config(
            admission_app(desks),
            http=protocol,
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

    def decide_by(
        self, built: bytes, *, flags: tuple[str, ...] = (), limits: Limits = ENGINE
    ) -> None:
        """Policies (what `PolicySet.build` gives) for the requests to come."""
        number = next(self.numbers)
        self.decider = self.decider_for(flags)
        self.decider.held.clear()
        self.decider.held[number] = Generation(number, built, limits=limits)
        self.board.set_word(Board.GENERATION, number)

    def connect(self) -> http.client.HTTPConnection:
        host, port = self.address
        return http.client.HTTPConnection(host, port, timeout=30)

    def begin(self) -> None:
        self.thread.start()
        assert self.up.wait(20)

    def end(self) -> None:
        assert self.server is not None
        self.server.should_exit = True
        self.thread.join(20)

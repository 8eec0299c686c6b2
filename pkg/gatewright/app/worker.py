"""A worker: maps generations, answers admission requests.

It accepts connections only once it holds the generation in force.  When the
policy process goes away it goes on deciding by what it has, and connects to the
next one.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import uvicorn

from gatewright.app.credentials import Credentials
from gatewright.app.decider import GenerationDecider
from gatewright.app.lookups import Lookups
from gatewright.app.sampling import Sampler
from gatewright.app.settings import Limits, Settings
from gatewright.app.subscription import Subscription
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

__all__ = ["connection_limits", "request_limits", "run_worker"]

EX_TEMPFAIL: Final = 75
#: Seconds between collections: only what an odd error left in a cycle is there to
#: find, since all that was loaded is frozen, so one takes well under a millisecond.
COLLECT_EVERY: Final = 30.0
#: Seconds that one thread may hold up another.
SWITCH_EVERY: Final = 0.0005
#: How much nicer threads of the pool are than the one that answers: on a busy node a
#: request that comes in gets its core at once, and a slow policy a third of one still.
BEHIND: Final = 5


def request_limits(limits: Limits) -> RequestLimits:
    """Those of one request and of all that are in flight."""
    return RequestLimits(
        in_flight=limits.in_flight,
        in_flight_bytes=limits.in_flight_bytes,
        body=limits.body,
        deadline=limits.deadline,
        margin=limits.margin,
        slice_steps=limits.slice_steps,
    )


def connection_limits(limits: Limits) -> ConnectionLimits:
    """Those of one connection and of their number."""
    return ConnectionLimits(
        headers=limits.headers,
        header_time=limits.header_time,
        body_time=limits.body_time,
        handshake_time=limits.handshake_time,
        connection_age=limits.connection_age,
        connections=limits.connections,
    )


def _stand_back() -> None:
    # Niceness is a thread's own on Linux alone; elsewhere the number is a process.
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), BEHIND)


class Worker:
    """`slot`: its row of the board; `address`: that of the policy process."""

    def __init__(
        self,
        settings: Settings,
        *,
        board: Board,
        slot: int,
        address: str,
        certificate: Path,
        key: Path,
        lookups: Lookups | None = None,
    ) -> None:
        self.settings = settings
        self.board = board
        self.slot = slot
        self.log = Log("webhook", worker=slot)
        self.credentials = Credentials(certificate, key, log=self.log)
        self.generations = Subscription(
            settings, board=board, slot=slot, address=address, log=self.log
        )
        self.decider = GenerationDecider.of(
            board,
            settings,
            lookups,
            held=self.generations.held,
            sampler=Sampler(board.costs(slot), self.log, slow=settings.slow_constraint),
        )
        self.traffic = Traffic()

    async def run(self, sock: socket.socket) -> int:
        links = asyncio.create_task(self.generations.follow())
        waits = asyncio.create_task(self.equipped())
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({waits, stopped, links}, return_when="FIRST_COMPLETED")
        if stop.is_set() or not waits.done():
            return self.status()
        server = self.server()
        pulse = self.traffic.pulse
        pulse.start(loop, lambda: self.board.beat(self.slot))  # for the watchdog, too
        tidying = asyncio.create_task(self.tidy())
        renewing = asyncio.create_task(self.credentials.follow())
        serving = asyncio.create_task(server._serve([sock]))  # noqa: SLF001 - `serve` would take the signals
        await asyncio.wait({stopped, serving, links}, return_when="FIRST_COMPLETED")
        self.traffic.draining = True
        server.should_exit = True
        await serving
        pulse.stop()
        tidying.cancel()
        renewing.cancel()
        return self.status()

    async def equipped(self) -> None:
        """Returns when there are policies and a certificate."""
        await self.generations.equipped()
        await self.credentials.wait()

    async def tidy(self) -> None:
        while True:
            await asyncio.sleep(COLLECT_EVERY)
            gc.collect()

    def status(self) -> int:
        """The exit status: not 0 if this worker could not take a generation."""
        return EX_TEMPFAIL if self.generations.failed else 0

    def server(self) -> AdmissionServer:
        limits = self.settings.limits
        cells = self.board.slot(self.slot)
        pool = ThreadPoolExecutor(
            2, thread_name_prefix="slow-decisions", initializer=_stand_back
        )
        requests = request_limits(limits)
        desks = {
            name: Desk(
                name,
                decider=self.decider,
                limits=requests,
                traffic=self.traffic,
                slot=cells,
                pool=pool,
                log=self.log,
            )
            for name in self.settings.endpoints
        }
        connections = connection_limits(limits)
        protocol = (
            fast_protocol(connections, cells, desks)
            if self.settings.fast_path
            else guarded_protocol(connections, cells)
        )
        config = uvicorn.Config(
            admission_app(desks),
            http=protocol,
            loop="uvloop",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=True,
            proxy_headers=False,
            timeout_keep_alive=int(limits.keep_alive),
            timeout_graceful_shutdown=int(limits.drain_time),
            backlog=1024,
        )
        config.load()
        config.ssl = self.credentials.context
        return AdmissionServer(
            config, handshake_time=limits.handshake_time, heed=self.heed
        )

    def heed(self) -> None:
        """Learn that the family is about to leave, while it still answers."""
        if self.board.word(Board.DRAINING):
            self.traffic.draining = True


def run_worker(
    settings: Settings,
    *,
    board: Board,
    slot: int,
    address: str,
    sock: socket.socket,
    certificate: Path,
    key: Path,
    lookups: Lookups | None = None,
) -> int:
    """A worker's whole life; its exit status.

    The garbage collector is off: nothing that a request makes is a cycle, and what
    a new generation leaves behind is collected when it is loaded.
    """
    import uvloop

    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    gc.disable()
    # A thread takes generations over: the loop is to have its turn soon.
    sys.setswitchinterval(SWITCH_EVERY)
    worker = Worker(
        settings,
        board=board,
        slot=slot,
        address=address,
        certificate=certificate,
        key=key,
        lookups=lookups,
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(worker.run(sock))

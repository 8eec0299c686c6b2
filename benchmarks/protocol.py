"""A request's whole way through the server without its sockets: bytes in, bytes out.

python -m benchmarks.protocol [--rounds 400]

The same bytes are given, in turns, to the protocol of a server without policies, to its
decision alone, and to the bare protocol that says yes (benchmarks.rivals.bare); CPU
time, the best round and the median of each.  TLS, the event loop and the kernel cost
the same for all of them.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import uvicorn
import uvloop
from uvicorn.server import ServerState

from benchmarks.rivals.bare import Bare
from benchmarks.workloads import LIMITS, REVIEW
from gatewright.app.decider import GenerationDecider
from gatewright.app.generation import Generation
from gatewright.app.installation import Installation
from gatewright.app.sampling import Sampler
from gatewright.app.settings import Settings
from gatewright.app.worker import connection_limits, request_limits
from gatewright.constraints.namespaces import Namespaces
from gatewright.constraints.policyset import Settings as PolicySettings
from gatewright.telemetry.board import Board
from gatewright.telemetry.log import Log
from gatewright.webhook.app import admission_app
from gatewright.webhook.desk import Desk, Traffic
from gatewright.webhook.fastpath import fast_protocol

#: Requests of one round.
MANY = 50


class Wire(asyncio.Transport):
    """A transport that keeps the last answer."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""

    def write(self, data: Any) -> None:
        self.sent = data

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        raise RuntimeError(f"closed after {self.sent!r}")

    def pause_reading(self) -> None:
        return

    def resume_reading(self) -> None:
        return


def without_policies() -> Generation:
    """What a worker holds when there is no policy: the review's namespace alone."""
    installation = Installation(PolicySettings(), namespace="gatekeeper-system")
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    installation.apply({("", "Namespace", "", "shop"): namespace})
    held = installation.policies
    held.inventory.commit()
    return Generation(
        1,
        installation.build(),
        limits=LIMITS,
        inventory=held.inventory.replica(),
        namespaces=Namespaces(held.namespaces),
    )


def decider() -> GenerationDecider:
    board = Board(1)
    board.set_word(Board.GENERATION, 1)
    return GenerationDecider.of(
        board,
        Settings(Path()),
        held={1: without_policies()},
        sampler=Sampler(board.costs(0), Log("bench")),
    )


def protocol(loop: asyncio.AbstractEventLoop) -> Any:
    """Our protocol as a worker has it, on a wire of its own."""
    limits = Settings(Path()).limits
    board = Board(1)
    desk = Desk(
        "admit",
        decider=decider(),
        limits=request_limits(limits),
        traffic=Traffic(),
        slot=board.slot(0),
        pool=ThreadPoolExecutor(1),
        log=Log("bench"),
    )
    kind = fast_protocol(connection_limits(limits), board.slot(0), {"admit": desk})
    config = uvicorn.Config(
        admission_app({"admit": desk}),
        http=kind,
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
    )
    config.load()
    state = ServerState()
    state.default_headers = [(b"date", b"Sat, 01 Mar 2026 10:00:00 GMT")]
    return kind(config, state, {}, loop)


def request() -> bytes:
    """What an API server sends, as one read finds it."""
    body = REVIEW.read_bytes()
    return (
        b"POST /v1/admit?timeout=3s HTTP/1.1\r\nHost: webhook.gatekeeper-system.svc:443\r\n"
        b"User-Agent: kube-apiserver-admission\r\nContent-Length: %d\r\n"
        b"Accept: application/json, */*\r\nContent-Type: application/json\r\n"
        b"Accept-Encoding: gzip\r\n\r\n%b" % (len(body), body)
    )


def subjects(loop: asyncio.AbstractEventLoop) -> dict[str, Callable[[], None]]:
    """What is measured, by name; each is one round."""
    text, body = request(), REVIEW.read_bytes()
    made = []
    for each in (protocol(loop), Bare()):
        wire = Wire()
        each.connection_made(wire)
        each.data_received(text)
        if b'"allowed":true' not in wire.sent:
            raise RuntimeError(f"not admitted: {wire.sent!r}")
        made.append(each.data_received)
    decide = decider()

    def fed(receive: Callable[[bytes], None]) -> Callable[[], None]:
        def run() -> None:
            for _ in range(MANY):
                receive(text)

        return run

    def decided() -> None:
        for _ in range(MANY):
            work = decide.start("admit", body, "application/json")
            if work is None or not work.advance(1_000_000):
                raise RuntimeError("not decided at once")
            work.answer()
            work.close()

    return {
        "decision": decided,
        "whole request": fed(made[0]),
        "bare protocol": fed(made[1]),
    }


async def measure(rounds: int) -> dict[str, list[float]]:
    """CPU us of one request, by what is measured, of each round."""
    found = subjects(asyncio.get_running_loop())
    gc.collect()
    gc.freeze()  # as workers do
    gc.disable()
    taken: dict[str, list[float]] = {name: [] for name in found}
    for _ in range(rounds):
        for name, run in found.items():
            before = time.process_time_ns()
            run()
            taken[name].append((time.process_time_ns() - before) / 1e3 / MANY)
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=400)
    taken = uvloop.run(measure(parser.parse_args().rounds))
    bare = taken["bare protocol"]
    for name, some in taken.items():
        ratio = statistics.median(a / b for a, b in zip(some, bare, strict=True))
        print(
            f"{name:14} best {min(some):6.1f} us, median {statistics.median(some):6.1f}, "
            f"{ratio:.2f} of the bare protocol"
        )


if __name__ == "__main__":
    main()

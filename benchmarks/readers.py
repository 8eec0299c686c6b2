"""Processes that hold generations as serving ones do, and tell how they fare."""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import mmap
import statistics
import struct
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

from gatewright.app.decider import GenerationDecider
from gatewright.app.processes import fork_child
from gatewright.app.settings import Settings
from gatewright.app.subscription import Subscription
from gatewright.app.worker import SWITCH_EVERY
from gatewright.telemetry.board import Board
from gatewright.telemetry.log import Log

__all__ = ["Reader", "Row"]

TICK = 0.001
ROUNDS = 3000
#: Numbers shared with a reader: longest stall (s); an order (1: decide); then p50, p99
#: and CPU of a decision (us), and whether it was allowed.
STALL, ORDER, P50, P99, CPU, ALLOWED = range(6)
BODY = 4096


@dataclass(frozen=True, slots=True)
class Row:
    """A decision, in microseconds."""

    p50: float
    p99: float
    cpu: float
    allowed: bool


class Reader:
    """One process, as the program that started it sees it."""

    def __init__(self, pid: int, memory: mmap.mmap) -> None:
        self.pid = pid
        self.shared = memory
        self.cells = memoryview(memory)[:64].cast("d")

    @classmethod
    def start(
        cls, settings: Settings, board: Board, *, slot: int, address: str
    ) -> Reader:
        memory = mmap.mmap(-1, BODY + (64 << 10))

        def main() -> int:
            gc.disable()
            sys.setswitchinterval(SWITCH_EVERY)
            uvloop.run(Life(settings, board, slot, address, memory).run())
            return 0

        return cls(fork_child(f"reader-{slot}", main), memory)

    def stall(self) -> float:
        """The longest stall since this was asked last, in ms."""
        time.sleep(0.05)
        found = self.cells[STALL]
        self.cells[STALL] = 0.0
        return found * 1e3

    def decide(self, obj: dict[str, Any]) -> Row:
        """Have it decide a creation, again and again."""
        body = json.dumps(obj).encode()
        self.shared[BODY : BODY + 4 + len(body)] = struct.pack("I", len(body)) + body
        self.cells[ORDER] = 1.0
        while self.cells[ORDER]:
            time.sleep(0.01)
        cells = self.cells
        return Row(cells[P50], cells[P99], cells[CPU], bool(cells[ALLOWED]))

    def memory(self) -> dict[str, int]:
        """Bytes: `pss`, and `private`, which nobody shares."""
        out = {"pss": 0, "private": 0}
        for line in Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name == "Pss":
                out["pss"] += int(rest.split()[0]) << 10
            elif name.startswith("Private"):
                out["private"] += int(rest.split()[0]) << 10
        return out


class Life:
    """The same process from inside."""

    def __init__(
        self,
        settings: Settings,
        board: Board,
        slot: int,
        address: str,
        memory: mmap.mmap,
    ) -> None:
        self.generations = Subscription(
            settings, board=board, slot=slot, address=address, log=Log("reader")
        )
        self.decider = GenerationDecider.of(board, settings, held=self.generations.held)
        self.shared = memory
        self.cells = memoryview(memory)[:64].cast("d")
        self.numbers = itertools.count()

    async def run(self) -> None:
        follows = asyncio.create_task(self.generations.follow())
        await asyncio.gather(follows, self.tick())

    async def tick(self) -> None:
        task = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
        with task.open("rb", buffering=0) as queue:
            before, waited = time.monotonic(), waiting(queue)
            while True:
                await asyncio.sleep(TICK)
                now, then = time.monotonic(), waiting(queue)
                stall = now - before - (then - waited) - TICK
                self.cells[STALL] = max(self.cells[STALL], stall)
                if self.cells[ORDER]:
                    self.decide()
                    self.cells[ORDER] = 0.0
                    now, then = time.monotonic(), waiting(queue)
                before, waited = now, then

    def decide(self) -> None:
        (size,) = struct.unpack("I", self.shared[BODY : BODY + 4])
        obj = json.loads(self.shared[BODY + 4 : BODY + 4 + size])
        bodies = [self.review(obj) for _ in range(ROUNDS)]
        times = []
        answer = b""
        cpu = time.thread_time_ns()
        for body in bodies:
            started = time.perf_counter_ns()
            work = self.decider.start("admit", body, "application/json")
            assert work is not None
            while not work.advance(1_000_000):
                pass
            answer = work.answer().body
            work.close()
            times.append((time.perf_counter_ns() - started) / 1e3)
        cells = self.cells
        cells[CPU] = (time.thread_time_ns() - cpu) / len(times) / 1e3
        times.sort()
        cells[P50], cells[P99] = statistics.median(times), times[-len(times) // 100]
        cells[ALLOWED] = float(b'"allowed":true' in answer)

    def review(self, obj: dict[str, Any]) -> bytes:
        number = next(self.numbers)
        group, _, version = obj["apiVersion"].rpartition("/")
        meta = {**obj["metadata"], "name": f"new-{number}"}
        request = {
            "uid": f"u-{number}",
            "kind": {"group": group, "version": version, "kind": obj["kind"]},
            "name": meta["name"],
            "namespace": meta["namespace"],
            "operation": "CREATE",
            "userInfo": {"username": "alice"},
            "object": {**obj, "metadata": meta},
        }
        review = {
            "apiVersion": "admission.k8s.io/v1",
            "kind": "AdmissionReview",
            "request": request,
        }
        return json.dumps(review, separators=(",", ":")).encode()


def waiting(queue: Any) -> float:
    """Seconds that a thread was ready to run and had no core."""
    queue.seek(0)
    return int(queue.read().split()[1]) / 1e9

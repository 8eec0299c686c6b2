"""Which workers are stuck or have grown too large.

A worker beats on the board from its event loop. One that has been silent for too long
(a builtin that holds the interpreter, a lock that is never given back) is killed, and
the supervisor replaces it as any that dies. One whose own memory is over the limit is
asked to drain first, one at a time; what the workers share (policies, data) does not
count.
"""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from gatewright.telemetry.board import Board
from gatewright.telemetry.log import Log

__all__ = ["Watchdog", "own_memory"]

#: Seconds between looks of the supervisor.
LOOK_EVERY: Final = 2.0


class Watched(Protocol):
    """A place in the family whose process is looked after."""

    name: str
    slot: int
    pid: int
    worker: bool


def own_memory(pid: int) -> int:
    """Bytes that are a process's own; 0 when it is gone."""
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except (OSError, ValueError):
        return 0
    for line in text.splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) << 10
    return 0


@dataclass(slots=True)
class Watchdog:
    """`silence` (s) and `memory` (bytes) are what a worker may come to, 0: anything.
    A worker that was asked to drain has `drain_time` (s) for it."""

    board: Board
    silence: float
    memory: int
    drain_time: float
    log: Log
    look_every: float = LOOK_EVERY
    _draining: dict[int, float] = field(default_factory=dict)

    def look(self, roles: list[Watched]) -> None:
        """End what must not go on."""
        now = time.monotonic()
        workers = [role for role in roles if role.worker and role.pid]
        alive = {role.pid for role in workers}
        self._draining = {p: end for p, end in self._draining.items() if p in alive}
        for role in workers:
            silent = self.board.silence(role.slot)
            if self.silence and silent > self.silence:
                self.kill(role, "its event loop stands still", seconds=round(silent, 1))
            elif now > self._draining.get(role.pid, now):
                self.kill(role, "it does not drain", seconds=self.drain_time)
            elif self.memory and not self._draining:
                self.weigh(role, now)

    def kill(self, role: Watched, why: str, **fields: float) -> None:
        self.log.error(
            "process is stuck and is killed",
            process=role.name,
            pid=role.pid,
            why=why,
            **fields,
        )
        os.kill(role.pid, signal.SIGKILL)

    def weigh(self, role: Watched, now: float) -> None:
        used = own_memory(role.pid)
        if used <= self.memory:
            return
        self.log.error(
            "process has grown over its memory limit and is drained",
            process=role.name,
            pid=role.pid,
            bytes=used,
            limit=self.memory,
        )
        self._draining[role.pid] = now + self.drain_time
        os.kill(role.pid, signal.SIGTERM)

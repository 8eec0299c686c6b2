"""Who runs, who is replaced and when all ends.

One loop, woken by signals and a clock.  A child that ends unasked is replaced,
at once the first time, later with a growing pause; one that lived a while counts
as healthy again.  What the watchdog ends is replaced likewise.  SIGTERM or SIGINT drains: workers finish what they have and
leave, the rest follows; a second signal, or the drain time, ends everything.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Final

from gatewright.app.processes import fork_child
from gatewright.app.watchdog import Watchdog
from gatewright.telemetry.board import Board
from gatewright.telemetry.log import Log
from gatewright.telemetry.metrics import place

__all__ = ["Role", "Supervisor"]

FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 5.0
HEALTHY_AFTER: Final = 30.0


@dataclass(slots=True)
class Role:
    """One place in the family: `main` runs in the child; `worker` ones are
    drained first; one that runs `once` is not replaced; `module` is imported before
    the child is forked, so that it shares it, and not before those of other roles are
    on their way.  The rest is the supervisor's book-keeping."""

    name: str
    slot: int
    main: Callable[[], int]
    worker: bool = False
    once: bool = False
    module: str = ""
    pid: int = 0
    started: float = 0.0
    pause: float = 0.0
    due: float = 0.0


class Supervisor:
    """Runs `roles` until a signal ends them.  Roles start in their order."""

    def __init__(
        self,
        roles: list[Role],
        *,
        board: Board,
        drain_time: float,
        delay: float = 0.0,
        log: Log,
        watchdog: Watchdog | None = None,
    ) -> None:
        self.roles = roles
        self.board = board
        self.drain_time = drain_time
        self.delay = delay
        self.log = log
        self.slot = board.slot(0)
        self.restarts = place("gatewright_worker_restarts_total").start
        self.watchdog = watchdog
        self.stopping = 0

    def run(self) -> int:
        """The exit status: 0 after a drain, 1 after a second signal."""
        with self.signals() as wake:
            for role in self.roles:
                self.start(role)
            while not self.stopping:
                self.wait(wake, self.next_due())
                self.reap()
                if self.watchdog is not None and not self.stopping:
                    self.watchdog.look([*self.roles])
                self.start_due()
            return self.drain(wake)

    @contextmanager
    def signals(self) -> Iterator[socket.socket]:
        """Signals become bytes on a socket; SIGTERM and SIGINT are counted."""
        read, write = socket.socketpair()
        read.setblocking(False)
        write.setblocking(False)
        before = signal.set_wakeup_fd(write.fileno(), warn_on_full_buffer=False)
        handlers = {
            signal.SIGTERM: self.on_stop,
            signal.SIGINT: self.on_stop,
            signal.SIGCHLD: lambda *_: None,
        }
        kept = {number: signal.signal(number, h) for number, h in handlers.items()}
        try:
            yield read
        finally:
            for number, handler in kept.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(before)
            read.close()
            write.close()

    def on_stop(self, *_: object) -> None:
        self.stopping += 1

    def start(self, role: Role) -> None:
        if role.module:
            import_module(role.module)
        role.pid = fork_child(role.name, role.main)
        role.started = time.monotonic()
        self.log.info("process started", process=role.name, pid=role.pid)

    def wait(self, wake: socket.socket, timeout: float | None) -> None:
        select.select([wake], [], [], timeout)
        try:
            wake.recv(4096)
        except BlockingIOError:
            return

    def next_due(self) -> float | None:
        waiting = [role.due for role in self.roles if not role.pid and not role.once]
        due = max(0.0, min(waiting) - time.monotonic()) if waiting else None
        if self.watchdog is None:
            return due
        every = self.watchdog.look_every
        return every if due is None else min(due, every)

    def reap(self) -> None:
        """Take note of every child that has ended, and when to replace it."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            for role in self.roles:
                if role.pid == pid:
                    self.ended(role, status)

    def ended(self, role: Role, status: int) -> None:
        now = time.monotonic()
        if now - role.started > HEALTHY_AFTER:
            role.pause = 0.0
        pid, role.pid = role.pid, 0
        role.due = now + role.pause
        role.pause = min(LONGEST_PAUSE, max(FIRST_PAUSE, role.pause * 2))
        self.board.clear_gauges(role.slot)
        if self.stopping or role.once:
            return
        code = os.waitstatus_to_exitcode(status)
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"status {code}"
        self.log.error(
            "process ended unasked and is replaced",
            process=role.name,
            pid=pid,
            how=how,
            pause_seconds=round(role.due - now, 3),
        )
        if role.worker:
            self.slot.add(self.restarts)

    def start_due(self) -> None:
        if self.stopping:
            return
        now = time.monotonic()
        for role in self.roles:
            if not role.pid and not role.once and role.due <= now:
                self.start(role)

    def drain(self, wake: socket.socket) -> int:
        """Workers first, so that status and policies are there to the end."""
        self.log.info("draining", seconds=self.drain_time)
        self.board.set_word(Board.DRAINING, 1)
        workers = [role for role in self.roles if role.worker]
        others = [role for role in self.roles if not role.worker]
        asked = self.stopping
        self.linger(wake, asked)
        end = time.monotonic() + self.drain_time
        for group in (workers, others):
            self.send(group, signal.SIGTERM)
            while any(role.pid for role in group) and self.stopping == asked:
                left = end - time.monotonic()
                if left <= 0:
                    break
                self.wait(wake, min(left, 1.0))
                self.reap()
        cut = [role.name for role in self.roles if role.pid]
        self.send(self.roles, signal.SIGKILL)
        for role in self.roles:
            if role.pid:
                os.waitpid(role.pid, 0)
        self.log.info("stopped", killed=cut)
        return 1 if self.stopping > asked else 0

    def linger(self, wake: socket.socket, asked: int) -> None:
        """Go on answering until callers have heard that this pod is not ready."""
        end = time.monotonic() + self.delay
        while (left := end - time.monotonic()) > 0 and self.stopping == asked:
            self.wait(wake, min(left, 1.0))
            self.reap()

    def send(self, roles: list[Role], number: signal.Signals) -> None:
        for role in roles:
            if role.pid:
                os.kill(role.pid, number)

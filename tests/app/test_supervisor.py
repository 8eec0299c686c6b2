"""The family of processes: replaced when dead, drained, never orphaned."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

FAMILY = """
import os, signal, sys, time
from gatewright.app.supervisor import Role, Supervisor
from gatewright.app.watchdog import Watchdog
from gatewright.telemetry.board import Board
from gatewright.telemetry.log import Log

def work():
    done = []
    signal.signal(signal.SIGTERM, lambda *_: done.append(1))
    print("up", os.getpid(), flush=True)
    while not done:
        time.sleep(0.02)
    print("drained", os.getpid(), flush=True)
    return 0

board = Board(2)
roles = [Role("worker", 1, work, worker=True)]
log = Log("test")
watchdog = None
supervisor = Supervisor(
    roles, board=board, drain_time=5, log=log, watchdog=watchdog
)
sys.exit(supervisor.run())
"""
WATCHED = """watchdog = Watchdog(
    board, silence=SILENCE, memory=MEMORY, drain_time=30, log=log, look_every=0.02
)"""


def start(
    first: str = "", *, silence: float = 0, memory: int = 0
) -> subprocess.Popen[str]:
    """A family whose first worker does `first` before it works."""
    dog = WATCHED.replace("SILENCE", str(silence)).replace("MEMORY", str(memory))
    text = FAMILY.replace(
        "    while not done:", f"    {first or 'pass'}\n    while not done:"
    )
    text = text.replace("watchdog = None", dog)
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(text)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def line(family: subprocess.Popen[str], word: str) -> int:
    """The process id on the next line, which begins with `word`."""
    assert family.stdout is not None
    got, pid = family.stdout.readline().split()
    assert word == got
    return int(pid)


def close(family: subprocess.Popen[str]) -> None:
    assert family.stdout is not None
    family.stdout.close()


def gone(pid: int) -> bool:
    for _ in range(250):
        if not Path(f"/proc/{pid}").exists():
            return True
        time.sleep(0.02)
    return False


def test_replaces_a_dead_child_and_drains() -> None:
    """A killed child is replaced; SIGTERM lets the child finish and exits 0."""
    family = start()
    first = line(family, "up")
    os.kill(first, signal.SIGKILL)
    second = line(family, "up")

    family.terminate()

    assert first != second
    assert second == line(family, "drained")
    assert family.wait(10) == 0
    close(family)


def test_no_child_outlives_the_supervisor() -> None:
    """Killing the supervisor takes the children with it."""
    family = start()
    child = line(family, "up")

    family.kill()
    family.wait(10)

    assert gone(child)
    close(family)


def test_a_worker_that_falls_silent_is_killed_and_replaced() -> None:
    """It has beaten once and does not heed SIGTERM."""
    family = start("board.beat(1)", silence=0.3)
    first = line(family, "up")
    second = line(family, "up")

    assert first != second
    assert gone(first)
    family.kill()
    family.wait(10)
    assert gone(second)
    close(family)


def test_a_worker_that_has_never_beaten_is_left_alone() -> None:
    """One that waits for its first policies is not silent."""
    family = start(silence=0.05)
    first = line(family, "up")
    time.sleep(0.5)

    family.terminate()

    assert first == line(family, "drained")
    assert family.wait(10) == 0
    close(family)


def test_a_worker_that_has_grown_is_drained_and_replaced() -> None:
    family = start("kept = bytearray(os.urandom(64 << 20))", memory=48 << 20)
    first = line(family, "up")

    assert first == line(family, "drained")
    assert first != line(family, "up")
    family.kill()
    family.wait(10)
    close(family)

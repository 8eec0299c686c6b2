"""Leaves processes a part of one core only: by a cgroup, or by stopping them in turns."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

PERIOD = 0.1


def family(pid: int) -> list[int]:
    """A process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in family(int(child)))]


@contextlib.contextmanager
def starving(pid: int, share: float) -> Iterator[str]:
    """While this lasts the family of `pid`, those born meanwhile too, has `share` of
    a core; yields how that is done."""
    with contextlib.ExitStack() as undo:
        try:
            yield undo.enter_context(grouped(pid, share))
        except NoGroup:
            yield undo.enter_context(stopped_in_turns(pid, share))


class NoGroup(Exception):
    """No cgroup can be made here."""


def _limited(folder: Path, share: float) -> None:
    period = int(PERIOD * 1e6)
    if (folder / "cpu.max").exists():
        (folder / "cpu.max").write_text(f"{int(share * period)} {period}")
    else:
        (folder / "cpu.cfs_period_us").write_text(str(period))
        (folder / "cpu.cfs_quota_us").write_text(str(int(share * period)))


def _home(pid: int) -> Path:
    """The cgroup that a process is in now, as far as CPU goes."""
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, kinds, path = line.split(":", 2)
        if "cpu" in kinds.split(","):
            return Path("/sys/fs/cgroup/cpu" + path)
        if not kinds and Path("/sys/fs/cgroup/cgroup.controllers").exists():
            return Path("/sys/fs/cgroup" + path)
    raise NoGroup


@contextlib.contextmanager
def grouped(pid: int, share: float) -> Iterator[str]:
    try:
        home = _home(pid)
        folder = home / f"starving-{os.getpid()}-{pid}"
        folder.mkdir()
    except (OSError, NoGroup) as error:
        raise NoGroup from error
    try:
        try:
            _limited(folder, share)
            for one in family(pid):
                (folder / "cgroup.procs").write_text(str(one))
        except OSError as error:
            raise NoGroup from error
        yield "cgroup"
    finally:
        for text in (folder / "cgroup.procs").read_text().split():
            with contextlib.suppress(OSError):  # it may have ended
                (home / "cgroup.procs").write_text(text)
        folder.rmdir()


@contextlib.contextmanager
def stopped_in_turns(pid: int, share: float) -> Iterator[str]:
    ended = threading.Event()

    def turn() -> None:
        while not ended.is_set():
            held = family(pid)
            _send(held, signal.SIGSTOP)
            time.sleep(PERIOD * (1 - share))
            _send(held, signal.SIGCONT)
            time.sleep(PERIOD * share)

    thread = threading.Thread(target=turn, daemon=True)
    thread.start()
    try:
        yield "stopped in turns"
    finally:
        ended.set()
        thread.join(5)


def _send(pids: list[int], what: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, what)

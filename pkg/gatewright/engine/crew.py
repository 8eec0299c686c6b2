"""A list of jobs done by several processes: this one and forks of it.

Compiling is Python, which uses one core.  A fork costs some milliseconds and shares
what is loaded; what a job gives are bytes, left in memory files, so that nobody waits
for a reader.  Jobs are taken one by one by whoever is free.

A fork is only safe, and only of use, where this process has one thread and there are
cores for more; else all jobs are done here.  A fork that ends early, or can't be made,
leaves jobs undone: the caller does those that it needs.
"""

from __future__ import annotations

import gc
import os
import signal
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Final

__all__ = ["PROCESSES", "do_jobs", "processes"]

#: The environment's name for the most processes, this one included: 1 is no fork.
PROCESSES: Final = "GATEWRIGHT_COMPILE_PROCESSES"
#: As many by default: each takes memory of its own for what it compiles.
_MOST: Final = 4
#: Jobs for which another process is worth its while.
_EACH: Final = 4
#: Jobs of one list; more stay undone. Their numbers fit into a pipe, two bytes each.
_JOBS: Final = 8192
_RECORD: Final = struct.Struct("=IQ")


def processes(jobs: int) -> int:
    """How many processes so many jobs are for, this one included."""
    try:
        most = int(os.environ.get(PROCESSES, _MOST))
        threads = len(os.listdir("/proc/self/task"))
    except (OSError, ValueError):
        return 1
    if threads != 1:
        return 1
    return max(1, min(most, len(os.sched_getaffinity(0)), jobs // _EACH))


def do_jobs(jobs: int, do: Callable[[int], bytes | None]) -> Mapping[int, bytes]:
    """What `do` gives for each number below `jobs`, without those that give nothing,
    or were not done.  Empty where this process would be alone: it gains nothing.

    `do` must not raise.  Numbers are taken in order.
    """
    count = processes(jobs)
    if count < 2:
        return {}
    todo, give = os.pipe()
    os.write(give, b"".join(_number(job) for job in range(min(jobs, _JOBS))))
    os.close(give)  # so that the last one is followed by the end
    forks: list[tuple[int, int]] = []
    done: dict[int, bytes] = {}
    try:
        for _ in range(count - 1):
            fork = _fork(todo, do)
            if fork is None:
                break
            forks.append(fork)
        for job in _taken(todo):
            data = do(job)
            if data is not None:
                done[job] = data
    except BaseException:  # as `do` does not: what is left nobody needs any more
        for process, _ in forks:
            os.kill(process, signal.SIGKILL)
        raise
    finally:
        os.close(todo)
        for process, file in forks:
            _wait(process)
            done.update(_records(file))
    return done


def _number(job: int) -> bytes:
    return job.to_bytes(2, "little")


def _taken(todo: int) -> Iterator[int]:
    while number := os.read(todo, 2):
        yield int.from_bytes(number, "little")


def _fork(todo: int, do: Callable[[int], bytes | None]) -> tuple[int, int] | None:
    """A fork that takes jobs, and the file that it writes; None: there is none."""
    parent = os.getpid()
    try:
        file = os.memfd_create("gatewright-jobs", os.MFD_CLOEXEC)
    except OSError:
        return None
    try:
        process = os.fork()
    except OSError:
        os.close(file)
        return None
    if process:
        return process, file
    status = 1
    try:
        # What signals mean here is no business of the process that we were.
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        gc.freeze()  # what is shared stays so
        for job in _taken(todo):
            if os.getppid() != parent:
                break
            data = do(job)
            if data is not None:
                _write(file, _RECORD.pack(job, len(data)) + data)
        status = 0
    finally:
        # Neither what waits in buffers nor what runs at exit is ours.
        os._exit(status)


def _write(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


def _wait(process: int) -> None:
    try:
        os.waitpid(process, 0)
    except ChildProcessError:
        return  # somebody else has seen its end


def _records(file: int) -> Iterator[tuple[int, bytes]]:
    """The whole records of a file, which is closed."""
    with open(file, "rb") as records:
        records.seek(0)
        while head := records.read(_RECORD.size):
            if len(head) < _RECORD.size:
                return
            job, size = _RECORD.unpack(head)
            data = records.read(size)
            if len(data) < size:
                return
            yield job, data

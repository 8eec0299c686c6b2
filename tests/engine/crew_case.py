"""What `test_crew` runs in a process of its own, which has one thread: a name of a
function below; prints what it found as JSON."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from gatewright.engine import crew

PARENT = os.getpid()


def named(job: int) -> bytes:
    return f"{job} {os.getpid()} ".encode() + bytes(100_000)


def shared() -> Any:
    """Jobs that wait until all processes have one."""
    begun = {False: os.pipe(), True: os.pipe()}
    met = set[bool]()

    def do(job: int) -> bytes:
        mine = os.getpid() == PARENT
        if mine not in met:
            met.add(mine)
            os.write(begun[mine][1], b".")
            os.read(begun[not mine][0], 1)
        return named(job)

    done = crew.do_jobs(20, do)
    words = [data[:40].split() for data in done.values()]
    return {
        "jobs": sorted(done),
        "named": sorted(int(word[0]) for word in words),
        "sizes": [len(data) > 100_000 for data in done.values()],
        "processes": len({word[1] for word in words}),
    }


def fruitless() -> Any:
    """Every third job gives nothing."""
    return sorted(crew.do_jobs(20, lambda job: None if job % 3 == 0 else named(job)))


def killed() -> Any:
    """A fork dies in its second job; the parent waits for that to begin."""
    dying, died = os.pipe()
    taken: list[int] = []

    def do(job: int) -> bytes:
        taken.append(job)
        if os.getpid() != PARENT and len(taken) == 2:
            os.write(died, bytes([job]))
            os.kill(os.getpid(), signal.SIGKILL)
        if os.getpid() == PARENT and len(taken) == 1:
            lost.append(os.read(dying, 1)[0])
        return named(job)

    lost: list[int] = []
    done = crew.do_jobs(20, do)
    return sorted({*range(20)} - {*done}) == lost


def raising() -> Any:
    """What should not be: the job of the parent raises. No process is left."""
    if_forked, forked = os.pipe()

    def do(job: int) -> bytes:
        if os.getpid() == PARENT:
            os.read(if_forked, 1)
            raise KeyError(job)
        os.write(forked, b".")
        signal.pause()
        return b""

    try:
        crew.do_jobs(20, do)
    except KeyError:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return "none left"
    return "wrong"


def refused() -> Any:
    """No process can be made."""

    def fork() -> int:
        raise BlockingIOError

    os.fork = fork
    return sorted(crew.do_jobs(20, named))


def alone() -> Any:
    """Too few jobs, one core, one process allowed, not a number, a thread."""
    found = [crew.processes(7), crew.processes(8)]
    os.environ[crew.PROCESSES] = "1"
    found.append(crew.processes(8))
    os.environ[crew.PROCESSES] = "many"
    found.append(crew.processes(8))
    del os.environ[crew.PROCESSES]
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    found.append(crew.processes(8))
    done = crew.do_jobs(8, named)
    end.set()
    thread.join()
    os.sched_getaffinity = lambda _: {0}
    found.append(crew.processes(8))
    return [found, len(done)]


CASES: dict[str, Callable[[], Any]] = {
    one.__name__: one for one in (shared, fruitless, killed, raising, refused, alone)
}

if __name__ == "__main__":
    os.sched_getaffinity = lambda _: {0, 1}
    print(json.dumps(CASES[sys.argv[1]]()))

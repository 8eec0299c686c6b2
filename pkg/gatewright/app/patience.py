"""How long the policy process works at one thing before it gives up.

A policy can be made to compile for hours (a type that doubles forty times), and
nothing else would be read meanwhile.  Time is the process's own CPU time, so a
busy machine refuses nothing that an idle one takes.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["OutOfPatience", "patience"]


class OutOfPatience(Exception):
    """It took longer than it may."""


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Raise OutOfPatience in the block after `seconds` of CPU time.

    For the main thread of a process that uses SIGVTALRM for nothing else.
    """
    armed = True

    def over(*_: object) -> None:
        if armed:
            raise OutOfPatience(f"it takes more than {seconds:g} s of CPU time")

    before = signal.signal(signal.SIGVTALRM, over)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        armed = False
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)

"""Names to addresses, without waiting longer than the query may.

The system's resolver cannot be stopped, so it runs in a thread of its own, which is
left alone when the time is over.
"""

from __future__ import annotations

import queue
import socket
import threading
import time
from typing import Any, Final

from gatewright.engine.library.budget import OverBudget, cancelled, time_left

__all__ = ["POLL", "resolve", "stop_if_cancelled"]

#: Seconds between looks at whether the query was cancelled.
POLL: Final = 0.05
#: Look-ups under way at most; a resolver that hangs must not eat up the process.
_MOST: Final = threading.BoundedSemaphore(32)


def stop_if_cancelled() -> None:
    """Raise OverBudget when the query was cancelled or its deadline has passed."""
    if cancelled():
        raise OverBudget("cancelled")


def resolve(host: str, port: int | None, *, timeout: float) -> list[Any]:
    """Return what `socket.getaddrinfo` does for TCP.

    Raises OSError, UnicodeError; TimeoutError after `timeout` s; OverBudget.
    """
    if not _MOST.acquire(blocking=False):
        raise TimeoutError("too many look-ups are under way")
    answers: queue.SimpleQueue[list[Any] | Exception] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            answers.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answers.put(error)
        finally:
            _MOST.release()

    threading.Thread(target=look_up, name=f"lookup {host[:40]}", daemon=True).start()
    end = time.monotonic() + timeout
    while True:
        stop_if_cancelled()
        left = min(end - time.monotonic(), POLL, time_left() or POLL)
        try:
            answer = answers.get(timeout=max(left, 0.0))
        except queue.Empty:
            if time.monotonic() >= end:
                raise TimeoutError from None
            continue
        if isinstance(answer, Exception):
            raise answer
        return answer

"""How long a request waited before it was read.

A process that was stopped or starved of CPU finds requests that have been lying in the
kernel's buffers, and their time runs since they arrived.  The kernel knows when that
was, but asking takes 3 us; so it is asked only while the event loop has not run as it
should, which a beat shows.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from time import monotonic
from typing import Any, Final

__all__ = ["BEAT_EVERY", "Pulse"]

BEAT_EVERY: Final = 0.05
#: A beat that is so late (s) means that requests may have waited.
LATE: Final = 0.05
#: How long (s) after a late beat requests are doubted: longer than the loop needs to
#: read what had come.
DOUBTED: Final = 1.0
#: tcpi_last_data_recv of Linux' struct tcp_info: milliseconds since data came.
_LAST_DATA: Final = 8 + 4 * 11


class Pulse:
    """Beats on an event loop once it is started; before that nothing is doubted."""

    __slots__ = ("_loop", "_tell", "_timer", "doubted_until", "last")

    def __init__(self) -> None:
        self.last = float("inf")
        self.doubted_until = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._tell: Callable[[], None] = lambda: None

    def start(
        self, loop: asyncio.AbstractEventLoop, tell: Callable[[], None] = lambda: None
    ) -> None:
        """Beat from now on; `tell` is called with each beat."""
        self._loop = loop
        self._tell = tell
        self.last = monotonic()
        self._timer = loop.call_later(BEAT_EVERY, self._beat)

    def stop(self) -> None:
        """Beat no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _beat(self) -> None:
        now = monotonic()
        if now - self.last > BEAT_EVERY + LATE:
            self.doubted_until = now + DOUBTED
        self.last = now
        self._tell()
        assert self._loop is not None
        self._timer = self._loop.call_later(BEAT_EVERY, self._beat)

    def waited(self, now: float, transport: Any) -> float:
        """Seconds that what was just read had waited; `transport` has the socket."""
        # Late beats are looked for here, too: the loop may read before it beats.
        if now - self.last <= BEAT_EVERY + LATE and now >= self.doubted_until:
            return 0.0
        return age(transport)


def age(transport: Any) -> float:
    """Seconds since the peer's last data came; 0 where the kernel does not say."""
    sock = transport.get_extra_info("socket")
    if sock is None:
        return 0.0
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LAST_DATA + 4)
    except OSError:  # not TCP
        return 0.0
    (milliseconds,) = struct.unpack_from("I", info, _LAST_DATA)
    return float(milliseconds) / 1000.0

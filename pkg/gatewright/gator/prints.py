"""What policies print, kept until it is shown, up to a limit."""

from __future__ import annotations

from typing import Final

from gatewright.engine.binding import Binding
from gatewright.engine.prints import PrintOutput

__all__ = ["PrintBuffer"]

#: Bytes kept of one run; what comes after is dropped.
_LIMIT: Final = 1 << 20
_TRUNCATED: Final = "\n... additional print output truncated ...\n"


class PrintBuffer:
    """Collects the lines of print(); `binding` is what an image is given for it."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._truncated = False
        self.binding = Binding(PrintOutput(self._write).functions)

    def _write(self, line: str) -> None:
        data = line.encode("utf-8", "surrogateescape")
        room = _LIMIT - len(self._kept)
        self._kept += data[:room]
        self._truncated = self._truncated or len(data) > room

    def take(self) -> str:
        """Return what was printed, and start anew."""
        text = self._kept.decode("utf-8", "replace")
        if self._truncated:
            text += _TRUNCATED
        self._kept.clear()
        self._truncated = False
        return text

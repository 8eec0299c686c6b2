"""The counters of all processes, in memory that they share.

The supervisor makes one board before it forks.  Each process writes only to its
own slot, a row of 64-bit floats, so no lock is needed; readers add the rows up.
A process that replaces a dead one takes over its slot and counts on.

Behind the rows lie a few words that all processes read: the number of the
generation in force and flags.  Eight aligned bytes are written at once.  What each
constraint costs comes last (see `costs`).
"""

from __future__ import annotations

import mmap
import struct
import time
from bisect import bisect_left
from typing import Final

from gatewright.telemetry.costs import AREA, Costs
from gatewright.telemetry.metrics import CELLS, Series, place

__all__ = ["Board", "Slot"]

_WORDS: Final = 16
_TEXT: Final = 1 << 18  # bytes of the status text


class Slot:
    """One process's row."""

    __slots__ = ("cells",)

    def __init__(self, cells: memoryview[float]) -> None:
        self.cells = cells

    def add(self, cell: int, amount: float = 1.0) -> None:
        """Add to a counter or gauge; `cell` is from `Series.cell`, resolved once."""
        self.cells[cell] += amount

    def set(self, cell: int, value: float) -> None:
        self.cells[cell] = value

    def observe(self, series: Series, cell: int, value: float) -> None:
        """Count one observation of the histogram series that starts at `cell`."""
        buckets = series.metric.buckets
        cells = self.cells
        cells[cell + bisect_left(buckets, value)] += 1
        cells[cell + len(buckets) + 1] += value
        cells[cell + len(buckets) + 2] += 1


class Board:
    """Rows for `slots` processes, shared words and a status text.

    Words: GENERATION is what requests are to be decided under.
    """

    GENERATION: Final = 0
    DRAINING: Final = 1

    def __init__(self, slots: int) -> None:
        self.slots = slots
        size = 8 * (slots * CELLS + _WORDS + slots) + 16 + _TEXT
        self.memory = mmap.mmap(-1, size + slots * AREA)
        view = memoryview(self.memory)
        rows = 8 * slots * CELLS
        self._rows = view[:rows].cast("d")
        self._words = view[rows : rows + 8 * _WORDS].cast("q")
        self._text = view[rows + 8 * _WORDS : rows + 8 * _WORDS + 16 + _TEXT]
        self._beats = view[rows + 8 * _WORDS + 16 + _TEXT : size].cast("q")
        self._costs = view[size:]

    def slot(self, index: int) -> Slot:
        return Slot(self._rows[index * CELLS : (index + 1) * CELLS])

    def costs(self, index: int) -> Costs:
        """What one process's evaluations of constraints cost."""
        return Costs(self._costs[index * AREA : (index + 1) * AREA])

    def clear_gauges(self, index: int) -> None:
        """Forget what a dead process had open; its counters stay."""
        self._beats[index] = 0
        row = self.slot(index).cells
        for name in ("gatewright_requests_in_flight", "gatewright_connections_open"):
            row[place(name).start] = 0.0

    def row(self, index: int) -> memoryview[float]:
        return self._rows[index * CELLS : (index + 1) * CELLS]

    def word(self, index: int) -> int:
        return int(self._words[index])

    def set_word(self, index: int, value: int) -> None:
        self._words[index] = value

    def beat(self, index: int) -> None:
        """Say that a process is well; all of a machine share the clock."""
        self._beats[index] = time.monotonic_ns()

    def silence(self, index: int) -> float:
        """Seconds since a process's last beat; 0 before its first."""
        last = self._beats[index]
        return (time.monotonic_ns() - last) / 1e9 if last else 0.0

    # The status text has one writer, the policy process.  Two numbers guard it:
    # odd while it is being written, so that a reader takes only whole texts.

    def set_status(self, text: bytes) -> None:
        """Publish a text (JSON); raises ValueError beyond 256 KiB."""
        if len(text) > _TEXT:
            raise ValueError(f"status of {len(text)} bytes is over {_TEXT}")
        (turn,) = struct.unpack_from("q", self._text)
        struct.pack_into("q", self._text, 0, turn + 1)
        struct.pack_into("q", self._text, 8, len(text))
        self._text[16 : 16 + len(text)] = text
        struct.pack_into("q", self._text, 0, turn + 2)

    def status(self) -> bytes:
        """The last whole text published; empty before the first."""
        while True:
            before, size = struct.unpack_from("qq", self._text)
            text = bytes(self._text[16 : 16 + size])
            (after,) = struct.unpack_from("q", self._text)
            if before == after and not before % 2:
                return text

"""What each constraint costs: sampled evaluations, counted in memory that is shared.

Constraints come and go, so their series have no place of their own in the table of
metrics.  Each process has a fixed number of rows instead, a constraint's name in each:
this is the bound on the number of series.  Whatever finds no row is counted in the
last one, under the name of none.

A row is written by its process only, and its name before its numbers, so that readers
need no lock.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from typing import Final

__all__ = ["AREA", "OTHERS", "Cost", "Costs", "Named", "summed"]

#: Kind and name of a constraint.
Named = tuple[str, str]

ROWS: Final = 256
NUMBER: Final = 8
#: A kind has at most 63 characters, a name 253.
TEXT: Final = 320
SIZE: Final = TEXT + 4 * NUMBER
#: Bytes that one process needs.
AREA: Final = ROWS * SIZE
#: The name of those that have no row.
OTHERS: Final = ("", "")


@dataclass(slots=True)
class Cost:
    """Of the sampled evaluations: how many, and their seconds and steps.

    `most`: seconds of the longest evaluation seen, one of those counted or not.
    """

    count: float = 0.0
    seconds: float = 0.0
    steps: float = 0.0
    most: float = 0.0

    def add(self, other: Cost) -> None:
        """Take the evaluations of another into this."""
        self.count += other.count
        self.seconds += other.seconds
        self.steps += other.steps
        self.most = max(self.most, other.most)


class Costs:
    """One process's rows; one that replaces a dead process counts on in its rows.

    `memory` has AREA bytes, zeros to begin with.
    """

    def __init__(self, memory: memoryview) -> None:
        self._memory = memory
        #: All of the memory; four of them from `place` on are a constraint's Cost.
        self.numbers: memoryview[float] = memory.cast("d")
        self._rows: dict[Named, int] = {
            named: row
            for row in range(ROWS - 1)
            if (named := self._name(row)) is not None
        }
        self._missed = False

    def _name(self, row: int) -> Named | None:
        at = row * SIZE
        text = bytes(self._memory[at : at + TEXT]).rstrip(b"\0")
        if not text:
            return None
        kind, _, name = text.decode().partition("/")
        return kind, name

    def place(self, named: Named) -> int:
        """Where in `numbers` the four of a constraint begin, until the next `keep`."""
        row = self._rows.get(named)
        if row is None:
            row = self._take(named)
        return (row * SIZE + TEXT) // NUMBER

    def _take(self, named: Named) -> int:
        text = "/".join(named).encode()
        if len(text) <= TEXT:
            taken = set(self._rows.values())
            for row in range(ROWS - 1):
                if row not in taken:
                    at = row * SIZE
                    self._memory[at : at + TEXT] = text.ljust(TEXT, b"\0")
                    self._rows[named] = row
                    return row
            self._missed = True
        return ROWS - 1

    def keep(self, present: Callable[[], Container[Named]]) -> None:
        """Give up the rows of constraints that are gone, if rows are wanted.

        To be called when constraints have changed; `present` gives those there are.
        """
        if not self._missed:
            return
        self._missed = False
        there = present()
        for named in [one for one in self._rows if one not in there]:
            row = self._rows.pop(named)
            at = row * SIZE
            self._memory[at : at + SIZE] = bytes(SIZE)

    def read(self) -> dict[Named, Cost]:
        """What has been counted; OTHERS is there if some found no row."""
        found: dict[Named, Cost] = {}
        for row in range(ROWS):
            at = (row * SIZE + TEXT) // NUMBER
            cost = Cost(*self.numbers[at : at + 4])
            if cost.count or cost.most:
                named = OTHERS if row == ROWS - 1 else self._name(row)
                if named is not None:
                    found[named] = cost
        return found


def summed(costs: Iterable[Costs]) -> dict[Named, Cost]:
    """What all processes have counted, at most ROWS of them by name: those that took
    most time; the rest is in OTHERS."""
    total: dict[Named, Cost] = {}
    for one in costs:
        for named, cost in one.read().items():
            total.setdefault(named, Cost()).add(cost)
    ordered = sorted(
        (named for named in total if named != OTHERS),
        key=lambda named: (-total[named].seconds, named),
    )
    for named in ordered[ROWS - 1 :]:
        total.setdefault(OTHERS, Cost()).add(total.pop(named))
    return total

"""How often each line was evaluated and tried again, and for how long.

The time between two steps belongs to the line of the first.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import methodcaller
from typing import Any, Final

from gatewright.engine.search.events import Event, Op
from gatewright.engine.search.terms import Step
from gatewright.rego import ast

__all__ = ["SORT_ORDER", "LineProfile", "Profile", "sort_order"]

#: By what lines are sorted, most first.
SORT_ORDER: Final = ("total_time_ns", "num_eval", "num_redo", "file", "line")


@dataclass(slots=True)
class LineProfile:
    """One line.  `loc` is where the first expression stands that was evaluated in
    it; `indexes`: the positions in their bodies of all of them."""

    loc: ast.Location
    time_ns: int = 0
    evals: int = 0
    redos: int = 0
    indexes: set[int] = field(default_factory=set)

    def to_json(self) -> dict[str, Any]:
        """The line as `opa` has it in JSON."""
        loc = self.loc
        return {
            "total_time_ns": self.time_ns,
            "num_eval": self.evals,
            "num_redo": self.redos,
            "num_gen_expr": len(self.indexes),
            "location": {"file": loc.file, "row": loc.row, "col": loc.col},
        }

    def key(self, criterion: str) -> Any:
        """What a criterion sorts by."""
        if criterion == "file":
            return self.loc.file
        return {
            "total_time_ns": self.time_ns,
            "num_eval": self.evals,
            "num_redo": self.redos,
            "num_gen_expr": len(self.indexes),
            "line": self.loc.row,
        }[criterion]


class Profile:
    """Listens to one evaluation."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, int], LineProfile] = {}
        self._last: tuple[Op, Step, ast.Location] | None = None
        self._since = 0

    def __call__(self, event: Event) -> None:
        op, node = event.op, event.node
        if (op is Op.EVAL or op is Op.REDO) and type(node) is Step:
            self._close()
            self._last = (op, node, event.loc)
            self._since = time.perf_counter_ns()

    def _close(self) -> None:
        if self._last is None:
            return
        op, step, loc = self._last
        key = (loc.file, loc.row)
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = LineProfile(loc)
        line.time_ns += time.perf_counter_ns() - self._since
        line.indexes.add(step.index)
        if op is Op.EVAL:
            line.evals += 1
        else:
            line.redos += 1
        self._last = None

    def lines(
        self, *, order: Sequence[str] = SORT_ORDER, limit: int = 0
    ) -> list[LineProfile]:
        """The lines by some criteria, the first ones only if there is a limit."""
        self._close()
        found = list(self._lines.values())
        for criterion in reversed(order):
            found.sort(key=methodcaller("key", criterion), reverse=True)
        return found[:limit] if limit > 0 else found


def sort_order(wanted: Sequence[str]) -> list[str]:
    """The criteria wanted, then the usual ones; unknown ones are left out."""
    known = [name for name in wanted if name in (*SORT_ORDER, "num_gen_expr")]
    return [*known, *(name for name in SORT_ORDER if name not in known)]

"""Every step, kept; and the ones that matter."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gatewright.engine.search.events import Event, Op
from gatewright.engine.search.terms import Body, Definition
from gatewright.rego import ast

__all__ = ["Record", "Recorder", "around"]


@dataclass(frozen=True, slots=True)
class Record:
    """One step.  `query` and `parent` number the bodies it happened in.

    `locals`: what variables held, by their names after compilation.
    """

    op: Op
    node: Any
    loc: ast.Location
    query: int
    parent: int
    message: str = ""
    ref: list[Any] | None = None
    locals: Mapping[str, Any] = field(default_factory=dict)


class Recorder:
    """Keeps the steps of one evaluation.

    `values`: the variables too, which takes most of the time.  `limit`: steps are
    kept up to so many, and `cut` is true if there were more.
    """

    #: So many steps take about 300 MB without values.
    LIMIT: Final = 1_000_000

    def __init__(self, *, values: bool = False, limit: int = LIMIT) -> None:
        self.records: list[Record] = []
        self.values = values
        self.limit = limit
        self.cut = False

    def __call__(self, event: Event) -> None:
        if len(self.records) >= self.limit:
            self.cut = True
            return
        op, node, loc, where, message, ref = event
        parent = 0 if where.parent is None else where.parent.id
        held = dict(where.bindings.items()) if self.values else {}
        self.records.append(Record(op, node, loc, where.id, parent, message, ref, held))


def around(records: Sequence[Record], ops: Collection[Op]) -> list[Record]:
    """The steps of some kinds, each with the bodies that led to it in front."""
    kept: list[Record] = []
    last: dict[int, Record] = {}
    for record in records:
        if record.op in ops:
            path = [record]
            current = last.get(record.query)
            before: Record | None = None
            while current is not None and current is not before:
                path.append(current)
                before = current
                current = last.get(current.parent)
            kept += reversed(path)
            last = {}
        if record.op in (Op.ENTER, Op.REDO) and isinstance(
            record.node, (Body, Definition)
        ):
            last[record.query] = record
    return kept

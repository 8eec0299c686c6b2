"""Which values conflict, when definitions of one document disagree.

Evaluation ends with the first two; for the error all definitions are tried again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from gatewright.engine.documents import Doc
from gatewright.engine.errors import CONFLICT_ERROR, EvalError, Place
from gatewright.engine.search.early import Early, Outcome
from gatewright.engine.search.events import Op
from gatewright.engine.search.stack import shortened
from gatewright.engine.search.terms import Definition, equal
from gatewright.engine.values import Value

if TYPE_CHECKING:
    from gatewright.engine.search.ruleindex import Found
    from gatewright.engine.search.steps import Evaluation

__all__ = ["Conflicts"]

_MOST: Final = 10
_FOUND: Final = EvalError(CONFLICT_ERROR, "found")
_ENOUGH: Final = EvalError(CONFLICT_ERROR, "enough")


class Conflicts:
    """Values that differ from the first one, and where they come from."""

    def __init__(self) -> None:
        self.values: list[tuple[Any, Value]] = []
        self.more = False

    def evaluate(
        self, child: Evaluation, definition: Definition
    ) -> tuple[bool, Outcome]:
        """Evaluate a definition once more: whether it gave a value, and how it ended."""
        child.emit(Op.ENTER, definition)
        return self.body(child, definition)

    def body(self, child: Evaluation, definition: Definition) -> tuple[bool, Outcome]:
        produced = False

        def solved(inner: Evaluation) -> Outcome:
            nonlocal produced
            inner.leave(definition)
            produced = True
            end = self._add(definition, inner.bindings.plug(definition.value))
            if end is None:
                inner.emit(Op.REDO, definition)
            return end

        end = child.run(solved)
        if end is _FOUND or (type(end) is Early and end.deferred):
            return produced, None
        return produced, end

    def _add(self, definition: Definition, value: Value) -> Outcome:
        if self.values and equal(self.values[0][1], value):
            return None
        if len(self.values) == _MOST:
            self.more = True
            return _ENOUGH
        self.values.append((definition.loc, value))
        return None if len(self.values) == 1 else _FOUND

    @classmethod
    def listed(
        cls,
        end: EvalError,
        definition: Definition,
        found: Found,
        produce: Callable[[Definition, Conflicts], tuple[bool, Outcome]],
        *,
        errors: list[EvalError] | None = None,
    ) -> Outcome:
        """The error with all conflicting values, if it is this definition's own."""
        loc = definition.loc
        if end.code != CONFLICT_ERROR or end.location != Place(
            loc.file, loc.row, loc.col
        ):
            return end
        before = 0 if errors is None else len(errors)
        conflicts = cls()
        for rule in found.rules:
            produced, failed = produce(rule, conflicts)
            for branch in found.else_.get(id(rule), ()):
                if produced or failed is not None:
                    break
                produced, failed = produce(branch, conflicts)
            if failed is not None:
                break
        if errors is not None:
            del errors[before:]
        if len(conflicts.values) < 2:
            return end
        whole = EvalError(end.code, conflicts.text(end.message), end.location)
        whole.stack = end.stack
        return whole

    def text(self, message: str) -> str:
        lines = [f"{message}:"]
        values = sorted(self.values, key=lambda v: (v[0].file, v[0].row, v[0].col))
        for loc, value in values:
            where = f"{loc.file}:{loc.row}" if loc.file else f"{loc.row}:{loc.col}"
            shown = shortened(Doc.from_python(value).rego_text())
            lines.append(f"  {shown} at {where}")
        if self.more:
            lines.append("  ...")
        return "\n".join(lines)

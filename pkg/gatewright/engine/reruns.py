"""An evaluation that ended in an error, once more as a search.

A plan finds out that an evaluation fails; OPA may meet another error first, or none:
it goes on with the first value of a rule before it looks for a second one, and never
looks at the keys of an object that nobody asked for.  The search does as OPA does, so
what it says counts (docs/design/0003-planning.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from gatewright.engine.binding import Binding
from gatewright.engine.documents import Doc
from gatewright.engine.errors import (
    BUILTIN_ERROR,
    CONFLICT_ERROR,
    TYPE_ERROR,
    EvalError,
)
from gatewright.engine.library.context import Context
from gatewright.engine.limits import Limits
from gatewright.engine.values import UNDEFINED, Value, make_object
from gatewright.rego import ast
from gatewright.rego.compiled import Compiled, CompiledQuery
from gatewright.rego.compiler import compile_query

__all__ = ["Rerun", "Reruns", "SearchFault"]

#: Steps that a search may take, less than a second; then the plan's error stands.
#: No time, so that what is said never depends on how busy a machine is.
_STEPS: Final = 50_000
_ORDERED: Final = frozenset({BUILTIN_ERROR, CONFLICT_ERROR, TYPE_ERROR})


class SearchFault(Exception):
    """A fault of the search: the cause of the plan's error, which then stands."""


@dataclass(slots=True)
class Reruns:
    """What the searches of one policy share, made when the first one is needed."""

    compiled: Compiled
    binding: Binding
    _program: Any = None

    def document(self, ref: Callable[[], ast.Ref]) -> Rerun:
        """Of a document: its value is asked for."""
        return Rerun(
            self,
            lambda: compile_query(self.compiled, [ast.Expr(ref())], capture=True),
            _document,
        )

    def query(self, query: CompiledQuery) -> Rerun:
        """Of a query: its solutions are asked for."""
        return Rerun(self, lambda: query, _rows)

    @property
    def program(self) -> Any:
        if self._program is None:
            # The search is not loaded where nothing fails.
            from gatewright.engine.search.state import Program

            # What it would print has been printed.
            silent = self.binding.but({"internal.print": lambda _: True})
            self._program = Program(self.compiled, silent)
        return self._program


@dataclass(slots=True)
class Rerun:
    """One query that may be run again.

    `query` compiles it; `result` makes of its solutions what the plan would give.
    """

    shared: Reruns
    query: Callable[[], CompiledQuery]
    result: Callable[[list[dict[Any, Value]]], Value]
    _compiled: CompiledQuery | None = field(default=None, init=False)

    def outcome(
        self,
        error: EvalError,
        *,
        input: Value | Doc,  # noqa: A002
        data: Value | Doc | None,
        limits: Limits,
        context: Context | None,
        strict: bool,
    ) -> tuple[Value, list[EvalError]]:
        """The value that the query has after all, and errors of builtins on the way.

        Raises EvalError: the one that OPA meets first, or `error` where a search
        would take too long to say.
        """
        if error.code not in _ORDERED:
            raise error
        from gatewright.engine.search.query import search_query
        from gatewright.engine.search.state import Search

        search = Search(
            self.shared.program,
            data={} if data is None else _python(data),
            context=context,
            limits=Limits(steps=min(limits.steps, _STEPS), seconds=limits.seconds),
        )
        if self._compiled is None:
            self._compiled = self.query()
        try:
            rows = search_query(search, self._compiled, input=_python(input))
        except EvalError as other:
            if other.code not in _ORDERED:
                raise error from None
            found = search.errors[0] if strict and search.errors else other
            found.stack = ()
            raise found from error.__cause__
        except Exception as fault:  # noqa: BLE001 - a fault of any kind
            # What the plan has found is true; the fault is not hidden.
            raise error from SearchFault(f"{type(fault).__name__}: {fault}")
        for one in search.errors:
            one.stack = ()
        if strict and search.errors:
            raise search.errors[0] from error.__cause__
        return self.result(rows), search.errors


def _python(value: Value | Doc) -> Value:
    return value.python() if isinstance(value, Doc) else value


def _rows(rows: list[dict[Any, Value]]) -> Value:
    """The values of a query: keys are names of variables and numbers."""
    return [make_object(row.items()) for row in rows]


def _document(rows: list[dict[Any, Value]]) -> Value:
    """The value of a query that is one ref, UNDEFINED when it has none."""
    return rows[0][0] if rows else UNDEFINED

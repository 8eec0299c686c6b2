"""A query of a policy that is evaluated by search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gatewright.engine.errors import EvalError
from gatewright.engine.library.context import Context
from gatewright.engine.limits import Limits
from gatewright.engine.policy import Policy, Solution, solution_of, stated
from gatewright.engine.search.events import Listener
from gatewright.engine.search.query import search_query
from gatewright.engine.search.state import Program, Search
from gatewright.engine.values import UNDEFINED, Value
from gatewright.rego import ast
from gatewright.rego.compiled import QueryContext
from gatewright.rego.compiler import compile_query
from gatewright.rego.depth import deeply
from gatewright.rego.parser import parse_body

__all__ = ["TracedQuery"]


class TracedQuery:
    """A query ready to be searched, as often as wanted.

    `program`: share it between queries of one policy.  Raises RegoErrors.
    """

    @deeply
    def __init__(
        self,
        policy: Policy,
        text: str | ast.Body,
        *,
        context: QueryContext | None = None,
        program: Program | None = None,
    ) -> None:
        body = parse_body(text) if isinstance(text, str) else text
        self._query = compile_query(
            policy.compiled, body, context=context, capture=True
        )
        self._program = program or Program(policy.compiled, policy.binding)
        self.expressions = tuple(filter(stated, body))
        #: Names in the source of the variables that the compiler renamed.
        self.names = {**policy.compiled.rewritten_vars, **self._query.rewritten_vars}

    def solve(
        self,
        *,
        data: Value,
        input: Value = UNDEFINED,  # noqa: A002 - Rego's name for it
        limits: Limits = Limits(),  # noqa: B008 - immutable
        strict_builtin_errors: bool = False,
        context: Context | None = None,
        collected: list[EvalError] | None = None,
        listeners: Sequence[Listener] = (),
        indexing: bool = True,
        early_exit: bool = True,
        unifications: bool = False,
        remembered: dict[Any, Any] | None = None,
    ) -> list[Solution]:
        """As `PreparedQuery.solve`; `listeners` are told each step.

        `indexing` and `early_exit` off: definitions are tried that cannot hold, or
        that no longer matter.  `remembered`: what builtins gave that need not give
        the same twice, to be given again.  Raises EvalError.
        """
        search = Search(
            self._program,
            data=data,
            context=context,
            limits=limits,
            listeners=listeners,
            indexing=indexing,
            early_exit=early_exit,
            unifications=unifications,
            remembered=remembered,
        )
        try:
            rows = search_query(search, self._query, input=input)
        finally:
            if search.errors and not strict_builtin_errors and collected is not None:
                collected += search.errors
        if search.errors and strict_builtin_errors:
            raise search.errors[0]
        names = tuple(self._query.bindings)
        return [solution_of(row, names, self.expressions) for row in rows]

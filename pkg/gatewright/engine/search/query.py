"""A query in, its solutions out."""

from __future__ import annotations

from typing import Any, Final

from gatewright.engine.errors import INTERNAL_ERROR, EvalError
from gatewright.engine.search.early import Outcome
from gatewright.engine.search.state import Search
from gatewright.engine.search.steps import Evaluation
from gatewright.engine.search.terms import Body
from gatewright.engine.values import UNDEFINED, Value
from gatewright.rego import ast
from gatewright.rego.compiled import CompiledQuery
from gatewright.rego.depth import deep

__all__ = ["search_query"]

#: A body nests a handful of calls for each of its expressions; all lie on the heap.
_DEPTH: Final = 400_000


def search_query(
    search: Search,
    query: CompiledQuery,
    *,
    input: Value = UNDEFINED,  # noqa: A002
) -> list[dict[Any, Value]]:
    """The solutions of a query in order: its variables by name, and the value of
    each captured expression by the expression's index.

    Raises EvalError.  Errors of builtins are left in `search.errors`.
    """
    rows: list[dict[Any, Value]] = []
    names: dict[Any, str] = {**query.bindings, **query.captures}

    def solved(e: Evaluation) -> Outcome:
        plugged = {key: e.bindings.plug(ast.Var(name)) for key, name in names.items()}
        rows.append(
            {key: value for key, value in plugged.items() if type(value) is not ast.Var}
        )
        return None

    try:
        with deep(_DEPTH):
            search.program.query_keys(query.body)
            e = Evaluation(search, Body(query.body), input=input)
            end = e.whole(solved)
    except RecursionError:
        text = "evaluation nests deeper than it may"
        raise EvalError(INTERNAL_ERROR, text) from None
    if isinstance(end, EvalError):
        raise end
    return rows

"""A query in, its solutions out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from gatewright.engine.errors import EvalError
from gatewright.engine.search.early import Outcome
from gatewright.engine.search.state import Search
from gatewright.engine.search.steps import Evaluation
from gatewright.engine.search.terms import Body
from gatewright.engine.values import UNDEFINED, Value
from gatewright.rego import ast
from gatewright.rego.compiled import CompiledQuery

__all__ = ["search_query"]

#: A body nests a handful of calls for each of its expressions.
_DEPTH: Final = 400_000


@contextmanager
def _deep() -> Iterator[None]:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, _DEPTH))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


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
    search.program.query_keys(query.body)
    rows: list[dict[Any, Value]] = []
    names: dict[Any, str] = {**query.bindings, **query.captures}

    def solved(e: Evaluation) -> Outcome:
        plugged = {key: e.bindings.plug(ast.Var(name)) for key, name in names.items()}
        rows.append(
            {key: value for key, value in plugged.items() if type(value) is not ast.Var}
        )
        return None

    e = Evaluation(search, Body(query.body), input=input)
    with _deep():
        end = e.whole(solved)
    if isinstance(end, EvalError):
        raise end
    return rows

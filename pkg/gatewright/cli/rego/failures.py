"""Errors as the commands of opa print them, in text and in JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from gatewright.engine.errors import EvalError
from gatewright.rego import ast
from gatewright.rego.errors import Error, RegoErrors
from gatewright.rego.stages.walk import walk

__all__ = ["Failure", "failure_rows", "failure_text", "failures_of", "in_query"]

#: One error of a policy, of an evaluation, or anything else as its text.
Failure: TypeAlias = Error | EvalError | str


def failures_of(error: Exception) -> list[Failure]:
    """The single errors in an exception."""
    if isinstance(error, RegoErrors):
        return list(error.errors)
    if isinstance(error, EvalError):
        return [error]
    return list(getattr(error, "errors", None) or [str(error)])


def failure_rows(failures: Iterable[Failure]) -> list[dict[str, Any]]:
    """Each error as the object that JSON output has for it."""
    return [
        {"message": one} if isinstance(one, str) else one.to_json() for one in failures
    ]


def failure_text(failures: Iterable[Failure]) -> str:
    """All errors as text."""
    texts = [str(one) + _traceback(one) for one in failures]
    if len(texts) == 1:
        return f"1 error occurred: {texts[0]}"
    return "\n".join([f"{len(texts)} errors occurred:", *texts])


def _traceback(failure: Failure) -> str:
    if not isinstance(failure, EvalError) or not failure.stack:
        return ""
    frames = "\n".join(f"  {frame}" for frame in failure.stack)
    return f"\n\nTraceback:\n{frames}"


class _InQuery(EvalError):
    """An error in the query itself, whose text shows the source for the place."""

    source = ""

    def __str__(self) -> str:
        return f"{self.source}: {self.code}: {self.message}"


def in_query(error: EvalError, query: Sequence[ast.Expr]) -> EvalError:
    """The error as opa shows it: by the text of the query that failed."""
    place = error.location
    if place is None or place.file:
        return error
    texts: list[str] = []

    def visit(node: Any) -> bool:
        if isinstance(node, ast.Expr | ast.Call):
            loc = node.loc
            if (loc.row, loc.col) == (place.row, place.col) and loc.text:
                texts.append(loc.text)
        return False

    walk(list(query), visit)
    if not texts:
        return error
    shown = _InQuery(error.code, error.message, place)
    shown.stack = error.stack
    shown.source = min(texts, key=len)
    return shown

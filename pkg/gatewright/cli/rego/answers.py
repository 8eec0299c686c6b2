"""Answers of `eval` in its formats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gatewright.cli.rego.boxes import table
from gatewright.cli.rego.failures import Failure, failure_rows, failure_text
from gatewright.engine.library.jsontext import dump, key_text
from gatewright.engine.policy import Solution
from gatewright.engine.values import Number, Set, Value, is_object, pairs
from gatewright.rego import ast
from gatewright.rego.ast_json import RawNumber, dumps

__all__ = ["Answer", "show"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query came to; `expressions` are those of the query.

    `survived`: the failures are those of builtins, printed beside a result.
    """

    expressions: Sequence[ast.Expr] = ()
    solutions: Sequence[Solution] = ()
    failures: Sequence[Failure] = ()
    metrics: Mapping[str, int] = field(default_factory=dict)
    survived: bool = False


def show(answer: Answer, form: str) -> tuple[str, str]:
    """What a format has for stdout and for stderr."""
    if form == "json":
        return _json(answer, discard=False), ""
    if form == "discard":
        return _json(answer, discard=True), ""
    if form == "pretty":
        return _pretty(answer)
    if answer.failures:
        return "", failure_text(answer.failures) + "\n"
    if form == "values":
        return "".join(map(_values, answer.solutions)), ""
    if form == "bindings":
        rows = (_indented(solution.bindings) for solution in answer.solutions)
        return "".join(row + "\n" for row in rows), ""
    return "".join(map(_raw, answer.solutions)), ""


def _indented(value: Value) -> str:
    return dump(value, newline="\n", indent="  ")


def _values(solution: Solution) -> str:
    return _indented(list(solution.values)) + "\n"


def _raw(solution: Solution) -> str:
    shown = [
        value if isinstance(value, str) else dump(value) for value in solution.values
    ]
    return " ".join(shown) + "\n"


def _json(answer: Answer, *, discard: bool) -> str:
    parts: dict[str, Any] = {}
    if answer.failures:
        parts["errors"] = failure_rows(answer.failures)
    if answer.solutions and discard:
        parts["result"] = "discarded"
    elif answer.solutions:
        parts["result"] = [_row(answer, solution) for solution in answer.solutions]
    if answer.metrics:
        parts["metrics"] = dict(sorted(answer.metrics.items()))
    if discard:
        parts = dict(sorted(parts.items()))
    return dumps(parts) + "\n"


def _row(answer: Answer, solution: Solution) -> dict[str, Any]:
    row: dict[str, Any] = {
        "expressions": [
            {
                "value": _plain(value),
                "text": expr.loc.text,
                "location": {"row": expr.loc.row, "col": expr.loc.col},
            }
            for expr, value in zip(answer.expressions, solution.values, strict=True)
        ]
    }
    if solution.bindings:
        row["bindings"] = _plain(solution.bindings)
    return row


def _plain(value: Value) -> Any:
    """A value with the types of JSON: objects in order of keys, sets as lists."""
    if isinstance(value, Number):
        return RawNumber(value.text)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, Set):
        return [_plain(item) for item in value.items]
    if is_object(value):
        entries = {key_text(key): item for key, item in pairs(value)}
        return {key: _plain(entries[key]) for key in sorted(entries)}
    return value


def _pretty(answer: Answer) -> tuple[str, str]:
    out, error = "", ""
    if answer.failures:
        error = failure_text(answer.failures) + "\n"
    elif not answer.solutions:
        out = "undefined\n"
    else:
        out = _pretty_solutions(answer)
    if answer.metrics:
        rows = [(name, str(value)) for name, value in sorted(answer.metrics.items())]
        out += table(("Metric", "Value"), rows)
    return out, error


def _pretty_solutions(answer: Answer) -> str:
    first = answer.solutions[0]
    if len(answer.solutions) == 1 and not first.bindings:
        alone = len(first.values) == 1
        if alone or all(isinstance(value, bool) for value in first.values):
            return _indented(first.values[0]) + "\n"
    names = sorted(first.bindings)
    shown = [
        position
        for position, value in enumerate(first.values)
        if not names or not isinstance(value, bool)
    ]
    header = [*(answer.expressions[position].loc.text for position in shown), *names]
    rows = []
    for solution in answer.solutions:
        cells = [solution.values[position] for position in shown]
        cells += [solution.bindings.get(name) for name in names]
        rows.append([dump(cell) for cell in cells])
    return table(header, rows)

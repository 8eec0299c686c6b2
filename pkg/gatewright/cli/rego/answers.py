"""Answers of `eval` in its formats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gatewright.cli.rego.boxes import table
from gatewright.cli.rego.failures import Failure, failure_rows, failure_text
from gatewright.cli.rego.observing import Observation, explanation
from gatewright.cli.rego.questions import Asked
from gatewright.cli.rego.rounds import spread
from gatewright.engine.library.jsontext import dump, json_number, key_text
from gatewright.engine.policy import Solution
from gatewright.engine.traces.document import record_json
from gatewright.engine.traces.profile import LineProfile
from gatewright.engine.traces.recorder import Record
from gatewright.engine.traces.text import trace_text
from gatewright.engine.values import Number, Set, Value, is_object, pairs
from gatewright.gator.gotime import duration
from gatewright.rego import ast
from gatewright.rego.ast_json import RawNumber, dumps

__all__ = ["Answer", "aggregated", "show"]


@dataclass(slots=True)
class Answer:
    """What a query came to; `expressions` are those of the query.

    `survived`: the failures are those of builtins, printed beside a result.
    `records`: the steps to show, with the source's `names` of variables; `cut`: there
    were more.  The aggregated ones are of several evaluations.
    """

    expressions: Sequence[ast.Expr] = ()
    solutions: Sequence[Solution] = ()
    failures: Sequence[Failure] = ()
    metrics: Mapping[str, int] = field(default_factory=dict)
    survived: bool = False
    records: Sequence[Record] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    profile: Sequence[LineProfile] = ()
    coverage: Mapping[str, Any] | None = None
    aggregated_metrics: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    aggregated_profile: Sequence[Sequence[LineProfile]] = ()
    most: int | None = None

    def take(self, seen: Observation, asked: Asked, *, several: bool) -> None:
        """Take over what was seen of the evaluation."""
        self.records = explanation(seen.wanted.explain, seen.records)
        self.names = asked.names
        self.cut = seen.cut
        if several:
            self.aggregated_profile = seen.profiles
        elif seen.profiles:
            self.profile = seen.profiles[0][: seen.wanted.most]
        self.most = seen.wanted.most
        if seen.coverage is not None:
            self.coverage = seen.coverage.report(asked.modules)


def show(answer: Answer, form: str, *, variables: bool = False) -> tuple[str, str]:
    """What a format has for stdout and for stderr.

    `variables`: with what they held, beside the steps (pretty).
    """
    if form == "json":
        return _json(answer, discard=False), ""
    if form == "discard":
        return _json(answer, discard=True), ""
    if form == "pretty":
        return _pretty(answer, variables=variables)
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
    if answer.aggregated_metrics:
        parts["aggregated_metrics"] = dict(sorted(answer.aggregated_metrics.items()))
    if answer.records:
        parts["explanation"] = [
            record_json(record, answer.names) for record in answer.records
        ]
    if answer.profile:
        parts["profile"] = [line.to_json() for line in answer.profile]
    if answer.aggregated_profile:
        parts["aggregated_profile"] = [
            _aggregated_line(lines) for lines in _by_line(answer)
        ]
    if answer.coverage is not None:
        parts["coverage"] = answer.coverage
    if discard:
        parts = _sorted(parts)
    return dumps(parts) + "\n"


def _sorted(node: Any) -> Any:
    """JSON with the keys of all objects in order."""
    if isinstance(node, dict):
        return {key: _sorted(node[key]) for key in sorted(node)}
    return [_sorted(item) for item in node] if isinstance(node, list | tuple) else node


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
        return RawNumber(json_number(value.text))
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, Set):
        return [_plain(item) for item in value.items]
    if is_object(value):
        entries = {key_text(key): item for key, item in pairs(value)}
        return {key: _plain(entries[key]) for key in sorted(entries)}
    return value


def _pretty(answer: Answer, *, variables: bool) -> tuple[str, str]:
    out, error = trace_text(answer.records, answer.names, variables=variables), ""
    if answer.cut:
        error = "warning: there were more steps than are shown\n"
    if answer.failures:
        error += failure_text(answer.failures) + "\n"
    elif not answer.solutions:
        out += "undefined\n"
    else:
        out += _pretty_solutions(answer)
    if answer.metrics:
        rows = [(name, str(value)) for name, value in sorted(answer.metrics.items())]
        out += table(("Metric", "Value"), rows)
    if answer.profile:
        out += table(_PROFILE, [_profile_row(line) for line in answer.profile])
    if answer.aggregated_metrics:
        out += table(
            ("Metric", *map(str.title, _STATISTICS)),
            [
                (name, *(_number(found[key]) for key in _STATISTICS))
                for name, found in sorted(answer.aggregated_metrics.items())
            ],
        )
    if answer.aggregated_profile:
        lines = _by_line(answer)
        header = (*map(str.title, _STATISTICS), *_PROFILE[1:])
        out += table(header, [_aggregated_row(one) for one in lines])
    if answer.coverage is not None:
        share = f"{answer.coverage['coverage']:.2f}"
        out += table((), [("Overall Coverage", share)])
    return out, error


_PROFILE: Final = ("Time", "Num Eval", "Num Redo", "Num Gen Expr", "Location")
_STATISTICS: Final = ("min", "max", "mean", "90%", "99%")


def _profile_row(line: LineProfile) -> tuple[str, ...]:
    return (duration(line.time_ns), *_counts(line))


def _counts(line: LineProfile) -> tuple[str, ...]:
    loc = line.loc
    where = f"{loc.file}:{loc.row}" if loc.file else loc.text
    counts = line.evals, line.redos, len(line.indexes)
    return (*map(str, counts), where)


def aggregated(times: Sequence[Mapping[str, int]]) -> dict[str, dict[str, Any]]:
    """The spread of timers over several evaluations."""
    return {name: spread([one[name] for one in times]) for name in times[0]}


def _by_line(answer: Answer) -> list[tuple[LineProfile, ...]]:
    """The profiles of several evaluations line by line, in the order of the first."""
    known = [
        {(one.loc.file, one.loc.row): one for one in lines}
        for lines in answer.aggregated_profile
    ]
    rows = [tuple(one[key] for one in known if key in one) for key in known[0]]
    return rows[: answer.most]


def _aggregated_line(lines: Sequence[LineProfile]) -> dict[str, Any]:
    row = lines[0].to_json()
    del row["total_time_ns"]
    found = spread([line.time_ns for line in lines])
    return {"total_time_ns_stats": dict(sorted(found.items())), **row}


def _aggregated_row(lines: Sequence[LineProfile]) -> tuple[str, ...]:
    found = spread([line.time_ns for line in lines])
    times = (duration(int(found[key])) for key in _STATISTICS)
    return (*times, *_counts(lines[0]))


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:g}"


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

"""Test results as `opa test` prints them: text for people, JSON for programs."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from gatewright.cli.rego.observing import explanation
from gatewright.cli.rego.pointers import failed_at
from gatewright.cli.rego.rounds import Rounds
from gatewright.engine.errors import EvalError
from gatewright.engine.testing import Case, Outcome
from gatewright.engine.traces.document import record_json
from gatewright.engine.traces.text import trace_text
from gatewright.gator.gotime import duration
from gatewright.rego.ast_json import dumps

__all__ = ["PrettyReport", "json_report", "title"]

_LINE: Final = "-" * 80


def _took(outcome: Outcome) -> str:
    return duration(round(outcome.seconds * 1e9))


def _word(outcome: Outcome) -> str:
    if outcome.skip:
        return "SKIPPED"
    if outcome.fail:
        return "FAIL"
    return "PASS" if outcome.error is None else "ERROR"


def title(outcome: Outcome) -> str:
    """A result in one line."""
    text = f"{outcome.test.path}: {_word(outcome)}"
    return text if outcome.skip else f"{text} ({_took(outcome)})"


def _walk(cases: Mapping[str, Case], depth: int = 0) -> Iterator[tuple[int, Case]]:
    for name in sorted(cases):
        case = cases[name]
        yield depth, case
        yield from _walk(case.cases, depth + 1)


def _case_line(depth: int, case: Case) -> str:
    return f"{'  ' * depth}{case.name}: {'FAIL' if case.fail else 'PASS'}"


class PrettyReport:
    """Prints each result when it is there, and a summary at the end.

    Steps of tests that failed are printed when `verbose`: those of a `mode` of
    `--explain`, with `names` of the source, and `variables` beside them.
    `failed_line`: where each failed, and what its variables held there.
    """

    def __init__(
        self,
        write: Callable[[str], object],
        *,
        verbose: bool,
        mode: str = "both",
        names: Mapping[str, str] | None = None,
        variables: bool = False,
        failed_line: bool = False,
    ) -> None:
        self._write = write
        self._verbose = verbose
        self._mode = mode
        self._names = names or {}
        self._variables = variables
        self._failed_line = failed_line
        self._file = ""
        self._printed = False
        self._counts = dict.fromkeys(("PASS", "FAIL", "SKIPPED", "ERROR"), 0)
        self._failures: list[Outcome] = []

    def _line(self, text: str = "") -> None:
        self._write(text + "\n")

    def add(self, outcome: Outcome) -> None:
        """Print a result, unless it is one to be silent about."""
        self.count(outcome)
        if self._verbose or not outcome.passed:
            self._result(outcome)
        if outcome.error is not None:
            self._line(f"  {outcome.error}")
            frames = getattr(outcome.error, "stack", ())
            if frames:
                self._line("  Traceback:")
            for frame in frames:
                self._line(f"    {frame}")

    def count(self, outcome: Outcome) -> None:
        """Note a result without printing it."""
        if outcome.fail:
            self._failures.append(outcome)
        leaves = [case for _, case in _walk(outcome.cases) if not case.cases]
        if not leaves:
            self._counts[_word(outcome)] += 1
        for case in leaves:
            self._counts["FAIL" if case.fail else "PASS"] += 1

    def _result(self, outcome: Outcome) -> None:
        loc = outcome.test.loc
        if self._file and self._file != loc.file:
            self._line()
        self._file = loc.file
        self._line(f"{loc.file}:{loc.row}:")
        self._line(title(outcome))
        self._printed = True
        for depth, case in _walk(outcome.cases):
            if case.fail or self._verbose:
                self._line("  " + _case_line(depth, case))
        if outcome.output:
            self._line()
            for line in outcome.output.strip().split("\n"):
                self._line(f"  {line}")
            self._line()

    def finish(self, *, lined: bool = False) -> None:
        """Print what failed again (verbose), and the counts.

        `lined`: below a line in any case.
        """
        self._printed |= lined and any(self._counts.values())
        if self._counts["FAIL"] and (self._verbose or self._failed_line):
            self._line(_LINE)
            self._line("FAILURES")
            self._line(_LINE)
            for outcome in self._failures:
                self._failure(outcome)
        if self._printed:
            self._line(_LINE)
        total = sum(self._counts.values())
        for word, count in self._counts.items():
            if count:
                self._line(f"{word}: {count}/{total}")

    def _failure(self, outcome: Outcome) -> None:
        self._line(title(outcome))
        if self._verbose:
            self._line()
            text = trace_text(
                explanation(self._mode, outcome.records),
                self._names,
                variables=self._variables,
                indent="  ",
            )
            self._write(text)
        if self._failed_line and not outcome.cases:
            self._line()
            self._write(failed_at(outcome.records, self._names, values=self._variables))
        if outcome.cases:
            self._line()
            for lineage in _failed(outcome.cases, ()):
                for depth, case in enumerate(lineage):
                    self._line("  " + _case_line(depth, case))
        self._line()


def _failed(
    cases: Mapping[str, Case], above: tuple[Case, ...]
) -> Iterator[tuple[Case, ...]]:
    for name in sorted(cases):
        case = cases[name]
        if case.fail and not case.cases:
            yield (*above, case)
        yield from _failed(case.cases, (*above, case))


def json_report(
    outcomes: Iterable[Outcome],
    *,
    slowest_first: bool = False,
    mode: str = "both",
    names: Mapping[str, str] | None = None,
    rounds: Sequence[Rounds | None] = (),
) -> str:
    """All results as one JSON text; `mode`, `names`: as in `PrettyReport`.

    `rounds`: of each, if it was measured.
    """
    rows = list(outcomes)
    if rounds:
        shown = [_row(outcome, mode, names or {}) for outcome in rows]
        for row, measured in zip(shown, rounds, strict=True):
            if measured is not None:
                row["duration"] = measured.total
                row["benchmark_result"] = measured.to_json()
        return dumps(shown)
    if slowest_first:
        rows.sort(key=lambda outcome: -outcome.seconds)
    return dumps([_row(outcome, mode, names or {}) for outcome in rows])


def _row(outcome: Outcome, mode: str, names: Mapping[str, str]) -> dict[str, Any]:
    test = outcome.test
    row: dict[str, Any] = {
        "location": {"file": test.loc.file, "row": test.loc.row, "col": test.loc.col},
        "package": test.package,
        "name": test.name,
    }
    if outcome.fail:
        row["fail"] = True
    if outcome.skip:
        row["skip"] = True
    if isinstance(outcome.error, EvalError):
        row["error"] = _code_first(outcome.error.to_json())
    elif outcome.error is not None:
        row["error"] = [_code_first(one.to_json()) for one in outcome.error.errors]
    row["duration"] = round(outcome.seconds * 1e9)
    records = explanation(mode, outcome.records)
    if records:
        row["trace"] = [record_json(record, names) for record in records]
    if outcome.output:
        encoded = outcome.output.encode("utf-8", "surrogateescape")
        row["output"] = base64.b64encode(encoded).decode()
    if outcome.cases:
        row["sub_results"] = _case_rows(outcome.cases)
    return row


def _code_first(error: dict[str, Any]) -> dict[str, Any]:
    return {"code": error["code"], **error}


def _case_rows(cases: Mapping[str, Case]) -> dict[str, Any]:
    rows = {}
    for name in sorted(cases):
        case = cases[name]
        row: dict[str, Any] = {"name": case.name} if case.name else {}
        if case.fail:
            row["fail"] = True
        if case.cases:
            row["sub_results"] = _case_rows(case.cases)
        rows[name] = row
    return rows

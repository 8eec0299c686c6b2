"""Results of suites in the form of `go test`."""

from __future__ import annotations

from collections.abc import Sequence

from gatewright.gator.gotime import seconds
from gatewright.gator.verify import CaseResult, SuiteResult, TestResult

__all__ = ["report"]


def report(results: Sequence[SuiteResult], *, verbose: bool = False) -> str:
    """Return what is printed: failures only, or with `verbose` everything."""
    lines: list[str] = []
    for suite in results:
        for test in suite.tests:
            _test(lines, test, verbose=verbose)
        mark = "FAIL" if suite.failed else "ok"
        lines.append(f"{mark}\t{suite.path}\t{seconds(suite.ns)}")
    lines.append("FAIL" if any(one.failed for one in results) else "PASS")
    return "\n".join(lines) + "\n\n"


def _test(lines: list[str], test: TestResult, *, verbose: bool) -> None:
    if test.skipped:
        if verbose:
            lines.append(f"=== SKIP  {test.name}")
        return
    if verbose:
        lines.append(f"=== RUN   {test.name}")
    for case in test.cases:
        _case(lines, case, verbose=verbose)
    if test.failed:
        lines.append(f"--- FAIL: {test.name}\t({seconds(test.ns)})")
        if test.error:
            lines.append(f"  {test.error}")
    elif verbose:
        lines.append(f"--- PASS: {test.name}\t({seconds(test.ns)})")


def _case(lines: list[str], case: CaseResult, *, verbose: bool) -> None:
    if case.skipped:
        if verbose:
            lines.append(f"    === SKIP  {case.name}")
        return
    if verbose:
        lines.append(f"    === RUN   {case.name}")
        if case.printed:
            lines.append("        === PRINT ===")
            for line in case.printed.removesuffix("\n").split("\n"):
                lines.append(f"        {line}")
    if case.failed:
        lines.append(f"    --- FAIL: {case.name}\t({seconds(case.ns)})")
        lines.append(f"        {case.error}")
    elif verbose:
        lines.append(f"    --- PASS: {case.name}\t({seconds(case.ns)})")

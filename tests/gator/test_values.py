"""Durations, tables and comparisons; see values.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from gatewright.gator import baseline, benchreport, gotime, tables
from gatewright.gator.latencies import Latencies, Results, Setup

DATA: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parent / "values.yaml").read_text()
)


@pytest.mark.parametrize(("ns", "text"), DATA["durations"])
def test_duration(ns, text):
    assert gotime.duration(ns) == text


@pytest.mark.parametrize(("text", "ns"), DATA["read"])
def test_duration_read(text, ns):
    assert gotime.duration_ns(text) == ns


@pytest.mark.parametrize(("text", "error"), DATA["refused"])
def test_duration_refused(text, error):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared
        gotime.duration_ns(text)
    assert str(caught.value) == error


@pytest.mark.parametrize(("ns", "text"), DATA["rounded"])
def test_rounded(ns, text):
    assert gotime.rounded(ns) == text


@pytest.mark.parametrize(("count", "text"), DATA["bytes"])
def test_bytes(count, text):
    assert benchreport.byte_text(count) == text


@pytest.mark.parametrize("case", DATA["latencies"])
def test_latencies(case):
    assert [ns for _, ns in Latencies.of(case["times"]).items()] == case["of"]


@pytest.mark.parametrize("case", DATA["columns"])
def test_columns(case):
    assert tables.columns(case["text"]) == case["set"]


def _results(latency: int, per_second: float) -> Results:
    return Results(
        templates=1,
        skipped_templates=(),
        constraints=1,
        skipped_constraints=(),
        objects=1,
        iterations=1,
        concurrency=1,
        setup=Setup(),
        total=1,
        latencies=Latencies(*[latency] * 6),
        violations=0,
        per_second=per_second,
    )


def _failed(
    before: Results, now: Results, case: dict[str, Any], path: Path
) -> list[str]:
    baseline.save([before], str(path))
    (found,) = baseline.compare(
        baseline.load(str(path)),
        [now],
        threshold=case["threshold"],
        minimum=case["minimum"],
    )
    failed = [one.name for one in found.metrics if not one.passed]
    assert found.passed == (not failed)
    return failed


@pytest.mark.parametrize("suffix", [".json", ".yaml"])
@pytest.mark.parametrize("case", DATA["comparisons"])
def test_latencies_compared(case, suffix, tmp_path):
    before, now = _results(case["before"], 1.0), _results(case["now"], 1.0)
    path = tmp_path / f"before{suffix}"
    assert _failed(before, now, case, path) == case["failed"]


@pytest.mark.parametrize("case", DATA["throughputs"])
def test_throughputs_compared(case, tmp_path):
    before, now = _results(1000, case["before"]), _results(1000, case["now"])
    assert _failed(before, now, case, tmp_path / "before.json") == case["failed"]

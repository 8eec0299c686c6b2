"""OPA's evaluation cases on the evaluator of traces: it gives the same values."""

from __future__ import annotations

from tests.conformance.rego_cases import read_folders, run
from tests.engine.search_case import evaluate_case
from tests.needs import require_conformance


def test_all_cases() -> None:
    outcome = run(read_folders(require_conformance()), evaluate_case)
    print(outcome.report())
    assert outcome.failures | outcome.left_out == {}

"""OPA's evaluation cases on the engine as it is: all have to pass."""

from __future__ import annotations

from tests.conformance.rego_cases import read_cases, run
from tests.engine.native_case import evaluate_case
from tests.needs import require_conformance


def test_all_cases() -> None:
    outcome = run(read_cases(require_conformance("rego")), evaluate_case)
    print(outcome.report())

    assert {**outcome.failures, **outcome.left_out} == {}

"""The texts of conflicts: those of OPA 1.22, and those of the OPA in Gatekeeper."""

from __future__ import annotations

import pytest

from tests.oracle.evaluate import plan_sources
from tests.oracle.interpreter import Interpreter, OracleError
from tests.oracle.values import obj

RULE = "p := x if some x in [1, 2]"
FUNCTION = "f(x) := y if some y in [x, 1]\np := f(2)"
OBJECT = 'p[x] := y if { some y in [1, 2]; x := "a" }'


@pytest.mark.parametrize(
    ("messages", "source", "text"),
    [
        ("opa", RULE, "rule data.t.p produced conflicting values"),
        (
            "opa",
            FUNCTION,
            "function data.t.f produced conflicting values for the same inputs",
        ),
        ("gatekeeper", RULE, "complete rules must not produce multiple outputs"),
        (
            "gatekeeper",
            FUNCTION,
            "functions must not produce multiple outputs for same inputs",
        ),
        ("gatekeeper", OBJECT, "object keys must be unique"),
    ],
)
def test_conflict(messages: str, source: str, text: str) -> None:
    program = plan_sources(
        {"t.rego": f"package t\n{source}\n"},
        entrypoints=["data.t.p"],
        messages=messages,
    )
    with pytest.raises(OracleError) as found:
        Interpreter(program, data=obj([])).evaluate("data.t.p")
    assert str(found.value) == f"eval_conflict_error: {text}"

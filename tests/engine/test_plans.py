"""Plans on the native evaluator: what they give, and that stopping changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from gatewright.ir.parse import parse_program
from gatewright.ir.verify import verify
from tests.engine.running import Run, image_of, load, run_plan
from tests.oracle.interpreter import Interpreter, OracleError
from tests.oracle.values import Value, parse

CASES: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "plans.yaml").read_text()
)


def by_oracle(case: dict[str, Any]) -> Value | str | None:
    oracle = Interpreter(
        parse_program(case["plan"]),
        input=parse(case["input"]) if "input" in case else None,
        data=parse(case["data"]) if "data" in case else None,
    )
    try:
        return oracle.evaluate("e")
    except OracleError as error:
        return str(error)


def natively(case: dict[str, Any], **how: Any) -> Run:
    return run_plan(
        load(image_of(case["plan"])),
        given=case.get("input"),
        data=case.get("data"),
        **how,
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_value(case: dict[str, Any]) -> None:
    run = natively(case)

    if "value" in case:
        assert run.result == case["value"]
    if "error" in case:
        assert run.result == case["error"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_agrees_with_the_oracle(case: dict[str, Any]) -> None:
    verify(parse_program(case["plan"]))
    run = natively(case)
    expected = by_oracle(case)

    if run.failed:
        assert isinstance(expected, str)
        assert expected in run.result
    else:
        found = None if run.result == "undefined" else parse(run.result)
        assert found == expected


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
@pytest.mark.parametrize("stretch", [1, 2, 7])
def test_stopping_at_any_step_changes_nothing(
    case: dict[str, Any], stretch: int
) -> None:
    whole = natively(case)
    pieces = natively(case, stretch=stretch)

    assert pieces.result == whole.result


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_one_step_short(case: dict[str, Any]) -> None:
    """The budget is exact: all steps but the last are not enough."""
    needed = natively(case).steps
    short = natively(case, steps=needed - 1)

    assert natively(case, steps=needed).result == natively(case).result
    assert short.result == "evaluation took more steps than it may"


LOOP = """
entry e f
function f params=0 registers=0 memo
@1:
  JUMP @1
"""

RECURSION = """
entry e f
function f params=0 registers=1
  CALL r0 f r0 @1
@1:
  RETU
"""

RULE_OF_ITSELF = """
entry e f
function f params=0 registers=1 memo
  RULE r0 f @1
@1:
  RETU
"""

HUNGRY = """
entry e f
function f params=0 registers=4 memo
  CONST r0 "0123456789012345678901234567890123456789"
@1:
  MOVE r1 r0
  ARR r2 r0 2
  MOVE r0 r2
  JUMP @1
"""


def test_endless_loop_meets_its_budget() -> None:
    run = run_plan(load(image_of(LOOP)), steps=100_000)

    assert run.result == "evaluation took more steps than it may"
    assert run.steps == 100_000


def test_endless_recursion_is_an_error() -> None:
    run = run_plan(load(image_of(RECURSION)))

    assert run.result == "eval_internal_error: calls are nested too deep"


def test_rule_of_itself_is_an_error() -> None:
    run = run_plan(load(image_of(RULE_OF_ITSELF)))

    assert run.result == "eval_internal_error: a rule calls itself"


def test_memory_limit() -> None:
    run = run_plan(load(image_of(HUNGRY)), steps=1 << 40, limit=1 << 22)

    assert run.result == "evaluation took more memory than it may"

"""Work that steps do not show is charged to the constraint, which alone is stopped."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from gatewright.engine.errors import BudgetExceeded, EvalError
from tests.engine.test_reviews import reviewer

CASES = yaml.safe_load(
    (Path(__file__).parent / "hidden_work.yaml").read_text(encoding="utf-8")
)
OTHER = 'violation[{"msg": "other"}] { true }'


def policy_of(case: dict[str, str]) -> str:
    # Two functions: results of one would be the same nodes for both.
    lines = ["f(x) = [x, x] { true }", "g(x) = [x, x] { true }"]
    body = ['a0 := ["x"]', 'b0 := ["x"]']
    for i in range(40):
        body += [f"a{i + 1} := f(a{i})", f"b{i + 1} := g(b{i})"]
    body += ["a := a40", "b := b40", case["body"]]
    head = f'{{"msg": "x", "details": {case.get("details", "{}")}}}'
    lines.append(f"violation[{head}] {{ {'; '.join(body)} }}")
    return "\n".join(lines)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_it_is_stopped_alone(case: dict[str, str]) -> None:
    """The constraint says why it was stopped; the next one is judged."""
    asked = reviewer(policy_of(case), OTHER, steps=10_000_000, memory=16 << 20)

    stopped, other = asked.run([(0, 0), (1, 0)])

    assert isinstance(stopped, BudgetExceeded)
    assert case["stopped"] == stopped.reason
    assert not isinstance(other, EvalError | BudgetExceeded)
    assert [message for message, _ in other] == ["other"]

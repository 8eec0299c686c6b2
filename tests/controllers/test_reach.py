"""What the webhook configuration has to let through, and how it gets there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from gatewright.constraints.policyset import PolicySet
from gatewright.controllers.keeping import Keeping
from gatewright.controllers.reach import EVERYTHING, NOTHING, Reach, Wish, need_of
from gatewright.controllers.webhooks import FAIL_CLOSED, Keeper, View, read, written
from gatewright.telemetry.log import Log
from tests.serve.server import constraint, template

CASES = yaml.safe_load(Path(__file__).with_name("reach.yaml").read_text("utf-8"))
BOTH = Keeping("c", narrow=True, hybrid=True, patience=60, notice=10)
PODS = Reach.of([("", "Pod")])
ALL_KINDS = Reach.of([("", "Pod"), ("*", "Ingress"), ("apps", "*")])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["note"])
def test_what_constraints_need(case: dict[str, Any]) -> None:
    held = PolicySet()
    held.add_template(yaml.safe_load(template("Any", 'violation[{"msg": "m"}]')))
    wish = Wish()
    for number, spec in enumerate(case["constraints"]):
        obj = yaml.safe_load(constraint("Any", f"c{number}"))
        wish |= need_of(held.add_constraint({**obj, "spec": spec}))

    assert wish.sent.expression() == case["sent"]
    assert wish.closed.expression() == case["closed"]
    assert Reach.parse(case["sent"]) == wish.sent
    assert Reach.parse(case["closed"]) == wish.closed


def rendered() -> dict[str, Any]:
    """As the chart renders it."""
    rules = [{"resources": ["*"]}]
    neutral = [
        {"name": "what-policies-match", "expression": "true"},
        {"name": "not-what-fails-closed", "expression": "true"},
    ]
    return {
        "metadata": {"name": "c"},
        "webhooks": [
            {
                "name": "validation.gatekeeper.sh",
                "rules": rules,
                "matchConditions": neutral,
            },
            {"name": FAIL_CLOSED},
        ],
    }


@pytest.mark.parametrize(
    "view",
    [
        View(Wish(), None, "a"),
        View(Wish(ALL_KINDS, PODS), None, "a"),
        View(Wish(EVERYTHING, EVERYTHING), Wish(ALL_KINDS, NOTHING), "b"),
    ],
)
def test_what_is_written_is_read(view: View) -> None:
    config = written(rendered(), BOTH, view)

    assert read(config, BOTH) == view
    assert written(config, BOTH, view) == config


def test_what_others_did_to_it_counts_as_it_is() -> None:
    """An upgrade widens; a condition in other words, or one that keeps back more than
    the other webhook takes, gives nothing."""
    fresh = read(rendered(), BOTH)
    assert fresh == View(Wish(EVERYTHING, NOTHING), whole=False)
    config = written(rendered(), BOTH, View(Wish(ALL_KINDS, PODS), None, "a"))
    main, shut = config["webhooks"]
    conditions = main["matchConditions"]
    conditions[1]["expression"] = "true"  # both are called
    assert read(config, BOTH) == View(Wish(ALL_KINDS, PODS), None, "a", whole=False)
    conditions[1]["expression"] = "!(true)"
    assert read(config, BOTH).gives.sent == NOTHING
    conditions[1]["expression"] = "true"
    conditions[0]["expression"] = "request.kind.kind == 'Pod'"
    assert read(config, BOTH).gives.sent == NOTHING
    del shut["rules"]
    assert read(config, BOTH).gives.closed == NOTHING


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_it_grows_at_once_and_shrinks_late_by_way_of_an_announcement() -> None:
    clock = Clock()
    keeper = Keeper(BOTH, "a", "ns", Log("test"), changed=lambda: None, clock=clock)
    small, large = Wish(PODS, PODS), Wish(ALL_KINDS, PODS)

    def due(view: View, wish: Wish) -> View | None:
        return keeper.due(view, wish)

    # Taken over from another: written once, with our name and no less than was there.
    assert due(View(large, small, "b"), small) == View(large, None, "a")
    assert due(View(small, None, "a"), large) == View(large, None, "a")
    assert due(View(large, None, "a"), large) is None

    assert due(View(large, None, "a"), small) is None
    clock.now += 59
    assert due(View(large, None, "a"), small) is None
    clock.now += 1
    announced = due(View(large, None, "a"), small)
    assert announced == View(large, small, "a")
    assert announced.covers(small)
    assert not announced.covers(large)  # so nobody tells this enforced any more
    assert due(announced, small) is None
    clock.now += 9
    assert due(announced, large) == View(large, None, "a")  # somebody wants it again
    assert due(announced, small) is None  # patience starts anew

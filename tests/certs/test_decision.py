"""decisions.yaml: what is there, and the one thing to do."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from gatewright.certs.decision import DAY, Leaf, Plan, Standing, decide

CASES = yaml.safe_load(Path(__file__).with_name("decisions.yaml").read_text("utf-8"))
NOW = datetime.datetime(2026, 6, 1, tzinfo=datetime.UTC)
PLAN = Plan(hosts=frozenset({"svc"}))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["note"])
def test_the_act_is(case: dict[str, Any]) -> None:
    facts = case["standing"]
    leaf = facts.get("leaf")
    standing = Standing(
        authority=day(facts.get("authority")),
        leaf=leaf
        and Leaf(
            until=NOW + leaf["until"] * DAY,
            hosts=frozenset(leaf.get("hosts", ["svc"])),
            trusted=leaf.get("trusted", True),
        ),
        successor=day(facts.get("successor")),
        lacking=tuple(facts.get("lacking", ())),
        carried=float(facts.get("carried", 0)),
    )

    assert decide(standing, PLAN, NOW).value == case["act"]


def day(number: int | None) -> datetime.datetime | None:
    return None if number is None else NOW + number * DAY

"""A request read in place and one that goes the long way get the same answer."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from gatewright._native import admission as native
from gatewright.constraints import reviewdoc
from gatewright.constraints.admission import Admission
from tests.constraints import samples
from tests.constraints.test_admission import policies, review

VALUES: list[Any] = [
    None,
    5,
    -1.5,
    "",
    "x",
    [],
    {},
    True,
    [1],
    {"a": 1},
    "a/b/c",
    samples.POD,
    "DELETE",
    "UPDATE",
]
DUMP = 'package x\nviolation[{"msg": m}] { m := json.marshal(input.review) }'


def spoil(item: Any, chance: random.Random) -> None:
    """Take out or replace something somewhere inside."""
    if isinstance(item, list):
        if item:
            item[chance.randrange(len(item))] = chance.choice(VALUES)
        return
    key = chance.choice(list(item))
    inner = item[key]
    if chance.random() < 0.2:
        del item[key]
    elif isinstance(inner, (dict, list)) and inner and chance.random() < 0.7:
        spoil(inner, chance)
    else:
        item[key] = json.loads(json.dumps(chance.choice(VALUES)))


class RefusesOnce:
    """The native reader, but the first request is not ordinary enough for it."""

    def __init__(self) -> None:
        self.asked = False

    def __call__(self, doc: Any) -> Any:
        if self.asked:
            return native.read_request(doc)
        self.asked = True
        return None


@pytest.mark.parametrize("seed", range(8))
def test_both_ways_agree(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(seed)  # noqa: S311  only the same each time is asked
    snapshot = samples.opened(policies(DUMP))
    reviewer = snapshot.evaluation()
    for _ in range(60):
        body = review()
        for _ in range(chance.randint(1, 3)):
            spoil(body["request"] or body, chance)
        data = json.dumps(body).encode()
        direct = Admission().judge(data, snapshot, reviewer).body
        with monkeypatch.context() as patch:
            patch.setattr(reviewdoc, "read_request", RefusesOnce())
            long_way = Admission().judge(data, snapshot, reviewer).body

        assert direct == long_way, data

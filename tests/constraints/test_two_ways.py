"""A request read in place and one that goes the long way get the same answer."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest

from gatewright.constraints.admission import Admission
from gatewright.constraints.snapshot import Snapshot
from gatewright.engine.arrivals import Arrival
from gatewright.engine.reviews import Reviewer
from tests.constraints import samples
from tests.constraints.test_admission import policies, review
from tests.constraints.test_brief import MATCHES
from tests.constraints.test_brief import policies as many_policies

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

ASKED = {"labelSelector", "namespaceSelector", "name", "source"}
BY_PLACE = [one for one in MATCHES if not ASKED & one.keys()]


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


class RefusesOnce(Reviewer):
    """A reviewer to whom the first review is not ordinary enough."""

    asked = False

    def receive(self, body: bytes, **options: Any) -> Arrival | None:
        if self.asked:
            return super().receive(body, **options)
        self.asked = True
        return None


def answers(data: bytes, snapshot: Snapshot, reviewer: Reviewer) -> list[bytes]:
    """As it comes, by the route that was learned if there is one now, and decoded."""
    refusing = RefusesOnce(snapshot.library, limits=reviewer.limits)
    return [
        Admission().judge(data, snapshot, each).body
        for each in (reviewer, reviewer, refusing)
    ]


@pytest.mark.parametrize("seed", range(8))
def test_all_ways_agree(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  only the same each time is asked
    snapshot = samples.opened(policies(DUMP))
    reviewer = snapshot.evaluation()
    for _ in range(60):
        body = copy.deepcopy(review())  # the Pod is everybody's
        for _ in range(chance.randint(1, 3)):
            spoil(body["request"] or body, chance)
        data = json.dumps(body).encode()
        first, routed, decoded = answers(data, snapshot, reviewer)

        assert first == routed == decoded, data


@pytest.mark.parametrize(
    "text",
    [
        '"operation":"DELETE"',
        '"uid":"other"',
        '"name":"other"',
        '"namespace":"default"',
        '"object":null',
        '"oldObject":{"apiVersion":"v1","kind":"Pod","metadata":{"name":"old"}}',
        '"userInfo":{"username":"a","username":"b"}',
        '"kind":{"group":"","version":"v1","kind":"Pod","kind":"Node"}',
        '"resource":{"group":"a","version":"v1","resource":"pods","group":"b"}',
        '"requestKind":{"group":"","version":"v1","kind":"Pod"},"requestKind":null',
        '"dryRun":true,"dryRun":false',
        '"Operation":"DELETE"',
    ],
)
def test_a_name_that_comes_twice_counts_as_in_go(text: str) -> None:
    snapshot = samples.opened(policies(DUMP))
    whole = json.dumps(review())
    head, _, rest = whole.partition('"request": {')
    for data in (
        f'{head}"request": {{{text},{rest}',
        f"{whole[:-2]},{text}}}}}",
        f'{whole[:-1]},"request":{{{text}}}}}',
    ):
        first, routed, decoded = answers(data.encode(), snapshot, snapshot.evaluation())

        assert first == routed == decoded, data


@pytest.mark.parametrize("seed", range(20))
def test_a_route_is_taken_by_its_like_alone(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  only the same each time is asked
    matches = MATCHES if seed % 2 else BY_PLACE
    snapshot = samples.opened(
        many_policies(chance, chance.choice([3, 12, 40]), matches)
    )
    reviewer = snapshot.evaluation()
    for _ in range(80):
        obj = samples.POD | {
            "apiVersion": chance.choice(["v1", "v2", "apps/v1", "a/b/c"]),
            "kind": chance.choice(["Pod", "Node", "Namespace", ""]),
            "metadata": {
                "name": chance.choice(["p", "default", "default2"]),
                "namespace": chance.choice(["default", "other", "", None, 5]),
                "labels": chance.choice([{}, {"a": "1"}, {"a": 2}]),
            },
        }
        old = {**obj, "kind": chance.choice(["Pod", "Node", obj["kind"]])}
        group = chance.choice(["", "apps", "constraints.gatekeeper.sh"])
        body = review(
            chance.choice([obj, obj, None]),
            oldObject=chance.choice([None, None, old, obj]),
            operation=chance.choice(["CREATE", "UPDATE", "DELETE"]),
            namespace=chance.choice(["default", "default", "other"]),
            kind={"group": group, "version": "v1", "kind": obj["kind"] or "Pod"},
        )
        data = json.dumps(body).encode()
        first, routed, decoded = answers(data, snapshot, reviewer)

        assert first == routed == decoded, data
    assert snapshot.routes or matches is MATCHES

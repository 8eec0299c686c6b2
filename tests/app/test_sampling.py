"""Which reviews are timed, what is counted of them and what is logged."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from gatewright.app.decider import Judging
from gatewright.app.generation import Generation
from gatewright.app.installation import Installation, parse_file
from gatewright.app.sampling import Sampler
from gatewright.constraints import policyset
from gatewright.constraints.admission import Admission
from gatewright.engine.limits import Limits
from gatewright.telemetry.board import Board
from gatewright.telemetry.log import Log
from tests.serve.server import constraint, namespace, review, template

QUICK = 'violation[{"msg": "no"}] { input.review.object.metadata.name == "bad" }'
SLOW = """violation[{"msg": "never"}] {
          xs := numbers.range(1, 200)
          xs[_] + xs[_] == -1
        }"""


@pytest.fixture(scope="module")
def held() -> Generation:
    """Two policies, one of which takes some 100,000 steps."""
    installation = Installation(policyset.Settings(), namespace="gatekeeper-system")
    text = "---\n".join(
        [
            *(template("Quick", QUICK), constraint("Quick", "quick")),
            *(template("Slow", SLOW), constraint("Slow", "slow")),
        ]
    )
    assert not installation.apply(dict(parse_file("p.yaml", text.encode())))
    return Generation(1, installation.build(), limits=Limits())


class Watched:
    """A sampler and what it says."""

    def __init__(self, **options: Any) -> None:
        self.costs = Board(1).costs(0)
        self.lines: list[dict[str, Any]] = []
        log = Log("test", write=lambda line: self.lines.append(json.loads(line)))
        self.sampler = Sampler(self.costs, log, **options)

    def decide(self, held: Generation, *, slices: int | None = None) -> None:
        """Take a decision, or some slices of it."""
        body = review(namespace())
        work = Judging(held, Admission(), body, log_denies=False, sampler=self.sampler)
        while slices is None or slices:
            if work.advance(20_000):
                work.answer()
                break
            slices = None if slices is None else slices - 1
        work.close()


def test_a_sampled_review_is_counted(held: Generation) -> None:
    """Each constraint once, with its steps; steps are the same each time."""
    watched = Watched(every=1)
    watched.decide(held)
    once = watched.costs.read()
    watched.decide(held)
    twice = watched.costs.read()

    assert set(once) == {("Quick", "quick"), ("Slow", "slow")}
    for named, cost in once.items():
        assert cost.count == 1
        assert cost.seconds == cost.most > 0
        assert twice[named].count == 2
        assert twice[named].steps == 2 * cost.steps
    assert once["Slow", "slow"].steps > 50_000 > once["Quick", "quick"].steps > 0


def test_a_long_review_counts_among_the_longest_only(held: Generation) -> None:
    """It was not chosen by chance: the constraint that runs on is timed, no other."""
    watched = Watched(every=10**9)
    watched.decide(held)

    (slow,) = watched.costs.read().items()
    assert slow[0] == ("Slow", "slow")
    assert slow[1].most > 0 == slow[1].count


def test_the_next_review_is_not_timed(held: Generation) -> None:
    """A reviewer that is used again does not stay timed."""
    watched = Watched(every=10**9)
    watched.decide(held)
    assert held.take().timed
    work = Judging(held, Admission(), review(namespace()), log_denies=False)
    assert not work.reviewer.timed
    work.close()


def test_slow_constraints_are_logged_once(held: Generation) -> None:
    """Once in a while; with what names the object."""
    watched = Watched(every=1, slow=1e-9)
    watched.decide(held)
    watched.decide(held)

    found = {line["constraint_name"]: line for line in watched.lines}
    assert len(watched.lines) == len(found) == 2
    line = found["slow"]
    assert line["msg"] == "constraint is slow"
    assert line["level"] == "warn"
    assert line["steps"] > 50_000
    assert (line["resource_kind"], line["resource_name"]) == ("Namespace", "n")


def test_a_review_that_is_given_up_is_told_of(held: Generation) -> None:
    """Its deadline passed: the reason is what one wants to know."""
    watched = Watched(every=10**9, slow=1e-9)
    watched.decide(held, slices=3)

    (line,) = watched.lines
    assert line["constraint_name"] == "slow"


def test_nothing_is_logged_where_that_is_off(held: Generation) -> None:
    """0 is never."""
    watched = Watched(every=1)
    watched.decide(held)

    assert watched.lines == []


def test_one_in_so_many() -> None:
    """In the mean; the distance is not even."""
    sampler = Watched(every=8).sampler
    marks = [number for number in range(8000) if sampler.due()]

    gaps = {after - before for before, after in itertools.pairwise(marks)}
    assert 800 < len(marks) < 1200
    assert gaps <= set(range(1, 16))
    assert len(gaps) > 8

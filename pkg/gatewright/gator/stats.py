"""What each template took, reviews run template by template with a clock; and what
each constraint took of reviews run as ever."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from gatewright.constraints.crd import TARGET
from gatewright.constraints.judge import Judgement, Result, Review
from gatewright.constraints.snapshot import Snapshot
from gatewright.engine.reviews import Outcome, Reviewer
from gatewright.gator.fields import Fields

__all__ = ["Clock", "ConstraintCost", "Profile", "TemplateRun"]


@dataclass(frozen=True, slots=True)
class TemplateRun:
    """One template's part in one review: the constraints it ran for, and ns."""

    kind: str
    constraints: int
    ns: int
    prints: bool = False

    def entry(self) -> Fields:
        """Return it as `gator test --stats` writes it."""
        source = Fields(type="engine", value="Rego")
        stats = [
            Fields(name="templateRunTimeNS", value=self.ns, source=source),
            Fields(name="constraintCount", value=self.constraints, source=source),
        ]
        labels: list[tuple[str, Any]] = [
            ("TracingEnabled", False),
            ("PrintEnabled", self.prints),
            ("target", TARGET),
        ]
        return Fields(
            scope="template",
            statsFor=self.kind,
            stats=stats,
            labels=[Fields(name=name, value=value) for name, value in labels],
        )


class Clock:
    """Judges reviews template by template; `runs` is what each took."""

    def __init__(self, *, prints: bool = False) -> None:
        self.runs: list[TemplateRun] = []
        self._prints = prints

    def judge(
        self, snapshot: Snapshot, reviewer: Reviewer, review: Review, point: str
    ) -> list[Result]:
        """Return the results of a review, by constraint; raise ReviewFailed."""
        judgement = Judgement.prepare(snapshot, review, point)
        by_kind: dict[str, list[int]] = {}
        for index, one in enumerate(judgement.matched):
            by_kind.setdefault(one.constraint.kind, []).append(index)
        calls = judgement.calls
        outcomes: list[Outcome] = [()] * len(calls)
        if calls:
            reviewer.set_review(review.document)
        for kind, places in by_kind.items():
            start = time.perf_counter_ns()
            found = reviewer.run([calls[place] for place in places])
            taken = time.perf_counter_ns() - start
            self.runs.append(TemplateRun(kind, len(places), taken, self._prints))
            for place, outcome in zip(places, found, strict=True):
                outcomes[place] = outcome
        return judgement.conclude(outcomes)


@dataclass(slots=True)
class ConstraintCost:
    """One constraint's part in all reviews: evaluations, and their ns and steps."""

    kind: str
    name: str
    evaluations: int = 0
    ns: int = 0
    most_ns: int = 0
    steps: int = 0

    def entry(self, total: int) -> Fields:
        """Return it for JSON and YAML; `total`: ns of all constraints."""
        count = max(1, self.evaluations)
        return Fields(
            kind=self.kind,
            name=self.name,
            evaluations=self.evaluations,
            percent=round(100 * self.ns / max(1, total), 2),
            meanNS=self.ns // count,
            maxNS=self.most_ns,
            meanSteps=self.steps // count,
        )


class Profile:
    """Judges reviews while each constraint is timed."""

    def __init__(self) -> None:
        self._costs: dict[tuple[str, str], ConstraintCost] = {}

    def judge(
        self, snapshot: Snapshot, reviewer: Reviewer, review: Review, point: str
    ) -> list[Result]:
        """Return the results of a review, by constraint; raise ReviewFailed."""
        judgement = Judgement.prepare(snapshot, review, point)
        calls = judgement.calls
        if not calls:
            return judgement.conclude(())
        reviewer.set_review(review.document)
        reviewer.timed = True
        try:
            outcomes = reviewer.run(calls)
        finally:
            reviewer.timed = False
        costs = reviewer.costs()
        for one, (ns, steps) in zip(judgement.matched, costs, strict=True):
            key = one.constraint.kind, one.constraint.name
            cost = self._costs.get(key)
            if cost is None:
                cost = self._costs[key] = ConstraintCost(*key)
            cost.evaluations += 1
            cost.ns += ns
            cost.most_ns = max(cost.most_ns, ns)
            cost.steps += steps
        return judgement.conclude(outcomes)

    @property
    def costs(self) -> list[ConstraintCost]:
        """Return what each constraint took, the dearest first."""
        return sorted(
            self._costs.values(), key=lambda one: (-one.ns, one.kind, one.name)
        )

"""What each template took: reviews run template by template, with a clock."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from gatewright.constraints.crd import TARGET
from gatewright.constraints.judge import Judgement, Result, Review
from gatewright.constraints.snapshot import Snapshot
from gatewright.engine.reviews import Outcome, Reviewer
from gatewright.gator.fields import Fields

__all__ = ["Clock", "TemplateRun"]


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

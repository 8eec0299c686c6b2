"""Which reviews are timed, and what becomes of the times.

One review in EVERY, by chance, is timed constraint by constraint, so that what is
counted is in proportion to what all reviews cost.  A review that did not end in its
first slice is timed from then on, too; it is long, so it counts only among the longest.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Final

from gatewright.telemetry.costs import Costs, Named
from gatewright.telemetry.log import Log

if TYPE_CHECKING:
    from gatewright.app.generation import Generation
    from gatewright.constraints.admission import Case

__all__ = ["EVERY", "Sampler"]

EVERY: Final = 32
#: Seconds until the same constraint is logged again.
QUIET: Final = 60.0
#: Names remembered as logged.
LOGGED: Final = 1000


class Sampler:
    """One worker's; `slow`: seconds of an evaluation that is logged (0: none is).

    `every` is the mean number of reviews to one that is timed.
    """

    def __init__(
        self, costs: Costs, log: Log, *, slow: float = 0.0, every: int = EVERY
    ) -> None:
        self.costs = costs
        self.log = log
        self.slow = slow or float("inf")
        self.every = every
        self._left = self._gap()
        self._policies = 0
        self._logged: dict[Named, float] = {}

    def _gap(self) -> int:
        # No even distance, which could keep step with the requests
        return random.randint(1, 2 * self.every - 1)  # noqa: S311 - no secret

    def due(self) -> bool:
        """Whether this review is to be timed."""
        self._left -= 1
        if self._left > 0:
            return False
        self._left = self._gap()
        return True

    def take(self, case: Case, held: Generation, *, counted: bool) -> None:
        """Count what the constraints of a case cost, and log the slow ones.

        `counted`: it was chosen by chance, and timed from its beginning.
        """
        judgement = case.judgement
        if judgement is None or not case.running:
            return
        if held.policies != self._policies:
            self._policies = held.policies
            self.costs.keep(
                lambda: {(one.kind, one.name) for one in held.snapshot.constraints}
            )
        add = self.costs.add
        slow = self.slow
        for one, (ns, steps) in zip(
            judgement.matched, case.reviewer.costs(), strict=True
        ):
            if not ns:
                continue  # it was over before the clock ran, or never began
            constraint = one.constraint
            seconds = ns / 1e9
            add((constraint.kind, constraint.name), seconds, steps, counted=counted)
            if seconds >= slow:
                self._tell(case, (constraint.kind, constraint.name), seconds, steps)

    def _tell(self, case: Case, named: Named, seconds: float, steps: int) -> None:
        now = time.monotonic()
        if now < self._logged.get(named, 0.0):
            return
        if len(self._logged) >= LOGGED:
            self._logged.clear()
        self._logged[named] = now + QUIET
        intake = case.intake
        assert intake is not None
        self.log.warning(
            "constraint is slow",
            process="admission",
            constraint_kind=named[0],
            constraint_name=named[1],
            seconds=round(seconds, 4),
            steps=steps,
            resource_group=intake.kind.group,
            resource_kind=intake.kind.kind,
            resource_namespace=intake.namespace,
            resource_name=intake.name,
        )

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
    from gatewright.constraints.selection import Candidate

__all__ = ["EVERY", "Sampler"]

EVERY: Final = 32
#: Seconds until the same constraint is logged again.
QUIET: Final = 60.0
#: Names remembered as logged.
LOGGED: Final = 1000


class _Places(dict["Candidate", int]):
    """Where the numbers of a constraint are: looked up once for each that is met."""

    def __init__(self, costs: Costs) -> None:
        super().__init__()
        self._costs = costs

    def __missing__(self, one: Candidate) -> int:
        constraint = one.constraint
        place = self._costs.place((constraint.kind, constraint.name))
        self[one] = place
        return place


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
        self._places = _Places(costs)
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
            self._places.clear()
            self.costs.keep(
                lambda: {(one.kind, one.name) for one in held.snapshot.constraints}
            )
        matched = judgement.matched
        for number, seconds, steps in case.reviewer.tally(
            matched,
            self._places,
            self.costs.numbers,
            counted=counted,
            slow=self.slow,
        ):
            constraint = matched[number].constraint
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

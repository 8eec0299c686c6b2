"""A review held against a snapshot: matching, evaluation, results in order.

`Judge` does it in two halves, so that the caller decides where evaluation runs:
`prepare` matches and loads the review into a reviewer, `conclude` reads the
outcomes.  `judge` does both in one go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from gatewright.constraints.constraint import Constraint
from gatewright.constraints.gosort import sort_like_go
from gatewright.constraints.selection import Candidate, Lineup
from gatewright.constraints.snapshot import Snapshot
from gatewright.engine.arrivals import Arrival
from gatewright.engine.documents import Doc
from gatewright.engine.errors import BudgetExceeded, EvalError, MessageError
from gatewright.engine.reviews import Outcome, Reviewer
from gatewright.match.block import ORIGINAL, MatchError
from gatewright.match.subject import NamespaceFacts, Subject

__all__ = [
    "Judgement",
    "Result",
    "Review",
    "ReviewCancelled",
    "ReviewFailed",
    "by_action",
    "judge",
    "judge_briefly",
]

_AUTOREJECT = "unable to match constraints: "
_NO_OBJECT = "invalid request object: neither object nor old object are defined"


class ReviewFailed(Exception):
    """The review as a whole has no answer; the text is the engine's or target's."""


class ReviewCancelled(Exception):
    """Evaluation was cut short: there is no verdict, and none may be made up."""


@dataclass(slots=True)
class Review:
    """What is judged.

    `document` is `input.review`.  `subjects` are the object and the old object,
    those that are there.  `broken` says why matching cannot look at them.
    `namespace` is the one the caller found, `home` the request's namespace, for
    which synced data are asked when there is none.  `operation` None: templates
    are not chosen by operation.
    """

    document: Doc
    subjects: Sequence[Subject]
    broken: str = ""
    namespace: NamespaceFacts | None = None
    home: str = ""
    source: str = ORIGINAL
    operation: str | None = None


class Result(NamedTuple):
    """One violation, or a constraint that could not be held against the object.

    `action` is the constraint's; for a scoped one `scoped` are the actions at the
    enforcement point.  `details` is what the policy gave, None when nothing ran.
    `unevaluated`: the constraint was stopped before it had an answer; `rejected`:
    whether it matches could not be said.
    """

    constraint: Constraint
    message: str
    details: Any
    action: str
    scoped: tuple[str, ...]
    unevaluated: bool = False
    rejected: bool = False


_NOTHING: Final = Lineup.of(())


@dataclass(slots=True)
class Judgement:
    """A review under way: what was matched, and what is certain already.

    `foreseen`: every object of the kind, in the namespace, has this lineup.
    """

    lineup: Lineup = _NOTHING
    rejected: list[Result] = field(default_factory=list)
    foreseen: bool = False

    @classmethod
    def prepare(cls, snapshot: Snapshot, review: Review, point: str) -> Judgement:
        """Match a review against the constraints in force at an enforcement point."""
        out = cls()
        subjects = review.subjects
        namespace = review.namespace
        if namespace is None and review.home:
            namespace = snapshot.synced_namespace(review.home)
        if not subjects or review.broken:
            out._match_nothing(snapshot.everything(point), review)
            return out
        first = subjects[0]
        if len(subjects) == 1 or _same_place(first, subjects[1]):
            selection = snapshot.selection(point, first, namespace, review.operation)
            places = selection.places(subjects)
            if not places:
                out.lineup = selection.certain
                out.foreseen = selection.whole
                return out
            entries = selection.entries
            out.lineup = selection.with_places(
                [
                    place
                    for place in places
                    if out._matches(entries[place], review, namespace, placed=True)
                ]
            )
        else:
            operation = review.operation
            out.lineup = Lineup.of(
                [
                    one
                    for one in snapshot.everything(point)
                    if (
                        one.operations is None
                        or operation is None
                        or operation in one.operations
                    )
                    and out._matches(one, review, namespace, placed=False)
                ]
            )
        return out

    def _matches(
        self,
        one: Candidate,
        review: Review,
        namespace: NamespaceFacts | None,
        *,
        placed: bool,
    ) -> bool:
        matcher = one.matcher
        if matcher is None:
            return True
        matches = matcher.matches_object if placed else matcher.matches
        for subject in review.subjects:
            try:
                if matches(subject, namespace, review.source):
                    return True
            except MatchError as error:
                reason = f"error matching the requested object: {subject.name} :{error}"
                self.rejected.append(_rejection(one, reason))
                break
        return False

    def _match_nothing(self, candidates: Sequence[Candidate], review: Review) -> None:
        # Without an object to look at only constraints that match anything do.
        matched: list[Candidate] = []
        for one in candidates:
            wanted, given = one.operations, review.operation
            if wanted is not None and given is not None and given not in wanted:
                continue
            if one.unconditional:
                matched.append(one)
            else:
                self.rejected.append(_rejection(one, review.broken or _NO_OBJECT))
        self.lineup = Lineup.of(matched)

    @property
    def matched(self) -> Sequence[Candidate]:
        """Return the constraints that match, in order."""
        return self.lineup.candidates

    @property
    def calls(self) -> Sequence[tuple[int, int]]:
        """Return what the engine must run."""
        return self.lineup.calls

    def conclude(self, outcomes: Sequence[Outcome]) -> list[Result]:
        """Return the results, by constraint; raise ReviewFailed, ReviewCancelled.

        Those of one constraint are in the order of the policy's set.
        """
        results: list[Result] = []
        for one, outcome in zip(self.matched, outcomes, strict=True):
            if not outcome:
                continue
            if type(outcome) is not tuple:
                results = self._with_failures(outcomes)
                break
            for message, details in outcome:
                results.append(
                    Result(one.constraint, message, details, one.action, one.scoped)
                )
        if self.rejected:
            results += self.rejected
            results.sort(key=lambda r: (r.constraint.kind, r.constraint.name))
        return results

    def _with_failures(self, outcomes: Sequence[Outcome]) -> list[Result]:
        results: list[Result] = []
        failed = self._failed_kinds(outcomes)
        for one, outcome in zip(self.matched, outcomes, strict=True):
            constraint = one.constraint
            if failed and constraint.kind in failed:
                # A policy that fails does so for all constraints of its kind.
                text = failed[constraint.kind]
                results.append(Result(constraint, text, None, one.action, one.scoped))
            elif type(outcome) is tuple:
                for message, details in outcome:
                    results.append(
                        Result(constraint, message, details, one.action, one.scoped)
                    )
            else:
                text = f"constraint was not evaluated: {outcome}"
                results.append(
                    Result(constraint, text, None, one.action, one.scoped, True)
                )
        return results

    def _failed_kinds(self, outcomes: Sequence[Outcome]) -> Mapping[str, str]:
        failed: dict[str, str] = {}
        for one, outcome in zip(self.matched, outcomes, strict=True):
            if type(outcome) is tuple:
                continue
            if isinstance(outcome, BudgetExceeded):
                if outcome.reason == "cancelled":
                    raise ReviewCancelled(str(outcome))
            elif isinstance(outcome, MessageError):
                raise ReviewFailed(f"Rego: {outcome}\n")
            elif isinstance(outcome, EvalError):
                failed.setdefault(one.constraint.kind, str(outcome))
        return failed


def _same_place(one: Subject, other: Subject) -> bool:
    # Whether kind and namespace select the same for both
    return (
        one.kind == other.kind
        and one.group == other.group
        and one.namespace == other.namespace
        and not (one.is_namespace and one.name != other.name)
    )


def _rejection(one: Candidate, reason: str) -> Result:
    text = _AUTOREJECT + reason
    return Result(one.constraint, text, None, one.action, one.scoped, rejected=True)


def judge(
    snapshot: Snapshot,
    reviewer: Reviewer,
    review: Review,
    point: str,
    *,
    steps: int | None = None,
    deadline_ns: int = 0,
) -> list[Result]:
    """Return the results of a review; raise ReviewFailed, ReviewCancelled.

    `steps` is the budget of each constraint, `deadline_ns` on the clock of
    time.monotonic_ns the end of all.
    """
    judgement = Judgement.prepare(snapshot, review, point)
    calls = judgement.calls
    if not calls:
        return judgement.conclude(())
    reviewer.set_review(review.document)
    outcomes = reviewer.run(calls, steps=steps, deadline_ns=deadline_ns)
    return judgement.conclude(outcomes)


def judge_briefly(
    snapshot: Snapshot,
    reviewer: Reviewer,
    arrival: Arrival,
    review: Review,
    point: str,
) -> tuple[bytes, bool, int] | None:
    """Return the answer to a review that has arrived (see `Reviewer.answer`).

    `review` says what it is held against; its document is not looked at.  None: only
    `judge` has the answer.
    """
    judgement = Judgement.prepare(snapshot, review, point)
    if judgement.rejected:
        return None
    lineup = judgement.lineup
    if lineup.calls:
        arrival.set_out(lineup.roster, None, steps=reviewer.limits.steps)
        while not reviewer.advance(1_000_000):
            pass
    return reviewer.answer(arrival, lineup.roster)


def by_action(results: list[Result]) -> list[Result]:
    """Return results by action and message: the order of answers."""
    if len(results) < 2:
        return results
    return sort_like_go(results, key=lambda one: (one.action, one.message))

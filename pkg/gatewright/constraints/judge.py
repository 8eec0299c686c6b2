"""A review held against a snapshot: matching, evaluation, results in order.

`Judge` does it in two halves, so that the caller decides where evaluation runs:
`prepare` matches and loads the review into a reviewer, `conclude` reads the
outcomes.  `judge` does both in one go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gatewright.constraints.constraint import Constraint
from gatewright.constraints.gosort import sort_like_go
from gatewright.constraints.snapshot import Candidate, Snapshot
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


@dataclass(slots=True)
class Judgement:
    """A review under way: what was matched, and what is certain already."""

    matched: list[Candidate] = field(default_factory=list)
    rejected: list[Result] = field(default_factory=list)

    @classmethod
    def prepare(cls, snapshot: Snapshot, review: Review, point: str) -> Judgement:
        """Match a review against the constraints in force at an enforcement point."""
        out = cls()
        subjects = review.subjects
        namespace = review.namespace
        if namespace is None and review.home:
            namespace = snapshot.synced_namespaces.get(review.home)
        if not subjects or review.broken:
            out._match_nothing(snapshot.everything(point), review)
            return out
        first = subjects[0]
        if len(subjects) == 1 or (
            subjects[1].kind == first.kind and subjects[1].group == first.group
        ):
            candidates = snapshot.candidates(point, first.group, first.kind)
            out._match(candidates, review, namespace, by_kind=True)
        else:
            out._match(snapshot.everything(point), review, namespace, by_kind=False)
        return out

    def _match(
        self,
        candidates: Sequence[Candidate],
        review: Review,
        namespace: NamespaceFacts | None,
        *,
        by_kind: bool,
    ) -> None:
        operation, source, subjects = review.operation, review.source, review.subjects
        matched = self.matched
        for one in candidates:
            wanted = one.operations
            if wanted is not None and operation is not None and operation not in wanted:
                continue
            matcher = one.matcher
            if matcher is None:
                matched.append(one)
                continue
            matches = matcher.matches_rest if by_kind else matcher.matches
            for subject in subjects:
                try:
                    if matches(subject, namespace, source):
                        matched.append(one)
                        break
                except MatchError as error:
                    reason = (
                        f"error matching the requested object: {subject.name} :{error}"
                    )
                    self.rejected.append(_rejection(one, reason))
                    break

    def _match_nothing(self, candidates: Sequence[Candidate], review: Review) -> None:
        # Without an object to look at only constraints that match anything do.
        for one in candidates:
            wanted, given = one.operations, review.operation
            if wanted is not None and given is not None and given not in wanted:
                continue
            if one.unconditional:
                self.matched.append(one)
            else:
                self.rejected.append(_rejection(one, review.broken or _NO_OBJECT))

    @property
    def calls(self) -> list[tuple[int, int]]:
        """Return what the engine must run."""
        return [(one.policy, one.parameters) for one in self.matched]

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


def by_action(results: list[Result]) -> list[Result]:
    """Return results by action and message: the order of answers."""
    if len(results) < 2:
        return results
    return sort_like_go(results, key=lambda one: (one.action, one.message))

"""The verdict on one admission request: `/v1/admit`, from body bytes to answer bytes.

Source of behaviour: Gatekeeper's validation webhook, step by step.  HTTP matters
(content type, size, method) are the webhook's.

    admission = Admission(...)
    case = admission.open(body, snapshot, reviewer)
    while not case.advance(steps, deadline_ns):   # may be done elsewhere
        ...
    verdict = case.brief() or case.close()

`judge` does all of it at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from gatewright.constraints import actions, exclusion, reviewdoc
from gatewright.constraints.judge import (
    Judgement,
    Result,
    Review,
    ReviewFailed,
    by_action,
)
from gatewright.constraints.namespaces import (
    NamespaceError,
    NamespaceLookup,
    NamespaceRecord,
)
from gatewright.constraints.resources import GROUPS, ResourceGuard
from gatewright.constraints.reviewdoc import Intake
from gatewright.constraints.selection import Lineup
from gatewright.constraints.snapshot import Snapshot
from gatewright.engine.arrivals import Arrival
from gatewright.engine.documents import Doc, JsonError
from gatewright.engine.reviews import Outcome, Reviewer
from gatewright.engine.values import UNDEFINED
from gatewright.k8s import gojson
from gatewright.k8s import review as reviews
from gatewright.k8s.review import ObjectError, Response, ReviewError, allowed, errored
from gatewright.match.subject import Subject

__all__ = ["Admission", "Brief", "Case", "Verdict"]

_TARGET: Final = "admission.k8s.gatekeeper.sh"
_SELF: Final = allowed("Gatekeeper does not self-manage")
_IGNORED: Final = allowed("Namespace is set to be ignored by Gatekeeper config")
_KNOWN: Final = (actions.DENY, actions.DRYRUN, actions.WARN)
#: Steps of one constraint: about two seconds of a core.
DEFAULT_STEPS: Final = 400_000_000

Ending = Literal["allow", "deny", "error", "unread"]


@dataclass(slots=True)
class Verdict:
    """What was decided, and what is worth telling.

    `body` is the answer.  `outcome`: `unread` is a body that was no review.
    `counted`: whether request metrics count it (requests of Gatekeeper itself and
    refused own resources are not).  `ignored` are results whose action is unknown,
    `unevaluated` those of constraints that were stopped.
    """

    body: bytes
    response: Response
    outcome: Ending
    generation: str
    intake: Intake | None = None
    results: Sequence[Result] = ()
    counted: bool = True
    ignored: Sequence[Result] = ()

    @property
    def unevaluated(self) -> list[Result]:
        """Return the results that only say that a constraint was stopped."""
        return [one for one in self.results if one.unevaluated]


@dataclass(frozen=True, slots=True)
class Admission:
    """How requests are judged.

    `namespace` is where Gatekeeper runs: its own service account is let through.
    `steps` is the budget of each constraint.
    """

    namespace: str = "gatekeeper-system"
    guard: ResourceGuard = field(default_factory=ResourceGuard)
    steps: int = DEFAULT_STEPS
    #: The user whose requests are never judged; `own_account` in bytes.
    own_name: str = field(init=False)
    own_account: bytes = field(init=False)

    def __post_init__(self) -> None:
        """Say once what each request is compared with."""
        account = f"system:serviceaccount:{self.namespace}:gatekeeper-admin"
        object.__setattr__(self, "own_name", account)
        object.__setattr__(self, "own_account", account.encode())

    def judge(
        self,
        body: bytes,
        snapshot: Snapshot,
        reviewer: Reviewer,
        *,
        deadline_ns: int = 0,
    ) -> Verdict:
        """Return the verdict on a body; raise ReviewCancelled."""
        case = self.open(body, snapshot, reviewer)
        while not case.advance(1_000_000, deadline_ns):
            pass
        return case.close()

    def open(
        self,
        body: bytes,
        snapshot: Snapshot,
        reviewer: Reviewer,
        *,
        namespaces: NamespaceLookup | None = None,
    ) -> Case:
        """Read a body, match it, and set out to evaluate what matches.

        `namespaces` is asked for those that the snapshot does not have, which it may
        find there itself; what it raises besides NamespaceError passes through.
        """
        case = Case(body, snapshot, reviewer)
        try:
            arrival = reviewer.receive(
                body, routes=snapshot.routes, but=self.own_account, steps=self.steps
            )
        except JsonError:
            arrival = None
        if arrival is not None and arrival.route is not None:
            case.take(arrival, arrival.route.lineup)
        else:
            self._look(case, arrival, namespaces)
        return case

    def _look(
        self, case: Case, arrival: Arrival | None, missing: NamespaceLookup | None
    ) -> None:
        """Find out what a review is held against, and set out."""
        snapshot = case.snapshot
        try:
            intake = reviewdoc.taken(case.body, arrival, case.reviewer)
        except ReviewError as error:
            case.decide(errored(400, str(error)), "unread", counted=False)
            return
        case.intake = intake
        if intake.username == self.own_name:
            case.decide(_SELF, "allow", counted=False)
            return
        if intake.kind.group in GROUPS:
            refusal = self.guard.refuse(intake.decoded(), snapshot)
            if refusal is not None:
                case.decide(refusal, "error", counted=False)
                return
        if _excluded(intake, snapshot):
            case.decide(_IGNORED, "allow")
            return
        try:
            record = _namespace(intake, snapshot, missing)
            review = _review(intake, record)
        except _FailedError as error:
            case.decide(errored(500, str(error)), "error")
            return
        judgement = Judgement.prepare(snapshot, review, actions.WEBHOOK)
        lineup = judgement.lineup
        if judgement.foreseen and intake.kind.group not in GROUPS:
            snapshot.learn(intake.arrival, lineup, record)
        if lineup.calls:
            intake.arrival.set_out(
                lineup.roster,
                None if record is None else record.document,
                steps=self.steps,
                homeless=intake.is_namespace,
            )
        case.take(intake.arrival, lineup, judgement)


def _namespace(
    intake: Intake, snapshot: Snapshot, missing: NamespaceLookup | None
) -> NamespaceRecord | None:
    if intake.is_namespace:
        # A server-side apply of a Namespace names itself as its namespace.
        intake.namespace = ""
    if not intake.namespace:
        return None
    try:
        return (missing or snapshot.namespaces).find(intake.namespace)
    except NamespaceError as error:
        raise _FailedError(f"failed to create augmentedReview: {error}") from None


def _review(intake: Intake, record: NamespaceRecord | None) -> Review:
    deleted = intake.operation == "DELETE"
    subject = None
    judged = intake.old_object if deleted else intake.object
    if judged is not None:
        try:
            subject = _subject(judged, intake, "oldObject" if deleted else "object")
        except ObjectError as error:
            raise _FailedError(
                f"error decoding generator resource {intake.name}: {error}"
            ) from None
        if not any(intake.kind):
            # As Gatekeeper, whatever is expanded; an API server names the kind always.
            named = judged.get_python("metadata", "name")
            name = named if type(named) is str else ""
            raise _FailedError(
                f"unable to expand object: cannot expand resource {name} with empty GVK"
            )
    if deleted and subject is None:
        raise _FailedError(
            f"error reviewing resource {intake.name}: {_TARGET}: target.HandleReview "
            f'failed for target "{_TARGET}": oldObject cannot be nil for DELETE operations\n'
        )
    subjects = [] if subject is None else [subject]
    broken = ""
    if not deleted and intake.old_object is not None:
        try:
            subjects.append(_subject(intake.old_object, intake, "oldObject"))
        except ObjectError:
            text = gojson.member(intake.body, "request", "oldObject") or b""
            shown = text.decode("utf-8", "replace")
            broken = f"invalid request object: failed to unmarshal gkReview oldObject {shown}"
    return Review(
        reviewdoc.NO_DOCUMENT,
        subjects,
        broken,
        None if record is None else record.facts,
        intake.namespace,
        operation=intake.operation,
    )


class _FailedError(Exception):
    """A request that could not be judged: answered with code 500."""


def _subject(obj: Doc, intake: Intake, field: str) -> Subject:
    try:
        return reviewdoc.subject_of(obj)
    except ObjectError as error:
        if str(error):
            raise
        # Go's words need the text of the object.
        reviews.check_object(
            _frame(obj), lambda: gojson.member(intake.body, "request", field)
        )
        raise AssertionError("an object without kind is taken for one with") from None


def _frame(obj: Doc) -> object:
    """Return a value of the same JSON type, an object with its type fields only."""
    start = obj.json()[:1]
    if start != b"{":
        return [] if start == b"[" else obj.python()
    found = {name: obj.get(name) for name in ("apiVersion", "kind")}
    return {
        name: value.python() for name, value in found.items() if isinstance(value, Doc)
    }


def _excluded(intake: Intake, snapshot: Snapshot) -> bool:
    if exclusion.WEBHOOK not in snapshot.exclusions.patterns:
        return False
    obj = intake.old_object if intake.operation == "DELETE" else intake.object
    if obj is None or type(obj.get_python("kind")) is not str:
        # What cannot be read is not excluded: it goes on to fail, or not, there.
        return False
    name = intake.namespace
    if obj.get_python("kind") == "Namespace" and _core(obj.get_python("apiVersion")):
        found = obj.get_python("metadata", "name")
        name = found if type(found) is str else ""
    return snapshot.exclusions.excludes(exclusion.WEBHOOK, name)


def _core(api_version: object) -> bool:
    return api_version is UNDEFINED or (
        type(api_version) is str and "/" not in api_version
    )


class Brief(NamedTuple):
    """An answer and what it says, for who does not ask what led to it.

    `results`: how many violations it tells of, or keeps to itself.
    """

    body: bytes
    allowed: bool
    results: int
    dry_run: bool


class Case:
    """One request under way: `advance` until it says so, then `close`."""

    __slots__ = (
        "_decided",
        "_intake",
        "_judgement",
        "arrival",
        "body",
        "lineup",
        "reviewer",
        "running",
        "snapshot",
    )

    def __init__(self, body: bytes, snapshot: Snapshot, reviewer: Reviewer) -> None:
        self.body = body
        self.snapshot = snapshot
        self.reviewer = reviewer
        self.arrival: Arrival | None = None
        self.lineup: Lineup | None = None
        self.running = False
        self._intake: Intake | None = None
        self._judgement: Judgement | None = None
        self._decided: Verdict | None = None

    def take(
        self, arrival: Arrival, lineup: Lineup, judgement: Judgement | None = None
    ) -> None:
        """Take a review that has set out with a lineup, or needs not to."""
        self.arrival = arrival
        self.lineup = lineup
        self._judgement = judgement
        self.running = bool(lineup.calls)

    @property
    def intake(self) -> Intake | None:
        """What the request says; None if it could not be read."""
        if self._intake is None and self.arrival is not None:
            self._intake = reviewdoc.intake_of(self.body, self.arrival, None)
        return self._intake

    @intake.setter
    def intake(self, value: Intake) -> None:
        self._intake = value

    @property
    def judgement(self) -> Judgement | None:
        """What was matched; None if nothing was asked."""
        if self._judgement is None and self.lineup is not None:
            self._judgement = Judgement(self.lineup)
        return self._judgement

    def decide(
        self, response: Response, outcome: Ending, *, counted: bool = True
    ) -> None:
        """Settle the case without evaluation."""
        intake = self.intake
        self._decided = Verdict(
            reviews.render(response, None if intake is None else intake.echo),
            response,
            outcome,
            self.snapshot.generation,
            intake,
            counted=counted,
        )

    def advance(self, steps: int, deadline_ns: int = 0) -> bool:
        """Evaluate so many steps more; True when there is nothing left to do."""
        return not self.running or self.reviewer.advance(steps, deadline_ns=deadline_ns)

    def brief(self) -> Brief | None:
        """Return the answer without its results, if that can be had; else None.

        `close` has the same answer, and whatever cannot be said briefly.
        """
        arrival, lineup = self.arrival, self.lineup
        if self._decided is not None or arrival is None or lineup is None:
            return None
        if self._judgement is not None and self._judgement.rejected:
            return None
        found = self.reviewer.answer(arrival, lineup.roster)
        return None if found is None else Brief(*found, arrival.dry_run)

    def _outcomes(self) -> Sequence[Outcome]:
        if not self.running:
            return ()
        try:
            return self.reviewer.outcomes()
        except RecursionError:
            # What the request holds must not decide that there is no answer.
            raise ReviewFailed("Rego: details are nested too deep\n") from None

    def close(self) -> Verdict:
        """Return the verdict; raise ReviewCancelled when evaluation was cut short."""
        if self._decided is not None:
            return self._decided
        intake, judgement = self.intake, self.judgement
        assert intake is not None
        assert judgement is not None
        try:
            found = judgement.conclude(self._outcomes())
        except ReviewFailed as error:
            text = f"error reviewing resource {intake.name}: {_TARGET}: {error}\n"
            self.decide(errored(500, text), "error")
            assert self._decided is not None
            return self._decided
        results = by_action(found)
        response, ignored = answer(results)
        return Verdict(
            reviews.render(response, intake.echo),
            response,
            "allow" if response.allowed else "deny",
            self.snapshot.generation,
            intake,
            results,
            ignored=ignored,
        )


_ALLOWED: Final = allowed()


def answer(results: Sequence[Result]) -> tuple[Response, list[Result]]:
    """Return the answer that results add up to, and those whose action is unknown."""
    if not results:
        return _ALLOWED, []
    denials: list[str] = []
    warnings: list[str] = []
    ignored: list[Result] = []
    for one in results:
        action = one.action
        if action == actions.DRYRUN:
            continue
        text = f"[{one.constraint.name}] {one.message}"
        if action == actions.DENY:
            denials.append(text)
        elif action == actions.WARN:
            warnings.append(text)
        elif action == actions.SCOPED and any(x in _KNOWN for x in one.scoped):
            if actions.DENY in one.scoped:
                denials.append(text)
            if actions.WARN in one.scoped:
                warnings.append(text)
        else:
            ignored.append(one)
    if denials:
        message = "\n".join(denials)
        return Response(False, 403, message, "Forbidden", warnings), ignored
    return Response(True, 299 if warnings else 200, warnings=warnings), ignored

"""Decides requests under the generation in force: joins policies and mutators.

Each request is decided under one generation, the one whose number is on the
board when the request is whole.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gatewright.app.denials import violation_fields
from gatewright.app.generation import Generation
from gatewright.app.later import Later
from gatewright.app.lookups import Known, Lookups, NamespaceMiss
from gatewright.app.sampling import Sampler
from gatewright.app.settings import Settings
from gatewright.constraints import reviewdoc
from gatewright.constraints.admission import Admission, Case, Verdict
from gatewright.constraints.labelguard import LabelGuard
from gatewright.constraints.namespaces import NamespaceLookup, NamespaceRecord
from gatewright.constraints.resources import ResourceGuard
from gatewright.constraints.reviewdoc import Intake
from gatewright.engine.documents import Doc, LimitError
from gatewright.engine.reviews import Reviewer
from gatewright.k8s import review as reviews
from gatewright.mutation.errors import MutatorError
from gatewright.mutation.mutator import parse_mutator
from gatewright.mutation.review import (
    Item,
    MutationContext,
    MutationOutcome,
    review,
    review_document,
)
from gatewright.telemetry.board import Board
from gatewright.webhook.decisions import Answer, Event, Status, Work

__all__ = [
    "GenerationDecider",
    "check_mutator",
    "item_of",
    "mutated",
    "mutation_events",
]

JSON: Final = "application/json"
TOO_LARGE: Final = "request entity is too large; limit is %d bytes"
EMPTY: Final = "request body is empty"
#: Bytes of a body from which on even its reading is left to the pool: 0.1 ms, and
#: 1 ms where it must be decoded.
LARGE: Final = 64 << 10
LEFT_OUT: Final = "constraint not evaluated: over its budget"


def check_mutator(obj: Mapping[str, Any]) -> tuple[str, bool] | None:
    """Is a mutator acceptable to the API server: None, or text and whose fault."""
    try:
        parse_mutator(obj)
    except MutatorError as error:
        return str(error), True
    return None


class Settled:
    """Work that is done already."""

    __slots__ = ("_answer", "generation")

    def __init__(self, generation: int, answer: Answer) -> None:
        self.generation = generation
        self._answer = answer

    def advance(self, steps: int) -> bool:  # noqa: ARG002 - nothing to do
        return True

    def answer(self) -> Answer:
        return self._answer

    def close(self) -> None:
        return


class Judging:
    """A request to `/v1/admit` under way."""

    __slots__ = (
        "begun",
        "case",
        "done",
        "emit",
        "held",
        "log_denies",
        "reviewer",
        "sampled",
        "sampler",
        "timed",
    )

    def __init__(
        self,
        held: Generation,
        admission: Admission,
        body: bytes,
        *,
        log_denies: bool,
        namespaces: NamespaceLookup | None = None,
        emit: Callable[[Verdict, int], None] | None = None,
        sampler: Sampler | None = None,
    ) -> None:
        self.held = held
        self.emit = emit
        self.log_denies = log_denies
        self.begun = self.done = False
        self.sampler = sampler
        self.sampled = self.timed = sampler is not None and sampler.due()
        self.reviewer = reviewer = held.take()
        if reviewer.timed is not self.timed:
            reviewer.timed = self.timed
        self.case: Case = admission.open(
            body, held.snapshot, reviewer, namespaces=namespaces
        )

    @property
    def generation(self) -> int:
        return self.held.number

    def advance(self, steps: int) -> bool:
        if self.begun:
            # It takes long: by which constraint?
            self.reviewer.timed = self.timed = self.sampler is not None
        self.begun = True
        self.done = done = self.case.advance(steps)
        return done

    def answer(self) -> Answer:
        if self.timed:
            self.tell_costs()
        brief = self.case.brief()
        if brief is not None and (
            not brief.results or not (self.log_denies or self.emit is not None)
        ):
            status: Status = "allow" if brief.allowed else "deny"
            return Answer(brief.body, status, brief.dry_run)
        verdict = self.case.close()
        if self.emit is not None and verdict.results:
            self.emit(verdict, self.held.number)
        outcome = verdict.outcome if verdict.counted else ""
        return Answer(
            verdict.body,
            "" if outcome == "unread" else outcome,
            dry_run=verdict.intake is not None and verdict.intake.dry_run,
            events=self.events(verdict) if verdict.results else (),
            not_evaluated=len(verdict.unevaluated) if verdict.results else 0,
        )

    def events(self, verdict: Verdict) -> tuple[Event, ...]:
        """What is worth a line: denials if asked for, and what was left out."""
        shown = verdict.results if self.log_denies else verdict.unevaluated
        return tuple(
            Event(
                LEFT_OUT if one.unevaluated else f"denied admission: {one.message}",
                violation_fields(verdict, one, self.held.number),
            )
            for one in shown
        )

    def tell_costs(self) -> None:
        """Say what the constraints cost, if that was looked at."""
        if self.timed and self.sampler is not None:
            self.sampler.take(self.case, self.held, counted=self.sampled)

    def close(self) -> None:
        # One that was stopped in the middle is dropped, not reused.
        if self.done:
            self.held.give(self.reviewer)
        else:
            self.tell_costs()


@dataclass(slots=True)
class GenerationDecider:
    """`held`: the generations that this worker has mapped, by number; `lookups`: where
    to ask after namespaces that they do not have (None: there are no others);
    `sampler`: who counts what constraints cost (None: nobody)."""

    board: Board
    settings: Settings
    held: dict[int, Generation]
    admission: Admission
    guard: LabelGuard
    lookups: Lookups | None = None
    sampler: Sampler | None = None

    @classmethod
    def of(
        cls,
        board: Board,
        settings: Settings,
        lookups: Lookups | None = None,
        *,
        held: dict[int, Generation] | None = None,
        sampler: Sampler | None = None,
    ) -> GenerationDecider:
        return cls(
            board,
            settings,
            {} if held is None else held,
            Admission(
                namespace=settings.namespace,
                guard=ResourceGuard(
                    check_actions=settings.check_actions, mutators=check_mutator
                ),
                steps=settings.limits.steps,
            ),
            LabelGuard.of(
                settings.exempt_namespaces,
                settings.exempt_prefixes,
                settings.exempt_suffixes,
            ),
            lookups,
            sampler,
        )

    def start(
        self, endpoint: str, body: bytes, content_type: str | None
    ) -> Work | None:
        held = self.held.get(self.board.word(Board.GENERATION))
        if held is None:
            return None
        if not body:
            return Settled(held.number, refused(400, EMPTY))
        if content_type != JSON:
            words = f"contentType={content_type or ''}, expected {JSON}"
            return Settled(held.number, refused(400, words))
        if len(body) > LARGE:
            return Later(held.number, lambda: self.decide(endpoint, body, held, {}))
        return self.decide(endpoint, body, held, {})

    def decide(
        self,
        endpoint: str,
        body: bytes,
        held: Generation,
        asked: Mapping[str, NamespaceRecord | None],
    ) -> Work:
        """The decision, or first the question after a namespace that it needs."""
        lookups = self.lookups
        if lookups is None:
            return self.begin(endpoint, body, held, None)
        try:
            known = Known(held.snapshot.namespaces, asked)
            return self.begin(endpoint, body, held, known)
        except NamespaceMiss as miss:
            name = miss.name

        def ask() -> Work:
            return self.decide(endpoint, body, held, {name: lookups.ask(name)})

        return Later(held.number, ask)

    def begin(
        self,
        endpoint: str,
        body: bytes,
        held: Generation,
        namespaces: NamespaceLookup | None,
    ) -> Work:
        """Decide, or set out to."""
        try:
            if endpoint == "admit":
                return Judging(
                    held,
                    self.admission,
                    body,
                    log_denies=self.settings.log_denies,
                    namespaces=namespaces,
                    emit=self.emit if self.settings.emit_events else None,
                    sampler=self.sampler,
                )
            answer = self.settle(endpoint, body, held, namespaces)
            return Settled(held.number, answer)
        except LimitError as error:
            return Settled(held.number, refused(500, str(error)))

    def emit(self, verdict: Verdict, generation: int) -> None:
        """Have Events written of what was found."""
        if self.lookups is None:
            return
        intake = verdict.intake
        involved: dict[str, str] | None = None
        if self.settings.involved_namespace:
            obj = None if intake is None else intake.object or intake.old_object
            involved = {}
            for name in ("uid", "resourceVersion"):
                value = None if obj is None else obj.get_python("metadata", name)
                involved[name] = value if isinstance(value, str) else ""
        self.lookups.tell(
            [
                {
                    "fields": violation_fields(verdict, one, generation),
                    "message": one.message,
                    "home": self.settings.namespace,
                    "involved": involved,
                }
                for one in verdict.results
                if not one.unevaluated
            ]
        )

    def settle(
        self,
        endpoint: str,
        body: bytes,
        held: Generation,
        namespaces: NamespaceLookup | None,
    ) -> Answer:
        """Requests that are decided at once."""
        context = held.mutation_context(
            own_account=self.admission.own_name,
            new_id=lambda: str(uuid.uuid4()),
            annotate=self.settings.mutation_annotations,
            log=self.settings.log_mutations,
            namespaces=namespaces,
        )
        if endpoint == "mutate":
            reviewer = held.take()
            try:
                answer = mutated(body, reviewer, context, held.number)
            finally:
                reviewer.release()
                held.give(reviewer)
            if answer is not None:
                return answer
        try:
            request = reviews.decode(body)
        except reviews.ReviewError as error:
            return refused(400, str(error))
        if endpoint == "admitlabel":
            return Answer(reviews.render(self.guard.judge(request), request.echo))
        out = review(request, context)
        events = mutation_events(request, out, context, held.number)
        return Answer(
            reviews.render(out.response, request.echo), out.status, events=events
        )

    def too_large(self) -> Answer:
        return refused(413, TOO_LARGE % self.settings.limits.body)


def mutated(
    body: bytes, reviewer: Reviewer, context: MutationContext, generation: int
) -> Answer | None:
    """The answer to a request to `mutate` that can be read as it came, which is nearly
    every one.  None where it must be decoded, for its own sake or to say its faults."""
    try:
        intake = reviewdoc.read(body, reviewer, exact=True)
        if intake.plain is not None or intake.object is None:
            return None
        out = review_document(item_of(intake, intake.object), reviewer, context)
    except (reviews.ReviewError, reviews.ObjectError, LimitError):
        return None
    if out is None:
        return None
    events = mutation_events(intake, out, context, generation)
    return Answer(reviews.render(out.response, intake.echo), out.status, events=events)


def item_of(intake: Intake, obj: Doc) -> Item:
    """What mutators ask of a request, `obj` being its object.  Raises ObjectError."""
    subject, version = reviewdoc.versioned(obj)
    return Item(
        obj,
        subject,
        version,
        intake.username,
        intake.operation,
        intake.kind.group,
        intake.namespace,
        reviewdoc.subject_of,
    )


def refused(code: int, words: str) -> Answer:
    """The answer to what is no review; it counts nowhere, as with Gatekeeper."""
    return Answer(reviews.render(reviews.errored(code, words), None))


def mutation_events(
    request: reviews.Request | Intake,
    out: MutationOutcome,
    context: MutationContext,
    generation: int,
) -> tuple[Event, ...]:
    """A mutation that was applied, with Gatekeeper's names in its order."""
    if not (context.log and out.passes):
        return ()
    fields: dict[str, Any] = {
        "process": "mutation",
        "semantic": True,
        "Mutation Id": out.mutation_id,
        "event_type": "mutation_applied",
        "resource_group": request.kind.group,
        "resource_kind": request.kind.kind,
        "resource_api_version": request.kind.version,
        "resource_namespace": request.namespace,
        "resource_name": request.name,
        "resource_source_type": "Original",
        "resource_labels": dict(out.labels) or None,
        "generation": generation,
    }
    for index, each in enumerate(out.passes):
        names = [f"{m.id.kind}//{m.id.name}:{m.generation}" for m in each]
        fields[f"iteration_{index}"] = ", ".join(sorted(names))
    return (Event("Mutation applied", fields),)

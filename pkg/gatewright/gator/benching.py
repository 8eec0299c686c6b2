"""`gator bench`: how fast policies are.

A review is measured from the bytes of an AdmissionReview to the bytes of the answer.
Every body is a new one: its uid, and where no policy looks at them the object's name,
uid and resourceVersion, are fresh.  Nothing is kept from one review to the next but
the policies, and making the bodies is not measured.
"""

from __future__ import annotations

import gc
import itertools
import sys
import time
import tracemalloc
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from gatewright.constraints import reviewdoc, template
from gatewright.constraints.actions import GATOR
from gatewright.constraints.admission import answer
from gatewright.constraints.crd import TARGET
from gatewright.constraints.judge import (
    Result,
    Review,
    ReviewFailed,
    by_action,
    judge,
    judge_briefly,
)
from gatewright.constraints.plainreview import Judging
from gatewright.constraints.policyset import PolicySet
from gatewright.constraints.snapshot import Snapshot
from gatewright.engine.cache import CompileCache
from gatewright.engine.reviews import Reviewer
from gatewright.gator.latencies import Latencies, Memory, Results, Setup
from gatewright.gator.policies import (
    GatorError,
    Sorted,
    add_constraint,
    add_object,
    add_template,
    new_policies,
    opened,
)
from gatewright.gator.stats import Clock, ConstraintCost, Profile
from gatewright.k8s import gotext, gvk, meta
from gatewright.k8s.review import render

__all__ = ["Plan", "bench"]

#: Reviews between two looks at the clock of the whole, at least.
_BATCH: Final = 256
_MARK: Final = "\x00"
#: Iterations in which constraints are timed, at most.
_PROFILED: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be measured.  `progress` is told how many reviews are done, of all;
    what has been compiled is looked for in `cache`."""

    iterations: int = 1000
    warmup: int = 10
    concurrency: int = 1
    stats: bool = False
    profile: bool = False
    memory: bool = False
    cache: CompileCache | None = None
    progress: Callable[[int, int], None] = field(default=lambda _done, _all: None)


def bench(
    objects: Sequence[dict[str, Any]], plan: Plan, *, notices: list[str]
) -> Results:
    """Load an input and measure reviews; raise GatorError.

    `notices` takes remarks of the policies for the user.
    """
    if not objects:
        raise GatorError("no input data identified")
    these = Sorted.of(objects)
    for found, what in (
        (these.templates, "ConstraintTemplates"),
        (these.constraints, "Constraints"),
        (these.others, "objects to review"),
    ):
        if not found:
            raise GatorError(f"no {what} found in input")
    try:
        return _bench(these, plan, notices)
    except GatorError as error:
        raise GatorError(f"benchmarking rego: {error}") from error


def _bench(these: Sorted, plan: Plan, notices: list[str]) -> Results:
    loading = _Loading(these, notices, plan.cache)
    snapshot = loading.load()
    try:
        bodies = [_Body(obj, snapshot) for obj in these.others]
        runner = _Runner(snapshot, bodies, plan)
        runner.warm_up()
    except GatorError as error:
        raise GatorError(f"warmup review failed: {error}") from error
    latencies, violations, total = runner.measure()
    count = plan.iterations * len(bodies)
    return Results(
        templates=len(these.templates) - len(loading.skipped_templates),
        skipped_templates=loading.skipped_templates,
        constraints=len(these.constraints) - len(loading.skipped_constraints),
        skipped_constraints=loading.skipped_constraints,
        objects=len(bodies),
        iterations=plan.iterations,
        concurrency=plan.concurrency,
        setup=loading.setup,
        total=total,
        latencies=Latencies.of(latencies),
        violations=violations,
        per_second=count / (total / 1e9) if total else 0.0,
        memory=runner.memory() if plan.memory else None,
        stats=runner.stats() if plan.stats else (),
        profile=runner.profile() if plan.profile else (),
    )


class _Loading:
    """The policies of an input, with what each step took."""

    def __init__(
        self, these: Sorted, notices: list[str], cache: CompileCache | None
    ) -> None:
        self.these = these
        self.cache = cache
        self.notices = notices
        self.skipped_templates: list[str] = []
        self.skipped_constraints: list[str] = []
        self.setup = Setup()

    def load(self) -> Snapshot:
        """Return the policies, all objects in their inventory; raise GatorError."""
        times = [time.perf_counter_ns()]
        policies = new_policies(cache=self.cache)
        times.append(time.perf_counter_ns())
        self.templates(policies)
        times.append(time.perf_counter_ns())
        self.constraints(policies)
        times.append(time.perf_counter_ns())
        for obj in self.these.others:
            name = gotext.quote(meta.name_of(obj))
            add_object(policies, obj, adding=f"adding data {name}: ")
        times.append(time.perf_counter_ns())
        # Planning and the image are part of compiling, though all come at the end.
        snapshot = opened(policies)
        snapshot.everything(GATOR)
        times.append(time.perf_counter_ns())
        client, compiling, constraints, data, built = (
            end - start for start, end in itertools.pairwise(times)
        )
        self.setup = Setup(client, compiling + built, constraints, data)
        return snapshot

    def templates(self, policies: PolicySet) -> None:
        """Add the templates; those without Rego are passed over."""
        policies.compile_ahead(self.these.templates)
        for obj in self.these.templates:
            name = meta.name_of(obj)
            quoted = gotext.quote(name)
            try:
                entry = add_template(
                    policies,
                    obj,
                    decoding=f"converting template {quoted}: adding template: ",
                    adding=f"adding template {quoted}: ",
                )
            except GatorError:
                if _has_rego(obj):
                    raise
                self.skipped_templates.append(name)
            else:
                self.notices += entry.notices
        if not policies.templates:
            count = len(self.these.templates)
            raise GatorError(
                "no templates compatible with rego engine "
                f"(all {count} templates skipped)"
            )

    def constraints(self, policies: PolicySet) -> None:
        """Add the constraints; those whose template is not there are passed over."""
        kinds = {one.template.kind for one in policies.templates.values()}
        for obj in self.these.constraints:
            name = meta.name_of(obj)
            if gvk.gvk_of(obj).kind not in kinds:
                self.skipped_constraints.append(name)
                continue
            add_constraint(
                policies, obj, adding=f"adding constraint {gotext.quote(name)}: "
            )
        count = len(self.these.constraints)
        if count == len(self.skipped_constraints):
            raise GatorError(
                f"no constraints loaded (all {count} constraints skipped due to "
                "missing templates)"
            )


def _has_rego(obj: Mapping[str, Any]) -> bool:
    targets = template.parse(obj).targets
    return not targets or targets[0].code_of(template.REGO) is not None


class _Body:
    """Makes bodies about one object."""

    def __init__(self, obj: Mapping[str, Any], snapshot: Snapshot) -> None:
        plain = _texts(obj)
        fresh = _texts(_marked(obj))
        # A policy may look at the name: then it stays.
        reviewer = snapshot.evaluation()
        seen = [
            len(_decide(_joined(texts, 0), snapshot, reviewer)[0])
            for texts in (plain, fresh)
        ]
        self._texts = fresh if seen[0] == seen[1] else plain

    def new(self, number: int) -> bytes:
        """Return a body that has not been there before."""
        return _joined(self._texts, number)


def _marked(obj: Mapping[str, Any]) -> dict[str, Any]:
    metadata = obj.get("metadata")
    metadata = dict(metadata) if isinstance(metadata, dict) else {}
    name = metadata.get("name")
    if isinstance(name, str) and name:
        metadata["name"] = f"{name[:50]}-{_MARK}"
    metadata["uid"] = metadata["resourceVersion"] = _MARK
    return {**obj, "metadata": metadata}


def _texts(obj: Mapping[str, Any]) -> list[str]:
    request = reviewdoc.of_object(obj)
    del request["namespaceObject"]
    request["uid"] = _MARK
    review = {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": request,
    }
    return gotext.json_text(review).split(gotext.json_text(_MARK)[1:-1])


_SALT: Final = uuid.uuid4().hex[:8]


def _joined(texts: Sequence[str], number: int) -> bytes:
    return f"{_SALT}{number:010x}".join(texts).encode("utf-8", "surrogateescape")


def _count(body: bytes, snapshot: Snapshot, reviewer: Reviewer) -> int:
    """Return the number of results of a body whose answer is made as a server does."""
    intake = reviewdoc.read(body, reviewer)
    assert intake.object is not None
    subject = reviewdoc.subject_of(intake.object)
    review = Review(reviewdoc.NO_DOCUMENT, [subject], home=intake.namespace)
    found = judge_briefly(snapshot, reviewer, intake.arrival, review, GATOR)
    return len(_decide(body, snapshot, reviewer)[0]) if found is None else found[2]


def _decide(
    body: bytes, snapshot: Snapshot, reviewer: Reviewer, judging: Judging = judge
) -> tuple[list[Result], bytes]:
    """Return the results of a body, and the answer; raise GatorError."""
    intake = reviewdoc.read(body, reviewer)
    assert intake.object is not None
    subject = reviewdoc.subject_of(intake.object)
    document = intake.arrival.shown(None, homeless=intake.is_namespace)
    review = Review(document, [subject], home=intake.namespace)
    try:
        results = by_action(judging(snapshot, reviewer, review, GATOR))
    except ReviewFailed as error:
        raise GatorError(f"{TARGET}: {error}\n") from error
    return results, render(answer(results)[0], intake.echo)


@contextmanager
def _tidy() -> Iterator[Callable[[], object]]:
    """Collect garbage only when asked to, as the workers of the server do."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield gc.collect
    finally:
        gc.enable()
        gc.unfreeze()


class _Runner:
    """Reviews bodies, one after the other or some at a time."""

    def __init__(self, snapshot: Snapshot, bodies: Sequence[_Body], plan: Plan) -> None:
        self.snapshot = snapshot
        self.bodies = bodies
        self.plan = plan
        self.numbers = itertools.count(1)
        self.reviewers = [snapshot.evaluation() for _ in range(plan.concurrency)]

    def batch(self, iterations: int) -> list[bytes]:
        """Return new bodies for some iterations."""
        return [
            body.new(next(self.numbers))
            for _ in range(iterations)
            for body in self.bodies
        ]

    def warm_up(self) -> None:
        """Review without a clock; raise GatorError."""
        for _ in range(self.plan.warmup):
            for body in self.batch(1):
                _decide(body, self.snapshot, self.reviewers[0])

    def measure(self) -> tuple[list[int], int, int]:
        """Return the time of each review, the violations, and the time of all, in ns."""
        size = max(1, -(-_BATCH * self.plan.concurrency // len(self.bodies)))
        latencies: list[int] = []
        violations = total = 0
        left = self.plan.iterations
        with ThreadPoolExecutor(self.plan.concurrency) as pool, _tidy() as tidy:
            while left:
                bodies = self.batch(min(size, left))
                tidy()
                left -= min(size, left)
                start = time.perf_counter_ns()
                if self.plan.concurrency == 1:
                    found = self.review(self.reviewers[0], bodies)
                else:
                    found = self.share(pool, bodies)
                total += time.perf_counter_ns() - start
                for taken, count in found:
                    latencies.append(taken)
                    violations += count
                self.plan.progress(
                    len(latencies), self.plan.iterations * len(self.bodies)
                )
        return latencies, violations, total

    def review(
        self, reviewer: Reviewer, bodies: Iterable[bytes]
    ) -> list[tuple[int, int]]:
        """Return time and number of violations for each body."""
        snapshot, clock = self.snapshot, time.perf_counter_ns
        out: list[tuple[int, int]] = []
        for body in bodies:
            start = clock()
            count = _count(body, snapshot, reviewer)
            out.append((clock() - start, count))
        return out

    def share(
        self, pool: ThreadPoolExecutor, bodies: list[bytes]
    ) -> list[tuple[int, int]]:
        """Do as `review`, all reviewers at once; each takes the next body."""
        shared = iter(bodies)
        found = pool.map(lambda one: self.review(one, shared), self.reviewers)
        return [pair for part in found for pair in part]

    def stats(self) -> Sequence[Any]:
        """Return what each template takes in one iteration."""
        clock = Clock()
        for body in self.batch(1):
            _decide(body, self.snapshot, self.reviewers[0], clock.judge)
        return clock.runs

    def profile(self) -> Sequence[ConstraintCost]:
        """Return what each constraint takes in some iterations apart."""
        profile = Profile()
        for _ in range(min(_PROFILED, self.plan.iterations)):
            for body in self.batch(1):
                _decide(body, self.snapshot, self.reviewers[0], profile.judge)
        return profile.costs

    def memory(self) -> Memory:
        """Return what reviews take, measured in one iteration apart.

        Bytes are the most that a review holds at a time: Python's, and the arena's.
        Allocations are the blocks of Python that it holds at its end.
        """
        allocations = size = 0
        reviewer = self.reviewers[0]
        bodies = self.batch(1)
        tracemalloc.start()
        try:
            for body in bodies:
                before, blocks = (
                    tracemalloc.get_traced_memory()[0],
                    sys.getallocatedblocks(),
                )
                tracemalloc.reset_peak()
                kept = _decide(body, self.snapshot, reviewer)
                allocations += max(0, sys.getallocatedblocks() - blocks)
                size += tracemalloc.get_traced_memory()[1] - before + reviewer.used
                del kept
        finally:
            tracemalloc.stop()
        return Memory(
            allocations * self.plan.iterations,
            size * self.plan.iterations,
            allocations // len(bodies),
            size // len(bodies),
        )

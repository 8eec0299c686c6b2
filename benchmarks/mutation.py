"""Mutations: ours from body to answer, beside jsonpatch.make_patch on the same change.

The Pod is `bench/review-pod.json`; one mutator sets a field of its containers,
another one concerns no Pod at all.
"""

from __future__ import annotations

import copy
import json
from typing import Any

import jsonpatch

from benchmarks.workloads import LIMITS, REVIEW
from gatewright.app.decider import item_of, mutated
from gatewright.app.generation import Generation
from gatewright.app.installation import Installation
from gatewright.constraints import reviewdoc
from gatewright.constraints.namespaces import Namespaces
from gatewright.constraints.policyset import Settings
from gatewright.k8s import review as reviews
from gatewright.mutation.patch import diff
from gatewright.mutation.review import (
    Item,
    MutationContext,
    review,
    review_document,
)


def mutator(name: str, kind: str) -> dict[str, Any]:
    return {
        "apiVersion": "mutations.gatekeeper.sh/v1",
        "kind": "Assign",
        "metadata": {"name": name},
        "spec": {
            "applyTo": [{"groups": [""], "versions": ["v1"], "kinds": [kind]}],
            "match": {"scope": "Namespaced"},
            "location": "spec.containers[name:*].imagePullPolicy",
            "parameters": {"assign": {"value": "Never"}},
        },
    }


def generation(*mutators: dict[str, Any]) -> tuple[Generation, MutationContext]:
    installation = Installation(Settings(), namespace="gatekeeper-system")
    request = reviews.decode(REVIEW.read_bytes())
    home = {"apiVersion": "v1", "kind": "Namespace", "metadata": {}}
    home["metadata"] = {"name": request.namespace}
    objects = {("", "Namespace", "", request.namespace): home}
    for one in mutators:
        key = ("mutations.gatekeeper.sh", "Assign", "", one["metadata"]["name"])
        objects[key] = one
    faults = installation.apply(objects)
    assert not faults, faults
    held = Generation(1, installation.build(), limits=LIMITS)
    context = held.mutation_context(
        own_account="nobody",
        new_id=lambda: "id",
        annotate=False,
        namespaces=Namespaces(installation.policies.namespaces),
    )
    return held, context


def changed() -> tuple[Any, Any]:
    before = json.loads(REVIEW.read_bytes())["request"]["object"]
    after = copy.deepcopy(before)
    for one in after["spec"]["containers"]:
        one["imagePullPolicy"] = "Never"
    return before, after


def bench_make_patch(benchmark: Any) -> None:
    """The rival: the difference of two decoded objects."""
    before, after = changed()
    assert len(list(benchmark(jsonpatch.make_patch, before, after))) == 2


def bench_diff(benchmark: Any) -> None:
    """Ours on the same objects, which share nothing."""
    before, after = changed()
    assert len(benchmark(diff, before, after)) == 2


def bench_mutate(benchmark: Any) -> None:
    """A request that has been read to the outcome with its patch."""
    held, context = generation(mutator("pull", "Pod"))
    reviewer = held.take()
    body = REVIEW.read_bytes()

    def item() -> tuple[tuple[Any, ...], dict[str, Any]]:
        intake = reviewdoc.read(body, reviewer, exact=True)
        assert intake.object is not None
        return (item_of(intake, intake.object),), {}

    def run(one: Item) -> Any:
        return review_document(one, reviewer, context)

    out = benchmark.pedantic(run, setup=item, rounds=20_000, warmup_rounds=100)
    assert out.response.patch


def bench_mutate_body(benchmark: Any) -> None:
    """Body to answer, where a mutator changes two containers."""
    held, context = generation(mutator("pull", "Pod"))
    answer = benchmark(mutated, REVIEW.read_bytes(), held.take(), context, 1)
    assert b"JSONPatch" in answer.body


def bench_no_mutator_concerned(benchmark: Any) -> None:
    """Body to answer, where no mutator matches."""
    held, context = generation(mutator("pull", "Job"))
    answer = benchmark(mutated, REVIEW.read_bytes(), held.take(), context, 1)
    assert b"Resource was not mutated" in answer.body


def bench_mutate_python(benchmark: Any) -> None:
    """A decoded request to the outcome: what is done with the odd request."""
    _, context = generation(mutator("pull", "Pod"))
    request = reviews.decode(REVIEW.read_bytes())
    out = benchmark(review, request, context)
    assert out.response.patch


def bench_decode(benchmark: Any) -> None:
    """Body to request, which comes before that."""
    benchmark(reviews.decode, REVIEW.read_bytes())

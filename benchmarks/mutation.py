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
from gatewright.app.decider import screened
from gatewright.app.generation import Generation
from gatewright.app.installation import Installation
from gatewright.constraints.policyset import Settings
from gatewright.k8s import review as reviews
from gatewright.mutation.patch import diff
from gatewright.mutation.review import MutationContext, review


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
    held = Generation(1, installation.build(1), limits=LIMITS)
    context = held.mutation_context(
        own_account="nobody", new_id=lambda: "id", annotate=False
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
    """A decoded request to the answer with its patch."""
    _, context = generation(mutator("pull", "Pod"))
    request = reviews.decode(REVIEW.read_bytes())
    out = benchmark(review, request, context)
    assert out.response.patch


def bench_decode(benchmark: Any) -> None:
    """Body to request, where a mutator needs the object."""
    benchmark(reviews.decode, REVIEW.read_bytes())


def bench_no_mutator_concerned(benchmark: Any) -> None:
    """Body to answer, where no mutator matches."""
    held, context = generation(mutator("pull", "Job"))
    reviewer = held.take()
    answer = benchmark(screened, REVIEW.read_bytes(), reviewer, context)
    assert b"Resource was not mutated" in answer.body

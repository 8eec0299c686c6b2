"""Reading a review and judging it, step by step; see docs/design/0002.

The policies are those of Gatekeeper's library; every call of one counts twenty calls
in a batch, since a webhook has many policies for one review.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from gatewright.engine.policy import Policy, RegoVersion, compile_policy
from gatewright.engine.reviews import Library, LibraryBuilder, Reviewer
from tests.needs import require_conformance, require_shared

BATCH = 20

#: folder of the library, parameters, whether the review of the bench is denied
CASES: dict[str, tuple[str, dict[str, Any], bool]] = {
    "required_labels": (
        "general/requiredlabels",
        {"labels": [{"key": "owner"}, {"key": "app"}]},
        False,
    ),
    "required_labels_denied": (
        "general/requiredlabels",
        {"labels": [{"key": "nobody-has-this"}]},
        True,
    ),
    "allowed_repos": (
        "general/allowedrepos",
        {"repos": ["docker.io/", "registry.corp.example/"]},
        False,
    ),
    "allowed_repos_denied": ("general/allowedrepos", {"repos": ["docker.io/"]}, True),
    "privileged_containers": ("pod-security-policy/privileged-containers", {}, False),
}


@cache
def policy(folder: Path) -> Policy:
    """The Rego of a template; its own package is named as Gatekeeper names it."""
    template = yaml.safe_load((folder / "template.yaml").read_text())
    (target,) = template["spec"]["targets"]
    source = target
    for code in target.get("code", ()):
        if code["engine"] == "Rego":
            source = code["source"]
    text = re.sub(r"(?m)^package .*$", "package template", source["rego"], count=1)
    modules = {"template": text}
    for number, library in enumerate(source.get("libs") or ()):
        modules[f"lib{number}"] = library
    return compile_policy(modules, version=RegoVersion.V0, messages="gatekeeper")


def folders() -> Iterator[Path]:
    library = require_conformance("gatekeeper-library", "library")
    yield from (path.parent for path in sorted(library.glob("*/*/template.yaml")))


def review() -> bytes:
    body = json.loads(require_shared("bench", "review-pod.json").read_bytes())
    return json.dumps(body["request"], separators=(",", ":")).encode()


def reviewer(*parts: tuple[Path, dict[str, Any]]) -> Reviewer:
    builder = LibraryBuilder()
    for folder, parameters in parts:
        builder.add_policy(policy(folder))
        builder.add_document(parameters)
    made = Library(builder.build(data={"inventory": {}})).evaluation()
    made.load_review(review())
    return made


def bench_read_review(benchmark: Any) -> None:
    body = review()
    made = reviewer()
    benchmark(made.load_review, body)


@pytest.mark.parametrize("case", CASES)
def bench_policy(benchmark: Any, case: str) -> None:
    path, parameters, denied = CASES[case]
    library = require_conformance("gatekeeper-library", "library")
    made = reviewer((library / path, parameters))
    calls = [(0, 0)] * BATCH
    outcomes = benchmark(made.run, calls)
    if benchmark.enabled:
        least = benchmark.stats["min"]
        benchmark.extra_info["us_per_call"] = least * 1e6 / BATCH
    assert all(bool(outcome) == denied for outcome in outcomes)


def bench_whole_library(benchmark: Any) -> None:
    """All policies of the library, with a sample's parameters: read and judge."""
    parts = []
    for folder in folders():
        samples = sorted(folder.glob("samples/*/constraint.yaml"))
        constraint = yaml.safe_load(samples[0].read_text())
        parts.append((folder, constraint.get("spec", {}).get("parameters") or {}))
    made = reviewer(*parts)
    calls = [(number, number) for number in range(len(parts))]
    body = review()

    def judge() -> None:
        made.load_review(body)
        made.run(calls)

    benchmark(judge)
    benchmark.extra_info["policies"] = len(parts)


def bench_allowing_batch(benchmark: Any) -> None:
    """One call that allows: what a batch costs besides its calls."""
    library = require_conformance("gatekeeper-library", "library")
    made = reviewer((library / "general/block-nodeport-services", {}))
    outcomes = benchmark(made.run, [(0, 0)])
    assert outcomes == [()]

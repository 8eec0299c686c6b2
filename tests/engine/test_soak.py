"""Memory stays flat however long a process lives."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable

import pytest

from gatewright.app.watchdog import own_memory
from gatewright.engine.policy import RegoVersion, compile_policy
from gatewright.engine.reviews import Library, LibraryBuilder
from tests.conformance.rego_cases import read_folders, run
from tests.engine.native_case import evaluate_case
from tests.needs import require_conformance

#: Bytes that a round may add once caches are warm: what the allocator keeps varies by
#: some hundred KiB, a leak of 100 bytes a case would be 150 KiB in each round.
ALLOWED = 1 << 20
WARM, ROUNDS = 2, 3
POLICY = """package template
violation[{"msg": msg}] {
    regex.match(input.parameters.pattern, input.review.name)
    msg := sprintf("%v", [input])
}"""

pytestmark = pytest.mark.slow


def growth(work: Callable[[], object]) -> float:
    """Bytes of its own that the process gains in a round, in the mean."""
    for _ in range(WARM):
        work()
    gc.collect()
    before = own_memory(os.getpid())
    for _ in range(ROUNDS):
        work()
        gc.collect()
    return (own_memory(os.getpid()) - before) / ROUNDS


def test_all_conformance_cases_again_and_again() -> None:
    cases = list(read_folders(require_conformance()))

    assert growth(lambda: run(cases, evaluate_case)) < ALLOWED


def test_generations_come_and_go() -> None:
    """Compile, build, load, ask, drop."""

    def generations() -> None:
        for number in range(60):
            policy = compile_policy(
                {"t.rego": POLICY.replace("%v", f"{number} %v")}, version=RegoVersion.V0
            )
            builder = LibraryBuilder()
            handle = builder.add_policy(policy)
            document = builder.add_document({"pattern": f"a{number}"})
            reviewer = Library(builder.build()).evaluation()
            reviewer.load_review(b'{"name": "%d"}' % number)
            reviewer.run([(handle, document)])

    assert growth(generations) < ALLOWED


def test_reviews_come_and_go() -> None:
    policy = compile_policy({"t.rego": POLICY}, version=RegoVersion.V0)
    builder = LibraryBuilder()
    handle = builder.add_policy(policy)
    document = builder.add_document({"pattern": "a+"})
    reviewer = Library(builder.build()).evaluation()

    def reviews() -> None:
        for number in range(5000):
            reviewer.load_review(b'{"name": "%s"}' % (b"a" * (number % 3000)))
            reviewer.run([(handle, document)])
            reviewer.outcomes()

    assert growth(reviews) < ALLOWED

"""Fixtures that every area of the tests may use."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.needs import ROOT, require_conformance, require_peer

# In CI the same examples each time, so that a red run is this change's doing; new
# ones are sought on developers' machines. No example is judged by its time.
hypothesis.settings.register_profile(
    "gatewright",
    deadline=None,
    derandomize=os.environ.get("CI") == "true",
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("gatewright")

# Tests are about what is compiled now; those of the cache name a folder of their own.
os.environ["GATEWRIGHT_COMPILE_CACHE"] = "off"


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def conformance_dir() -> Path:
    """The folder of conformance data; skips, or fails in CI, without it."""
    return require_conformance()


@pytest.fixture(scope="session")
def opa() -> Path:
    """The real opa; skips, or fails in CI, without it. Mark the test `peers`."""
    return require_peer("opa")


@pytest.fixture(scope="session")
def gator() -> Path:
    """The real gator; skips, or fails in CI, without it. Mark the test `peers`."""
    return require_peer("gator")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update` rewrites the expectations of golden tests; review them as prose."""
    parser.addoption(
        "--update", action="store_true", help="rewrite the expectations of golden tests"
    )


@pytest.fixture(scope="session")
def update(request: pytest.FixtureRequest) -> bool:
    """Whether golden tests write what they got instead of comparing it."""
    return bool(request.config.getoption("--update"))


@pytest.fixture
def shallow() -> Iterator[None]:
    """Python's own limit of depth, as in a worker: the compiler raises it."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(1_000)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)

"""Fixtures that every area of the tests may use."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.needs import ROOT, require_conformance, require_peer


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

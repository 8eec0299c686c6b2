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

"""The real helm."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.needs import require_servers


@pytest.fixture(scope="session")
def helm() -> Path:
    """The command helm; mark tests that use it `cluster`."""
    return require_servers("helm") / "helm"

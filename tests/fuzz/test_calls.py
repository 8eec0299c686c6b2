"""Each builtin, called with right and wrong operands, as the real opa has it."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import pytest

from tests.fuzz.calls import RULES, run


@pytest.mark.peers
@pytest.mark.parametrize("version", [1, 0])
def test_calls(opa: Path, version: int) -> None:
    """No call differs; the same ones each time in CI, elsewhere fresh ones."""
    seed = 1 if os.environ.get("CI") == "true" else secrets.randbelow(10**9)

    assert run(opa, seed=seed, version=version, each=RULES) == []

"""Three minutes of fresh programs against the real opa, half in each version."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import pytest

from tests.fuzz.run import fuzz

SECONDS = float(os.environ.get("FUZZ_SECONDS", "180"))


@pytest.mark.peers
@pytest.mark.parametrize("version", [1, 0])
def test_programs(opa: Path, version: int) -> None:
    seed = secrets.randbelow(10**9)
    print(f"seed {seed} version {version}")
    summary = fuzz(opa, seconds=SECONDS / 2, seed=seed, version=version, most=5)
    print(summary.line(version))
    assert summary.programs > 0
    # Programs that mean nothing would find nothing.
    assert summary.outcomes["value"] * 3 > summary.programs
    assert not summary.differences, "\n\n".join(summary.differences)

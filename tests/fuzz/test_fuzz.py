"""Programs against the real opa, in both versions.

In CI the same ones each time, so that a red run is the change's doing: a number
that takes about three minutes, of which those that are known to differ stand in
open.txt.  Elsewhere three minutes of fresh ones (`make fuzz` for more).
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import pytest

from tests.fuzz.run import fuzz

SECONDS = float(os.environ.get("FUZZ_SECONDS", "180"))
OPEN = Path(__file__).with_name("open.txt")
FIRST, COUNT = 1, 900


def open_seeds(version: int) -> frozenset[int]:
    """Seeds whose difference from opa is known and not resolved."""
    rows = [
        line.split(maxsplit=2)
        for line in OPEN.read_text().splitlines()
        if line and not line.startswith("#")
    ]
    return frozenset(int(row[1]) for row in rows if row[0] == f"v{version}")


@pytest.mark.peers
@pytest.mark.parametrize("version", [1, 0])
def test_programs(opa: Path, version: int) -> None:
    """No program differs but those that are listed."""
    fixed = os.environ.get("CI") == "true"
    seed = FIRST if fixed else secrets.randbelow(10**9)
    print(f"seed {seed} version {version}")
    summary = fuzz(
        opa,
        seconds=SECONDS / 2,
        seed=seed,
        version=version,
        count=COUNT if fixed else 0,
        most=5,
        open_seeds=open_seeds(version),
    )
    print(summary.line(version))

    assert summary.programs > 0
    # Programs that mean nothing would find nothing.
    assert summary.outcomes["value"] * 3 > summary.programs
    if summary.programs >= COUNT:
        assert summary.missed(version) == {"builtins": [], "nodes": [], "codes": []}
    assert not summary.differences, "\n\n".join(summary.differences)

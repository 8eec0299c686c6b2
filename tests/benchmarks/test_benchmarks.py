"""Each benchmark that needs no rival still runs, and what it does comes out right.

No time is looked at: `make bench` measures.  A benchmark that asserts what it has done
is a test that nobody runs otherwise; two had been broken unseen.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.needs import require_conformance, require_shared

ROOT = Path(__file__).parents[2]
FEW = {
    "constraints": [],
    "inventory": ["--objects", "200", "--no-opa"],
    "protocol": ["--rounds", "2"],
}


def run(*arguments: str) -> str:
    """What a command of this Python prints; it has to end well."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def test_each_function_works_once() -> None:
    require_shared("bench")
    require_conformance("gatekeeper-library", "library")
    out = run(
        *("-m", "pytest", "benchmarks", "-q", "-p", "no:cacheprovider"),
        *("-o", "python_files=*.py", "-o", "python_functions=bench_*"),
        "--benchmark-disable",
    )
    assert "passed" in out
    assert "skipped" not in out


@pytest.mark.parametrize("name", FEW)
def test_it_ends_with_its_table(name: str) -> None:
    require_shared("bench")
    require_conformance("gatekeeper-library", "library")
    assert run("-m", f"benchmarks.{name}", *FEW[name]).strip()

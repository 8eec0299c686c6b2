"""Templates compiled in several processes are those that one would compile."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.constraints.ahead_case import MISTAKES
from tests.needs import require_conformance

ROOT = Path(__file__).parents[2]


def run(folder: Path, processes: int, mode: str = "patient") -> Any:
    """In a process of its own: forks need one without threads."""
    require_conformance()
    folder.mkdir(mode=0o700, exist_ok=True)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.constraints.ahead_case"),
            *(str(folder), str(processes), mode),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert (done.returncode, done.stderr) == (0, "")

    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return run(tmp_path_factory.mktemp("alone") / "cache", 1)


def test_two_processes_give_what_one_gives(alone: Any, tmp_path: Path) -> None:
    """The same image, errors, and entries of the cache; and both have worked."""
    both = run(tmp_path / "cache", 2)

    assert both["result"] == alone["result"]
    assert len(both["result"][1]) == len(MISTAKES)
    # What has a mistake is compiled once more, by the process that says so.
    assert both["here"] < alone["here"] == alone["templates"]


def test_what_forks_did_not_do_is_done_here(alone: Any, tmp_path: Path) -> None:
    """Here they have no time for anything."""
    given_up = run(tmp_path / "cache", 2, "impatient")

    assert given_up["result"] == alone["result"]


def test_what_is_in_the_cache_is_not_compiled(tmp_path: Path) -> None:
    """What has a mistake is not there, and tried again."""
    first = run(tmp_path / "cache", 2)
    again = run(tmp_path / "cache", 2)

    assert again["result"][:3] == first["result"][:3]
    assert again["here"] < 2 * len(MISTAKES) + 1

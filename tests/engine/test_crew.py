"""Jobs done by several processes, and what becomes of those that nobody does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from gatewright.engine import crew

ROOT = Path(__file__).parents[2]


def run(case: str) -> Any:
    """A case in a process of its own: forks need one without threads."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.engine.crew_case", case],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        env={k: v for k, v in os.environ.items() if k != crew.PROCESSES},
    )

    assert (done.returncode, done.stderr) == (0, "")

    return json.loads(done.stdout)


def test_all_jobs_are_done_by_two() -> None:
    """Each once, whoever does it, and more than a pipe would hold."""
    assert run("shared") == {
        "jobs": [*range(20)],
        "named": [*range(20)],
        "sizes": [True] * 20,
        "processes": 2,
    }


def test_a_job_may_give_nothing() -> None:
    assert run("fruitless") == [job for job in range(20) if job % 3]


def test_what_a_fork_was_at_when_it_died_is_not_done() -> None:
    assert run("killed") is True


def test_nothing_is_left_where_a_job_raises() -> None:
    assert run("raising") == "none left"


def test_where_none_can_be_made_one_does_all() -> None:
    assert run("refused") == [*range(20)]


def test_no_forks_where_they_are_not_safe_or_of_no_use() -> None:
    """Nothing is done then."""
    assert run("alone") == [[1, 2, 1, 1, 1, 1], 0]


def test_records_end_where_one_is_not_whole() -> None:
    whole = crew._RECORD.pack(7, 3) + b"abc"
    for cut in range(len(whole)):
        file = os.memfd_create("test")
        os.write(file, whole + whole[:cut])

        assert list(crew._records(file)) == [(7, b"abc")]

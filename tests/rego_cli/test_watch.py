"""`test --watch` on real files, in a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.needs import ROOT

POLICY = "package a\n\ntest_p if {}\n".replace("{}", "1 == %d")


def read_until(stream, word: str) -> str:
    out = ""
    for line in stream:
        out += line
        if word in line:
            return out
    raise AssertionError(f"ended without {word!r}: {out}")


@pytest.fixture
def policy(tmp_path) -> Path:
    path = tmp_path / "a_test.rego"
    path.write_text(POLICY % 1)
    return path


def test_runs_again_when_a_file_changes(policy):
    command = "from gatewright.cli.main import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", command, "rego", "test", "-w", policy.parent],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert "PASS: 1/1" in read_until(process.stdout, "Watching for changes")

        policy.write_text(POLICY % 2)
        assert "FAIL: 1/1" in read_until(process.stdout, "Watching for changes")

        (policy.parent / "b_test.rego").write_text("package b\n\ntest_q if {")
        assert "b_test.rego:3: rego_parse_error" in read_until(
            process.stdout, "Watching for changes"
        )

        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    finally:
        process.kill()
        assert process.stdout is not None
        process.stdout.close()
        process.wait()

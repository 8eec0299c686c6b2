"""Command lines answer as the real gator does; see commands.yaml."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from gatewright.cli.main import main
from tests.gator.command_cases import (
    FIXTURES,
    normal,
    read_cases,
    read_own_cases,
    without_cel,
)


def _name(case: dict[str, Any]) -> str:
    return " ".join([case["folder"], *case["args"]])


@pytest.mark.parametrize("case", read_cases(), ids=_name)
def test_command(case, monkeypatch):
    monkeypatch.chdir(FIXTURES / case["folder"])
    found = CliRunner().invoke(main, without_cel(case["args"]))
    wanted = {**case, **case.get("ours", {})}
    assert normal(found.stderr) == wanted["stderr"]
    assert normal(found.stdout) == wanted["stdout"]
    assert found.exit_code == wanted["exit"]


@pytest.mark.parametrize(
    "case", read_own_cases(), ids=lambda case: " ".join(case["args"])
)
def test_own_command(case, monkeypatch):
    monkeypatch.chdir(FIXTURES / "test")
    found = CliRunner().invoke(main, case["args"])
    assert normal(found.stderr) == case["stderr"]
    assert normal(found.stdout) == case["stdout"]
    assert found.exit_code == case["exit"]


@pytest.mark.parametrize("command", ["verify", "test", "bench"])
def test_help_shows_examples_and_exit_statuses(command):
    found = CliRunner().invoke(main, [command, "--help"])
    assert found.exit_code == 0
    assert "Examples:" in found.output
    # One example a line, as they were written.
    assert f"\n    gatewright {command} " in found.output
    assert "\\b" not in found.output

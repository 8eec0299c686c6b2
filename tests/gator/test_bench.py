"""`gatewright bench`: counts, keys, files; no test looks at a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from gatewright.cli.main import main
from tests.gator.command_cases import FIXTURES, normal
from tests.needs import require_shared

INPUT = ["-f", "template.yaml", "-f", "constraint.yaml", "-f", "pod.yaml"]
QUICK = ["-n", "2", "--warmup", "1", "-e", "rego"]


def _ours(*args: str) -> str:
    found = CliRunner().invoke(main, ["bench", *INPUT, *QUICK, *args])
    assert found.exit_code == 0, found.output
    return found.stdout


def _shape(value: Any) -> Any:
    """The names in a document, in order, and the types of what they name."""
    if isinstance(value, dict):
        return [(name, _shape(item)) for name, item in value.items()]
    if isinstance(value, list):
        return [_shape(item) for item in value]
    return "number" if isinstance(value, float) else type(value).__name__


@pytest.fixture(autouse=True)
def _in_fixtures(monkeypatch):
    monkeypatch.chdir(FIXTURES / "test")


@pytest.mark.parametrize("concurrency", ["1", "2"])
def test_counts(concurrency):
    (found,) = json.loads(_ours("-o", "json", "-c", concurrency))
    assert found["templateCount"] == found["constraintCount"] == 1
    assert found["objectCount"] == 1
    assert found["totalReviews"] == found["violationCount"] == 2
    assert found["concurrency"] == int(concurrency)


def test_templates_without_rego_are_passed_over():
    found = CliRunner().invoke(
        main, ["bench", *INPUT, "-f", "cel.yaml", *QUICK, "-o", "json"]
    )
    (result,) = json.loads(found.stdout)
    assert result["skippedTemplates"] == ["celonly"]
    assert result["skippedConstraints"] == ["both"]


def test_profile_has_each_constraint():
    (result,) = json.loads(_ours("--profile", "-o", "json"))
    (cost,) = result["constraintCosts"]
    assert cost["evaluations"] == result["totalReviews"]
    assert cost["percent"] == 100
    assert 0 < cost["meanNS"] <= cost["maxNS"]
    assert cost["meanSteps"] > 0
    table = _ours("--profile")
    assert [f"{cost['kind']}/{cost['name']}", "100.0%"] in [
        line.split()[:2] for line in table.splitlines()
    ]
    assert "constraintCosts" not in _ours("-o", "json")


def test_a_name_that_policies_look_at_stays():
    # Both Ingresses claim one host; under another name one would clash with itself.
    found = CliRunner().invoke(
        main, ["bench", "-f", "referential.yaml", *QUICK, "-o", "json"]
    )
    (result,) = json.loads(found.stdout)
    assert result["violationCount"] == 2 * 2


@pytest.mark.peers
@pytest.mark.parametrize("options", [[], ["--stats", "--memory"]])
@pytest.mark.parametrize("form", ["json", "yaml", "table"])
def test_form(gator, form, options, tmp_path):
    saved = [tmp_path / "theirs.json", tmp_path / "ours.json"]
    done = subprocess.run(
        [gator, "bench", *INPUT, *QUICK, *options, "-o", form, "--save", saved[0]],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    ours = _ours(*options, "-o", form, "--save", str(saved[1]))
    if form == "table":
        rows = [
            [line.partition(":")[0] for line in text.splitlines()]
            for text in (done.stdout, ours)
        ]
        assert rows[0] == rows[1]
    else:
        read = json.loads if form == "json" else yaml.safe_load
        assert _shape(read(ours)) == _shape(read(done.stdout))
    theirs, own = (json.loads(path.read_text()) for path in saved)
    assert _shape(own) == _shape(theirs)


@pytest.mark.peers
@pytest.mark.parametrize("suffix", ["json", "yaml"])
def test_results_are_read_by_the_real_gator(gator, suffix, tmp_path):
    path = tmp_path / f"ours.{suffix}"
    _ours("--save", str(path))
    done = subprocess.run(
        [gator, "bench", *INPUT, *QUICK, "--compare", path, "--threshold", "1e9"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Baseline Comparison: REGO Engine" in done.stdout


def test_results_are_compared(tmp_path):
    path = str(tmp_path / "before.yaml")
    _ours("--save", path)
    assert "No significant regressions" in _ours(
        "--compare", path, "--threshold", "1e9", "--min-threshold", "1h"
    )


@pytest.mark.slow
def test_the_workload(tmp_path):
    tool = require_shared("tools", "workload")
    subprocess.run([sys.executable, tool, tmp_path], check=True, capture_output=True)
    found = CliRunner().invoke(
        main, ["bench", "-f", str(tmp_path), *QUICK, "-o", "json"]
    )
    (result,) = json.loads(found.stdout)
    assert result["templateCount"] == 37
    assert result["constraintCount"] == 43
    assert result["objectCount"] == 152
    # What the real gator counts.
    assert result["violationCount"] == 2 * 1631


def test_standard_input_is_read():
    done = subprocess.run(
        [sys.executable, "-m", "gatewright", "test", *INPUT[:4]],
        input=Path("pod.yaml").read_text(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "NO_COLOR": "1"},
    )
    assert normal(done.stderr) == ""
    assert 'v1/Pod : ["d"] Message: "x"\n' in done.stdout
    assert done.returncode == 1

"""The same command lines given to the real opa and to `gatewright rego`."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.rego_cli.running import Ran, run_rego

pytestmark = pytest.mark.peers

CASES = yaml.safe_load(Path(__file__).with_name("lines.yaml").read_text())
TIMES = {
    "duration",
    "total_time_ns",
    "total_time_ns_stats",
    "timer_rego_external_resolve_ns",
}
LINES = [line if isinstance(line, dict) else {"args": line} for line in CASES["lines"]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, opa):
    root = tmp_path_factory.mktemp("lines")
    for name, text in CASES["files"].items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    shown = subprocess.run(
        [opa, "capabilities", "--current"], capture_output=True, timeout=60, check=True
    ).stdout
    everything = json.loads(shown)
    text = json.dumps({**everything, "allow_net": ["example.com", "127.0.0.1:9"]})
    (root / "capabilities.json").write_text(text)
    return root


def run_opa(opa: Path, line: dict[str, Any], folder: Path) -> Ran:
    args = line["args"]
    ran = subprocess.run(
        [opa, *args, *(["-p", "1"] if args[0] == "test" else [])],
        cwd=folder,
        input=line.get("stdin", ""),
        env={**os.environ, **line.get("env", {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Ran(ran.stdout, ran.stderr, ran.returncode)


def trimmed(node: Any) -> Any:
    """JSON without what is left out here: words on builtins, times."""
    if isinstance(node, dict):
        gone = TIMES | {"description", "LocalMetadata"}
        return {
            key: "TIME" if key.startswith("timer_") else trimmed(item)
            for key, item in node.items()
            if key not in gone
        }
    return [trimmed(item) for item in node] if isinstance(node, list) else node


def normal(ran: Ran, args: list[str]) -> tuple[Any, Any, int]:
    return text(ran.stdout, args), text(ran.stderr, args), ran.status


def text(shown: str, args: list[str]) -> Any:
    if shown.startswith("Error: "):
        return shown.split("\n")[0]  # what follows is help, in words of our own
    if shown.startswith(("{", "[")):
        try:
            found = trimmed(json.loads(shown, parse_float=str))
        except ValueError:
            return shown
        if isinstance(found, list):  # opa's order of tests changes from run to run
            found.sort(key=repr)
        if isinstance(found, dict):
            for row in found.get("errors", ()):
                if row.get("code") == "eval_cancel_error":
                    row.pop("message")
                    row.pop("stack_trace", None)  # where the time ran out
            for unsorted in ("errors", "profile", "aggregated_profile"):
                found.get(unsorted, []).sort(key=repr)
        return found
    shown = re.sub(r"(timer_\w+_ns +│) \d+ +│", r"\1 TIME │", shown)
    shown = re.sub(r"│ [0-9.]+(ns|µs|ms|s) +│", "│ TIME │", shown)
    shown = re.sub(r"│ timer_rego_external_resolve_ns.*\n", "", shown)
    if "TIME" in shown:  # the width of tables follows from times
        shown = re.sub(r"[─┌┬┐├┼┤└┴┘]+|  +", " ", shown)
    shown = re.sub(r"\([0-9.]+(ns|µs|ms|s)\)", "(TIME)", shown)
    if args[0] == "test" or "--profile" in args:
        return sorted(line for line in shown.split("\n") if line)
    if "errors occurred" in shown:
        return sorted(shown.replace("\n\t", "\t").split("\n"))
    return shown


@pytest.mark.parametrize("line", LINES, ids=lambda line: " ".join(line["args"]))
def test_line(line, folder, opa, monkeypatch):
    monkeypatch.chdir(folder)
    args = line["args"]
    theirs = normal(run_opa(opa, line, folder), args)
    ours = normal(
        run_rego(*args, stdin=line.get("stdin", ""), env=line.get("env")), args
    )
    if "differs" in line:
        assert ours != theirs, "they agree now: drop `differs`"
    else:
        assert ours == theirs


def test_counts(opa):
    """For the log: how many lines agree, by command."""
    counts: dict[str, list[int]] = {}
    for line in LINES:
        agree, differ = counts.setdefault(line["args"][0], [0, 0])
        known = "differs" in line
        counts[line["args"][0]] = [agree + (not known), differ + known]
    print(json.dumps({"suite": "rego cli", "opa": str(opa.name), "lines": counts}))
    assert sum(agree for agree, _ in counts.values()) > 200


@pytest.mark.parametrize("args", [["evall"], ["nothing"], []], ids=" ".join)
def test_commands_that_are_none(args, folder, opa):
    ran = subprocess.run(
        [opa, *args],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    ours = run_rego(*args)
    assert ours.status == ran.returncode
    if args:
        said = re.sub(r"\w+ rego\b", "opa", ours.stderr).strip()
        # Of commands that are nearly alike opa may know more.
        assert said.split("\n\n")[0] == ran.stderr.strip().split("\n\n")[0]
        assert said.split("\n")[-1] == ran.stderr.strip().split("\n")[-1]
    else:
        assert ours.stdout.startswith("Usage: ")

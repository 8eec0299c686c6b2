"""The steps of OPA's own cases, as the real opa and this evaluator tell them."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest

from tests.conformance.rego_cases import Case, read_cases
from tests.needs import require_conformance
from tests.rego_cli.running import run_rego

pytestmark = pytest.mark.peers

#: What is not the same twice.
VARYING = frozenset({"time", "rand", "uuid", "httpsend", "cryptox509parsecertificates"})
#: Steps that are known to differ, with the reason.
KNOWN = {
    "stringinterpolation/36": "a template in a query: generated names",
}


def sample() -> list[Case]:
    """The same cases each time, from all over the suite."""
    folder = require_conformance("rego")
    cases = [
        case
        for case in read_cases(folder)
        if case.input_term is None
        and case.want_error_code is None
        and case.want_error is None
        and case.category not in VARYING
        and case.key not in KNOWN
    ]
    chosen = random.Random(11)  # noqa: S311 - the same each time, nothing secret
    return chosen.sample(cases, min(150, len(cases)))


def arguments(case: Case) -> list[str]:
    """Write the case's files into the folder; the command line for them."""
    args = [case.query, "-f", "pretty", "--explain", "full"]
    for number, text in enumerate(case.modules):
        Path(f"m{number}.rego").write_text(text)
        args += ["-d", f"m{number}.rego"]
    if case.data != "{}":
        Path("data.json").write_text(case.data)
        args += ["-d", "data.json"]
    if case.input is not None:
        Path("input.json").write_text(case.input)
        args += ["-i", "input.json"]
    return args


def test_steps_of_cases(opa, tmp_path, monkeypatch):
    different = []
    cases = sample()
    for case in cases:
        folder = tmp_path / case.key.replace("/", "-")
        folder.mkdir()
        monkeypatch.chdir(folder)
        args = arguments(case)
        theirs = subprocess.run(
            [opa, "eval", *args],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        ours = run_rego("eval", *args)
        if (ours.stdout, ours.status) != (theirs.stdout, theirs.returncode):
            different.append(case.key)
    print(f"steps: {len(cases)} cases, {len(different)} differ")

    assert different == []

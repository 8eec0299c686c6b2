"""OPA's evaluation cases, v1 and v0, on the engine as it is.

What is known to fail stands in rego_known.txt with its reason; a case that is
listed and passes fails the test as one does that is not listed and fails.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gatewright.plan import passes
from tests.conformance.rego_cases import (
    FOLDERS,
    read_cases,
    read_folders,
    read_known,
    run,
)
from tests.engine.native_case import evaluate_case
from tests.needs import missing, require_conformance

KNOWN = Path(__file__).parent / "rego_known.txt"
MOST_KNOWN = 5


@pytest.mark.parametrize("without", [(), passes.PASSES], ids=["optimised", "plain"])
def test_all_cases(without: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every case that is there passes, save at most five that are listed."""
    monkeypatch.setattr(passes, "WITHOUT", frozenset(without))
    root = require_conformance()
    if not any((root / name).is_dir() for name in FOLDERS):
        missing(f"a folder of Rego cases ({', '.join(FOLDERS)}) in CONFORMANCE_DIR")
    known = read_known(KNOWN)
    outcome = run(read_folders(root), evaluate_case)
    print(outcome.report())
    found = outcome.failures | outcome.left_out
    wrong = {key: text for key, text in found.items() if key not in known}

    assert wrong == {}
    assert len(known) <= MOST_KNOWN
    assert known.keys() - found.keys() == set(), "listed as failing, but passing"


V0: dict[str, Any] = {
    "set and function": (
        "package a\np[x] { x := input[_]; x > 1 }\nf(x) = y { y = x + 1 }",
        "data.a.p = x; data.a.f(1) = y",
        [{"x": [2, 3], "y": 2}],
    ),
    "chained bodies": (
        "package a\np { input[0] == 7 } { input[0] == 1 }",
        "data.a.p = x",
        [{"x": True}],
    ),
    "deprecated built-in": (
        "package a\np = any([false, true])",
        "data.a.p = x",
        [{"x": True}],
    ),
    "dotted set": ("package a\np.q { true }", "data.a.p = x", [{"x": ["q"]}]),
}


@pytest.mark.parametrize("name", V0)
def test_cases_read_as_v0(name: str, tmp_path: Path) -> None:
    """The second folder's cases are read as v0."""
    module, query, want = V0[name]
    case = {
        "note": name,
        "modules": [module],
        "query": query,
        "input": [1, 2, 3],
        "want_result": want,
    }
    (tmp_path / "rego-v0").mkdir()
    (tmp_path / "rego-v0" / "own.json").write_text(json.dumps([case]))

    outcome = run(read_folders(tmp_path), evaluate_case)

    assert outcome.failures | outcome.left_out == {}
    assert outcome.counts["v0:own"].passed == 1
    assert list(read_cases(tmp_path / "rego")) == []

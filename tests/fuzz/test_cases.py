"""Differences that fuzzing found, as cases; no opa needed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fuzz.compare import Outcome, ours, ours_compiled
from tests.fuzz.record import CASES, read, sources

FOUND = [case for path in sorted(CASES.glob("*.yaml")) for case in read(path)]


@pytest.mark.parametrize("case", FOUND, ids=lambda case: case["name"])
def test_case(case: dict[str, Any]) -> None:
    policy = ours_compiled(sources(case), case.get("version", 1))
    for mode in ("lenient", "strict"):
        if isinstance(policy, Outcome):
            found = policy
        else:
            data, given = case.get("data", "{}"), case.get("input", "")
            found = ours(policy, data, given, strict=mode == "strict")
        assert str(found).split("\n") == case[mode].split("\n"), mode

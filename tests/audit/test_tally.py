"""What is counted and what is kept: tallies.yaml; how messages are cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from gatewright.audit.tally import Tally, Violation, truncated

CASES = yaml.safe_load(Path(__file__).with_name("tallies.yaml").read_text("utf-8"))
KEY = ("K", "c")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["note"])
@pytest.mark.parametrize("parts", [1, 2, 3])
def test_a_tally_in_parts_is_a_tally(case: dict[str, Any], parts: int) -> None:
    whole = Tally(case["limit"])
    for part in range(parts):
        tally = Tally(case["limit"])
        for row in case["violations"][part::parts]:
            tally.add(KEY, Violation._make((*row, "deny", ())))
        whole.merge(tally)

    listed = [f"{v.kind} {v.namespace} {v.name}" for v in whole.listed(KEY)]
    assert listed == case["listed"]
    assert whole.of(KEY).total == whole.total == case["total"]
    assert whole.actions == {"deny": case["total"]}


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        ("x" * 256, "x" * 256),
        ("x" * 257, "x" * 253 + "..."),
        ("é" * 128, "é" * 128),
        ("é" * 129, "é" * 126 + "\ufffd..."),
        # Two of the three bytes are left, and Go writes a mark for each.
        ("x" * 251 + "€" * 3, "x" * 251 + "\ufffd\ufffd..."),
        ("\udcff", "\ufffd"),
    ],
)
def test_messages_are_cut_by_bytes(message: str, kept: str) -> None:
    assert truncated(message) == kept

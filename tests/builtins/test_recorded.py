"""Our builtins give what the real opa gave when the cases were recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.builtins.builtins_cases import load, normal, outcome, parse_call
from tests.builtins.oracle import serve
from tests.builtins.terms import read, write

ROWS = load()


@pytest.mark.parametrize(
    "row",
    [row for _, row in ROWS],
    ids=[f"{file}-{r['call'][:60]}" for file, r in ROWS],
)
def test_recorded(row: dict[str, Any]) -> None:
    got = outcome(row["call"])
    want = {key: value for key, value in row.items() if key != "call"}
    if "is" in want and "is" in got:
        want["is"], got["is"] = (in_order(normal(one["is"])) for one in (want, got))
    assert got == want, row["call"]


@pytest.mark.peers
def test_still_recorded(opa: Path) -> None:
    with serve(opa) as server:
        answers = server.ask([parse_call(row["call"]) for _, row in ROWS])

    assert not [
        row["call"]
        for (_, row), answer in zip(ROWS, answers, strict=True)
        if (in_order(answer.text), answer.error, answer.code)
        != (in_order(row.get("is", "")), row.get("error", ""), row.get("code", ""))
    ]


def in_order(text: str) -> str:
    """Findings of a schema come from opa in random order: sorted, as a set."""
    if not text.startswith("[false, [{"):
        return text
    value = read(text)
    return write([value[0], sorted(value[1], key=write)])

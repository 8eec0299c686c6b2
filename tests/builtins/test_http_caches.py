"""What `http.send` keeps: the same answers, and the same requests to the server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.builtins.http_caches import cases, gatewright, real, run
from tests.builtins.oracle import serve

CASES = cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["note"])
def test_as_recorded(case: dict[str, Any]) -> None:
    assert run(case, gatewright()) == {
        "reached": case["reached"],
        "answers": case["answers"],
    }


@pytest.mark.peers
def test_the_record_is_that_of_opa(opa: Path) -> None:
    with serve(opa) as running:
        ask = real(running)
        found = [run(case, ask) for case in CASES]
    assert found == [
        {"reached": case["reached"], "answers": case["answers"]} for case in CASES
    ]

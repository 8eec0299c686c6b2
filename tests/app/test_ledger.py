"""Which objects successive readings put in force."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from gatewright.app.ledger import FileError, Ledger, ObjectKey

CASES = yaml.safe_load((Path(__file__).parent / "ledger.yaml").read_text())


def parse(_name: str, content: bytes) -> list[tuple[ObjectKey, Any]]:
    listed = json.loads(content)
    if listed == "bad":
        raise FileError("bad")
    return [(("", "Thing", "", name), name) for name in listed]


def faults(ledger: Ledger) -> dict[ObjectKey, str]:
    """Whoever compiles finds fault with objects whose names end in `!`."""
    return {key: "no good" for key in ledger.objects() if key[3].endswith("!")}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_ledger(case: dict[str, Any]) -> None:
    """After each reading exactly these objects are in force, these files in error."""
    ledger = Ledger(parse)
    for step in case["steps"]:
        files = step.get("files", {})
        data = {name: json.dumps(listed).encode() for name, listed in files.items()}

        now = step["at"]
        changed = ledger.update(data, step.get("refused", {}), now=now)
        while ledger.reject(faults(ledger), now=now):
            pass
        ledger.accept()

        assert step["objects"] == sorted(ledger.objects().values()), step
        assert step.get("errors", []) == list(ledger.errors()), step
        if "changed" in step:
            assert step["changed"] == changed, step

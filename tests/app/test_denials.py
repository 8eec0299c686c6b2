"""Details of violations, as the log and audit's lines show them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from gatewright.app.denials import plain
from gatewright.engine.values import Number

ROWS = yaml.safe_load(Path(__file__).with_name("denials.yaml").read_text())


def value(given: Any) -> Any:
    """A value of a policy: `{power: 5000}` is a number of so many digits, `{number:
    "1.5"}` one with that text."""
    if isinstance(given, list):
        return [value(item) for item in given]
    if isinstance(given, dict) and "power" in given:
        return 10 ** given["power"]
    if isinstance(given, dict) and "number" in given:
        return Number(given["number"])
    return given


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row["details"]))
def test_details_are_json_data(row: dict[str, Any]) -> None:
    shown = plain(value(row["details"]))
    if "digits" in row:
        assert len(shown) == row["digits"]
    else:
        assert shown == row["shown"]
    json.dumps(shown, allow_nan=False)

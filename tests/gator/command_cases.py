"""Command lines with their recorded answers, and what of these varies."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import yaml

FOLDER: Final = Path(__file__).parent
CASES: Final = FOLDER / "commands.yaml"
FIXTURES: Final = FOLDER / "fixtures"
_WITHOUT_CEL: Final = "--enable-k8s-native-validation=false"


def read_cases() -> list[dict[str, Any]]:
    """Return the cases."""
    cases: list[dict[str, Any]] = yaml.safe_load(CASES.read_text())
    return cases


def read_own_cases() -> list[dict[str, Any]]:
    """Return the cases that gator knows nothing of."""
    cases: list[dict[str, Any]] = yaml.safe_load((FOLDER / "own.yaml").read_text())
    return cases


def without_cel(args: Sequence[str]) -> list[str]:
    """Return a command line for Rego alone."""
    if args[0] == "bench":
        return list(args)
    return [args[0], _WITHOUT_CEL, *args[1:]]


def normal(text: str) -> str:
    """Return an output without times and without the place of the checkout."""
    root = str(FIXTURES.resolve())
    text = text.replace(root.lstrip("/"), "ROOT")
    text = re.sub(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "UUID", text)
    text = re.sub(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d WARN", "T WARN", text)
    # Durations and rates, and the blanks that follow them in tables.
    text = re.sub(r"\b\d+(\.\d+)?(ns|\u00b5s|ms|s)\b", "T", text)
    return re.sub(r"\b\d+\.\d\d reviews/sec", "R reviews/sec", text)

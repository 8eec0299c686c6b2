"""Rules on the text of shipped sources that no linter of ours has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.needs import ROOT

SOURCES = sorted(
    path
    for pattern in ("pkg/**/*.py", "native/**/*.p[yx][xd]", "tools/*.py", "setup.py")
    for path in ROOT.glob(pattern)
)
# Spelled apart, so that this file does not hold what it looks for.
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|place" r"holder)\b")
VAGUE = {"utils", "util", "common", "helpers", "helper", "manager", "misc"}
LONGEST = 600
REASON = "This file is long because"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_source_is_finished_named_and_short(path: Path) -> None:
    """A file over LONGEST lines says why in its first 40."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    long = len(lines) > LONGEST and REASON not in "\n".join(lines[:40])

    assert UNFINISHED.findall(text) == []
    assert path.stem not in VAGUE, "name it for what it is"
    assert not long, f"{len(lines)} lines: split it, or say at its top: {REASON} ..."

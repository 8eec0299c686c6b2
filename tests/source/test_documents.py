"""What the documents name exists: linked files and make targets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.needs import ROOT

SKIPPED = {".venv", "build", "dist", ".git", ".pytest_cache"}
DOCUMENTS = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not SKIPPED & set(path.relative_to(ROOT).parts)
)
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
TARGET = re.compile(r"\bmake ([a-z]+)`")


@pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT))
)
def test_documents_name_what_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    broken = {
        link for link in LINK.findall(text) if not (document.parent / link).exists()
    }

    assert broken == set(), "links to files that are not there"
    assert set(TARGET.findall(text)) - targets == set(), "unknown make targets"

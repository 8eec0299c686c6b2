"""The Rego unit tests of Gatekeeper's policy library, whole and by policy."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.needs import require_conformance
from tests.rego_cli.running import run_rego

SOURCES = require_conformance("gatekeeper-library", "src")
EXPECTED = yaml.safe_load(Path(__file__).with_name("library.yaml").read_text())
FOLDERS = sorted(
    {
        path.parent.relative_to(SOURCES).as_posix()
        for path in SOURCES.rglob("*_test.rego")
    }
)


def run(*paths: Path) -> int:
    """Run tests in v0; all must pass. How many there were."""
    ran = run_rego("test", "--v0-compatible", "-f", "json", *paths)
    rows = ran.json()
    assert [row for row in rows if row.keys() & {"fail", "error", "skip"}] == []
    assert ran.status == 0, ran.stderr
    return len(rows)


def test_all_at_once():
    count = run(SOURCES)
    known = set(FOLDERS) == EXPECTED["folders"].keys()
    assert count == EXPECTED["all"] or (count and not known)


@pytest.mark.parametrize("folder", FOLDERS)
def test_policy(folder):
    count = run(SOURCES / folder, SOURCES / "rego")
    assert count == EXPECTED["folders"].get(folder, count) > 0

"""Suites that others wrote, and those that the project ships, pass on their Rego."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gatewright.gator.selection import Selection
from gatewright.gator.suites import find_suites
from gatewright.gator.verify import SuiteResult, Verifier
from tests.needs import ROOT, require_conformance

SHIPPED = ROOT / "pkg" / "gatewright" / "policies"
LIBRARY = require_conformance("gatekeeper-library", "library")


def _suites(folder: Path) -> list[Path]:
    return sorted(folder.rglob("suite.yaml"))


def _run(path: Path, run: str = "") -> SuiteResult:
    (suite,) = find_suites(str(path))
    return Verifier(Selection.of(run)).run(suite)


def _failures(result: SuiteResult) -> list[str]:
    return [
        f"{test.name}/{case.name}: {case.error}"
        for test in result.tests
        for case in test.cases
        if case.failed
    ] + [f"{test.name}: {test.error}" for test in result.tests if test.error]


def test_the_library_is_whole():
    assert len(_suites(LIBRARY)) == 37


@pytest.mark.parametrize(
    "path",
    [*_suites(LIBRARY), *_suites(SHIPPED)],
    ids=lambda path: f"{path.parent.parent.name}/{path.parent.name}",
)
def test_suite(path):
    result = _run(path)
    assert _failures(result) == []
    assert any(not case.skipped for test in result.tests for case in test.cases)


def test_gators_own_suite():
    # Its expansion tests wait for expansion.
    path = require_conformance("gatekeeper", "test", "gator", "verify", "suite.yaml")
    failures = _failures(_run(path))
    waiting = {
        "foo-template-to-foo-expansion": "foo_expansion.yaml",
        "foobar-template-to-foo-and-bar-expansion": "foobar_expansion.yaml",
    }
    assert failures == [
        f'{test}: expansion "{file}": expansion is not supported yet, so what would be '
        "generated from the objects cannot be reviewed"
        for test, file in waiting.items()
    ]


@pytest.mark.peers
def test_the_shipped_suites_pass_with_the_real_gator(gator):
    done = subprocess.run(
        [
            gator,
            "verify",
            "--enable-k8s-native-validation=false",
            f"{SHIPPED}/...",
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout

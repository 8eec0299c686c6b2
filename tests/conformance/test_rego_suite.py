"""OPA's whole suite of evaluation cases, v1 and v0, as it comes with OPA.

The folder of cases that every run reads holds a part of them; here are all 4,427, with
every optimisation and with none.  `tools/rego_sources.py opa` fetches them.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from gatewright.plan import passes
from tests.conformance.rego_cases import read_folders, run
from tests.engine.native_case import evaluate_case
from tests.needs import require_rego_source
from tools.rego_sources import DESCRIPTIONS, sources

#: By folder of ours, that of OPA.
VERSIONS: Final = {"rego": "v1", "rego-v0": "v0"}
BOOL: Final = "tag:yaml.org,2002:bool"


class Loader(yaml.CSafeLoader):
    """YAML 1.2, as OPA reads it: `yes` is a string, and so is a date."""


Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag not in (BOOL, "tag:yaml.org,2002:timestamp")
    ]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver(
    BOOL, re.compile(r"true|True|TRUE|false|False|FALSE"), list("tTfF")
)


def convert(suite: Path, to: Path) -> None:
    """Write the cases as lists in JSON, a file for each of theirs."""
    for ours, theirs in VERSIONS.items():
        (to / ours).mkdir()
        for path in sorted((suite / theirs).rglob("*.yaml")):
            read: Any = yaml.load(path.read_text(encoding="utf-8"), Loader)  # noqa: S506
            name = "-".join(path.relative_to(suite / theirs).with_suffix("").parts)
            cases = json.dumps(read.get("cases") or [])
            (to / ours / f"{name}.json").write_text(cases)


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with all cases."""
    said = json.loads((DESCRIPTIONS / "opa.json").read_text(encoding="utf-8"))
    folder = tmp_path_factory.mktemp("suite")
    convert(require_rego_source(sources()["opa"]) / said["cases"], folder)
    return folder


@pytest.mark.peers
@pytest.mark.parametrize("without", [(), passes.PASSES], ids=["optimised", "plain"])
def test_all_of_it(
    suite: Path, without: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every case passes."""
    monkeypatch.setattr(passes, "WITHOUT", frozenset(without))

    outcome = run(read_folders(suite), evaluate_case)

    passed = sum(counts.passed for counts in outcome.counts.values())
    print(f"{passed} cases passed")
    assert outcome.failures | outcome.left_out == {}
    assert passed > 4_400

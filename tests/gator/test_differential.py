"""Every sample object, judged by the real gator and by us: the same JSON.

Equal results stand in the order in which gator's maps happen to be, so texts are
compared where no two results of an object are equal, and results where some are.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gatewright.gator import audit, findings, inputs
from gatewright.gator.policies import GatorError
from gatewright.gator.suites import find_suites
from tests.gator import generated
from tests.needs import ROOT, require_conformance

pytestmark = pytest.mark.peers

LIBRARY = require_conformance("gatekeeper-library", "library")
GATOR = require_conformance("gatekeeper", "test", "gator", "test", "fixtures")
SHIPPED = ROOT / "pkg" / "gatewright" / "policies"


_LOGGED = re.compile(r"^\d{4}/.* WARNING .*\n", re.MULTILINE)


def _theirs(gator: Path, files: list[str], *options: str) -> tuple[int, str, str]:
    command = [str(gator), "test", "--enable-k8s-native-validation=false", *options]
    for file in files:
        command += ["-f", file]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, _LOGGED.sub("", done.stderr)


def _findings(files: list[str]) -> Sequence[audit.Finding]:
    return audit.audit(inputs.objects_of(inputs.read_files(files))).findings


def _ours(files: list[str]) -> tuple[int, str, str]:
    try:
        found = _findings(files)
    except inputs.InputError as error:
        return 1, "", f"reading: reading from filenames: {error}\n"
    except GatorError as error:
        return 1, "", f"auditing objects: {error}\n"
    denied = any(one.denies for one in found)
    return int(denied), findings.as_json(found), ""


def _key(result: dict[str, Any]) -> tuple[str, str]:
    return result.get("enforcementAction", ""), result.get("msg", "")


def _whole(result: dict[str, Any]) -> str:
    return json.dumps(result, sort_keys=True)


def _check(gator: Path, files: list[str], *, written: bool = False) -> int:
    """Compare one input, its YAML too if `written`; the number of results."""
    theirs, ours = _theirs(gator, files, "-o", "json"), _ours(files)
    assert ours[0] == theirs[0], files
    if not theirs[1]:
        assert ours[2] == theirs[2], files
        return 0
    wanted, got = json.loads(theirs[1]) or [], json.loads(ours[1]) or []
    keys = [_key(one) for one in wanted]
    if len(set(keys)) == len(keys):
        assert ours[1] == theirs[1], files
        if written:
            assert (
                findings.as_yaml(_findings(files))
                == _theirs(gator, files, "-o", "yaml")[1]
            )
    assert [_key(one) for one in got] == keys, files
    assert sorted(got, key=_whole) == sorted(wanted, key=_whole), files
    return len(keys)


#: Policies that say nothing about plain objects in no namespace: they look at the
#: operation, at the user, or at one namespace.
SILENT = {
    "allowedrepos",
    "allowedreposv2",
    "disallowedtags",
    "imagedigests",
    "namespace-owners",
    "noupdateserviceaccount",
}
SUITES = [*LIBRARY.rglob("suite.yaml"), *SHIPPED.rglob("suite.yaml")]


@pytest.mark.parametrize(
    "path",
    sorted(SUITES),
    ids=lambda path: f"{path.parent.parent.name}/{path.parent.name}",
)
def test_samples(gator, path):
    (suite,) = find_suites(str(path))
    results = 0
    for test in suite.tests:
        policy = [str(path.parent / name) for name in (test.template, test.constraint)]
        objects: dict[str, None] = {}
        for case in test.cases:
            objects |= dict.fromkeys(str(path.parent / one) for one in case.inventory)
            name = str(path.parent / case.object)
            objects[name] = None
            rest = [str(path.parent / one) for one in case.inventory]
            results += _check(gator, [*policy, name, *rest])
        results += _check(gator, [*policy, *objects], written=True)
    assert bool(results) == (path.parent.name not in SILENT)


FIXTURES = [
    "manifests/with-policies/with-violations.yaml",
    "manifests/with-policies/with-violations-2.yaml",
    "manifests/with-policies/with-violations-rego-v1.yaml",
    "manifests/with-policies/with-violations-and-defaults.yaml",
    "manifests/with-policies/no-violations.yaml",
    "manifests/with-policies/no-violations-2.yaml",
    "manifests/no-policies/with-violations.yaml policies/default",
    "manifests/no-policies/no-violations.yaml policies/default",
    "manifests/no-policies/violating-ns.yaml policies/default",
    "manifests/different-extensions",
    "manifests/referential-data policies/default",
    "manifests/invalid-resources/object.yaml",
    "policies/enforcement_action manifests/no-policies/with-violations.yaml",
]
#: What waits for expansion.
WAITING = ["manifests/expansion/expansion-w-ns-selector.yaml"]


@pytest.mark.parametrize("names", FIXTURES)
def test_fixtures(gator, names):
    _check(gator, [str(GATOR / name) for name in names.split()])


@pytest.mark.parametrize("name", WAITING)
def test_fixtures_that_wait(name):
    code, _, text = _ours([str(GATOR / name)])
    assert code == 1
    assert "expansion is not supported yet" in text


#: YAML that both refuse, each parser in words of its own.
REFUSED = [
    "manifests/invalid-resources/template.yaml",
    "manifests/invalid-resources/constraint.yaml",
]


@pytest.mark.parametrize("name", REFUSED)
def test_fixtures_that_are_refused(gator, name):
    files = [str(GATOR / name)]
    theirs, ours = _theirs(gator, files), _ours(files)
    assert ours[0] == theirs[0] == 1
    assert ours[2].partition("yaml: line")[0] == theirs[2].partition("yaml: line")[0]


@pytest.mark.parametrize("seed", range(4))
def test_generated(gator, seed, tmp_path):
    path = tmp_path / "generated.yaml"
    path.write_text(generated.manifest(seed))
    assert _check(gator, [str(path)]) > 300

"""Every module of the conformance data: it reads, and its text reads the same."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gatewright.rego import ast_json, copies, parser, printer


def _suite(folder: Path) -> Iterator[tuple[str, int]]:
    for path in sorted((folder / "rego").glob("*.json")):
        if path.stem == "keywordrefs":
            continue  # `as.x == 1` reads, but not as the operand of a printed call
        for case in json.loads(path.read_text()):
            for module in case.get("modules") or ():
                yield module, 1


def _library(folder: Path) -> Iterator[tuple[str, int]]:
    for path in sorted(folder.rglob("*.rego")):
        yield path.read_text(), 0
    for path in sorted((folder / "gatekeeper-library").rglob("template.yaml")):
        for text in _regos(yaml.safe_load(path.read_text())):
            yield text, 0


def _regos(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "rego" and isinstance(item, str):
                yield item
            else:
                yield from _regos(item)
    elif isinstance(value, list):
        for item in value:
            yield from _regos(item)


@pytest.fixture(scope="module")
def corpus(conformance_dir):
    found = dict.fromkeys([*_suite(conformance_dir), *_library(conformance_dir)])
    assert len(found) > 1_000
    return list(found)


def test_text_of_a_tree_reads_as_the_same_text(corpus):
    """Printing a module and reading that again changes nothing."""
    for text, version in corpus:
        module = parser.parse_module("x", text, version=version)
        printed = printer.module_text(module)
        # The printed form has `if` and `contains` in place of imports for them.
        again = parser.parse_module("x", printed, version=module.rego_version)

        assert printer.module_text(again) == printed


def test_copies_are_equal_and_apart(corpus):
    """A copied module prints the same and shares no list with the original."""
    for text, version in corpus[::10]:
        module = parser.parse_module("x", text, version=version)
        copy = copies.copy_module(module)

        assert copy == module
        before = printer.module_text(module)
        for rule in copy.rules:
            rule.body.clear()
            rule.head.reference.terms.clear()
        assert printer.module_text(module) == before


@pytest.mark.peers
def test_trees_are_those_of_opa(corpus, opa, tmp_path):
    """A sample of the corpus has OPA's tree, places and source texts included."""
    for text, version in corpus[::40]:
        (tmp_path / "x.rego").write_text(text)
        command = [str(opa), "parse", "--format=json", "x.rego"]
        command += ["--json-include", "locations"]
        if version == 0:
            command.append("--v0-compatible")
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, timeout=60, check=True
        )
        module = parser.parse_module(
            "x.rego", text, version=version, process_annotations=True
        )
        shown = ast_json.dumps(ast_json.module_json(module, locations=True))
        expected = json.loads(done.stdout, parse_int=str, parse_float=str)

        assert json.loads(shown, parse_int=str, parse_float=str) == expected

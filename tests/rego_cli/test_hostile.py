"""Files that try to break the commands: each ends with an error that names it."""

from __future__ import annotations

import sys

import pytest

from tests.rego_cli.running import run_rego

DEEP = 200_000
#: name of the file, its text, a part of the error
FILES = [
    ("deep.json", "[" * DEEP, "deep.json: "),
    ("deep.yaml", "- " * DEEP, "deep.yaml: error converting YAML to JSON"),
    ("flow.yaml", "[" * DEEP, "exceeded max depth"),
    ("deep.rego", "package a\np := " + "[" * DEEP, "deep.rego:2: rego_parse_error"),
    ("call.rego", "package a\np := " + "f(" * DEEP, "call.rego:2: rego_parse_error"),
    (
        "meta.rego",
        "package a\n# METADATA\n# custom:\n#   a: " + "[" * DEEP + "\np := 1",
        "meta.rego:3: rego_parse_error",
    ),
    ("loop.rego", "package a\np if q\nq if p", "rego_recursion_error"),
    ("bytes.rego", "package a\np := \x00", "bytes.rego:2: rego_parse_error"),
]


@pytest.mark.parametrize(("name", "text", "error"), FILES, ids=lambda value: value[:9])
def test_file(name, text, error, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text(text)

    ran = run_rego("eval", "-d", name, "data", "-f", "raw")

    assert ran.status == 2
    assert error in ran.stderr


def test_input_too_deep():
    ran = run_rego("eval", "-I", "1", stdin="[" * DEEP)

    assert ran.status == 2
    assert ran.stderr == "unable to parse input: yaml: exceeded max depth of 10000\n"


def test_text_of_yaml_too_deep():
    policy = 'concat("", [x | some i in numbers.range(1, 200000); x := "["])'
    ran = run_rego("eval", f"yaml.unmarshal({policy})", "--strict-builtin-errors")

    assert ran.status == 2
    assert ran.json()["errors"][0]["code"] == "eval_builtin_error"


@pytest.mark.parametrize("query", ["numbers.range(1, 1000000000)", "data.a.p"])
def test_query_that_takes_for_ever(query, tmp_path):
    policy = tmp_path / "a.rego"
    policy.write_text(
        "package a\np := [1 |\n"
        "some i in numbers.range(1, 100000)\nsome j in numbers.range(1, 100000)\n"
        "i * j < 0]"
    )
    ran = run_rego("eval", "-d", policy, query, "--timeout", "200ms")

    assert ran.status == 2
    assert ran.json()["errors"][0]["code"] == "eval_cancel_error"


def test_collector_is_back():
    import gc

    run_rego("eval", "1")

    assert gc.isenabled()
    assert sys.getrecursionlimit() < 100_000

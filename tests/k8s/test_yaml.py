"""YAML as gator reads it, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from gatewright.k8s import gotext
from gatewright.k8s.openapi import as_floats
from gatewright.k8s.yaml import Dialect, YAMLError, read, read_cleaned, without_lists

SCALARS = yaml.safe_load(
    (Path(__file__).with_name("cases") / "yaml_scalars.yaml").read_text()
)


@pytest.mark.parametrize("dialect", list(Dialect), ids=lambda one: one.value)
@pytest.mark.parametrize("case", SCALARS, ids=lambda case: repr(case["text"]))
def test_value(case: dict[str, Any], dialect: Dialect) -> None:
    # In the file the value stood four columns in.
    text = "top:\n  sub:\n    v: " + case["text"] + "\n"
    try:
        value = read(text, dialect=dialect)[0].value["top"]["sub"]["v"]
    except YAMLError:
        assert case[dialect.value] == "error"
        return
    if dialect is Dialect.KUBERNETES:
        value = as_floats(value)

    assert gotext.json_text(value) == case[dialect.value]


def test_documents_know_their_lines() -> None:
    found = read("a: 1\n---\n# nothing\n---\nb: 2\n", source="f.yaml")

    assert [(one.value, one.line) for one in found] == [({"a": 1}, 1), ({"b": 2}, 4)]


def test_json_is_read_too() -> None:
    assert read('{"a": [1, 1.0, "yes"]}')[0].value == {"a": [1, 1.0, "yes"]}
    assert [one.value for one in read('{"a": 1}\n---\n{"b": 2}')] == [
        {"a": 1},
        {"b": 2},
    ]


def test_lists_give_their_items() -> None:
    text = "kind: PodList\napiVersion: v1\nitems:\n- {kind: Pod}\n- {kind: Node}\n"

    assert [one.value["kind"] for one in without_lists(read(text))] == ["Pod", "Node"]


def test_verify_drops_comments_inside_block_scalars() -> None:
    text = "a: |\n  x\n  # y\n\n  z\n---\nb: on\n"

    assert [one.value for one in read_cleaned(text)] == [{"a": "x\nz\n"}, {"b": "on"}]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("a: [1", "f.yaml:2: yaml: line 1: did not find expected ',' or ']'"),
        ("a: *x", "f.yaml:1: yaml: line 1: unknown anchor 'x' referenced"),
        ("a: .inf", "f.yaml:1: yaml: line 1: unsupported value: +Inf"),
        ("? [1]\n: 2", "f.yaml:1: yaml: line 1: a key of a mapping is not a string"),
    ],
)
def test_errors_name_file_and_line(text: str, error: str) -> None:
    with pytest.raises(YAMLError) as raised:
        read(text, source="f.yaml")

    assert str(raised.value) == error


def test_equal_keys() -> None:
    assert read("{a: 1, a: 2}")[0].value == {"a": 2}
    with pytest.raises(YAMLError, match='mapping key "a" already defined at line 1'):
        read("a: 1\na: 2", dialect=Dialect.CORE)


def test_merge_keys() -> None:
    text = "base: &b {x: 1, z: 2}\nthis: {<<: *b, z: 3}\n"

    assert read(text)[0].value["this"] == {"x": 1, "z": 3}


def test_aliases_are_copies() -> None:
    value = read("a: &x {i: 1}\nb: *x\n")[0].value
    value["a"]["i"] = 2

    assert value["b"] == {"i": 1}


def test_a_bomb_of_aliases_is_refused() -> None:
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    for i in range(1, 9):
        refs = ",".join([f"*a{i - 1}"] * 10)
        lines.append(f"a{i}: &a{i} [{refs}]")
    with pytest.raises(YAMLError, match="nodes, aliases expanded"):
        read("\n".join(lines))


def test_depth_and_size_have_limits() -> None:
    with pytest.raises(YAMLError, match="nested deeper than"):
        read("a: " + "[" * 600 + "]" * 600)
    with pytest.raises(YAMLError):
        read("[" * 100_000)
    with pytest.raises(YAMLError, match="larger than 10 bytes"):
        read("a: 12345678", max_bytes=10)


def test_text_that_is_no_utf8_is_refused() -> None:
    with pytest.raises(YAMLError, match="f:2: yaml: invalid UTF-8"):
        read(b"a: 1\nb: \xff\n", source="f")

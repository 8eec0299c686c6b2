"""Texts as Go makes them: values, strings, JSON and its errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from gatewright.k8s import gojson, gotext

CASES = Path(__file__).with_name("cases")


def load(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load((CASES / f"{name}.yaml").read_text())
    return found


@pytest.mark.parametrize("case", load("go_texts"), ids=lambda case: case["value"])
def test_value(case: dict[str, Any]) -> None:
    item = case["item"]

    assert gotext.value(item) == case["value"]
    assert gotext.json_text(item) == case["json"]
    assert gotext.type_name(item) == case["type"]


@pytest.mark.parametrize(
    "case", load("json_errors"), ids=lambda case: repr(case["text"])
)
def test_json_error(case: dict[str, Any]) -> None:
    error = gojson.syntax_error(case["text"].encode("latin-1"))

    assert (None if error is None else str(error)) == case["error"]


def test_quoted_strings() -> None:
    text = 'a\x7f\u00e9\u2028\U0001f600\x01<\udcff\u00ad\u200b"\\'

    assert gotext.quote(text) == (
        '"a\\x7f\u00e9\\u2028\U0001f600\\x01<\\xff\\u00ad\\u200b\\"\\\\"'
    )
    assert gotext.quote_json("a\x7f\u00e9\u2028\x01<>&\udcff\b\f\v/") == (
        '"a\x7f\u00e9\\u2028\\u0001\\u003c\\u003e\\u0026\\ufffd\\b\\f\\u000b/"'
    )


def test_member_gives_the_text_as_spelled() -> None:
    body = b'{"a": {"b": [1, 2] , "c": 1}, "a\\u0062": 2}'

    assert gojson.member(body, "a", "b") == b"[1, 2]"
    assert gojson.member(body, "ab") == b"2"
    assert gojson.member(body, "a", "x") is None


def test_nesting_has_a_limit() -> None:
    deep = b"[" * 10001 + b"]" * 10001

    assert str(gojson.syntax_error(deep)) == "exceeded max depth"
    with pytest.raises(gojson.JSONError):
        gojson.decode(b"[" * 100_000)


def test_integers_beyond_64_bits_are_floats() -> None:
    assert gojson.decode(b"[9223372036854775807, 9223372036854775808, 1e2]") == [
        9223372036854775807,
        9223372036854775808.0,
        100.0,
    ]
    assert isinstance(gojson.decode(b"9223372036854775808"), float)

"""Values deeper than Python may recurse: an error with a code, or `deep`."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from gatewright.engine import Doc, EvalError, compile_policy, deep

POLICY = """package p
same := input
patched := json.patch(input, [])
text := json.marshal(input)
"""
TOO_DEEP = "a value is nested deeper than Python may recurse"
LEVELS = 2000


def nested(levels: int = LEVELS) -> Doc:
    return Doc.parse(b"[" * levels + b"1" + b"]" * levels)


def levels(value: Any) -> int:
    found = 0
    while isinstance(value, list):
        value, found = value[0], found + 1
    return found


@pytest.mark.parametrize(
    ("entrypoint", "text"),
    [
        ("p/same", f"eval_internal_error: {TOO_DEEP}"),
        ("p/patched", f"p.rego:3: eval_internal_error: json.patch: {TOO_DEEP}"),
    ],
)
def test_an_error_says_so(entrypoint: str, text: str) -> None:
    policy = compile_policy({"p.rego": POLICY})

    with pytest.raises(EvalError) as caught:
        policy.evaluate(entrypoint, input=nested())

    assert str(caught.value) == text
    assert isinstance(caught.value.__cause__, RecursionError)


def test_an_input_of_python() -> None:
    policy = compile_policy({"p.rego": POLICY})
    value: Any = 1
    for _ in range(LEVELS):
        value = [value]

    with pytest.raises(EvalError, match=TOO_DEEP):
        policy.evaluate("p/text", input=value)


def test_others_are_not_hurt() -> None:
    policy = compile_policy({"p.rego": POLICY})

    first, second = policy.evaluate_many("p/same", [nested(), nested(2)])

    assert isinstance(first, EvalError)
    assert second == [[1]]


def test_deep_lets_them_pass() -> None:
    policy = compile_policy({"p.rego": POLICY})
    before = sys.getrecursionlimit()

    with deep():
        for entrypoint in ("p/same", "p/patched"):
            assert levels(policy.evaluate(entrypoint, input=nested())) == LEVELS

    assert sys.getrecursionlimit() == before


def test_what_stays_in_the_evaluator_has_no_limit() -> None:
    policy = compile_policy({"p.rego": POLICY})
    text: Any = policy.evaluate("p/text", input=nested())

    assert text == "[" * LEVELS + "1" + "]" * LEVELS

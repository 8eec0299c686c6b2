"""The Python API: its document is run, and threads share one policy."""

from __future__ import annotations

import doctest
from concurrent.futures import ThreadPoolExecutor

import pytest

from gatewright import engine
from tests.needs import ROOT


def test_document():
    failed, tried = doctest.testfile(
        str(ROOT / "docs" / "python.md"),
        module_relative=False,
        optionflags=doctest.NORMALIZE_WHITESPACE,
    )
    assert tried > 20
    assert failed == 0


def test_every_public_name_is_there():
    for name in engine.__all__:
        assert getattr(engine, name) is not None
    with pytest.raises(AttributeError):
        engine.nothing  # noqa: B018


def test_threads_share_a_policy():
    policy = engine.compile_policy(
        {
            "a.rego": """
package a
squares := [y | some x in numbers.range(1, input.n); y := x * x]
last := squares[input.n - 1]
text := sprintf("%d %s", [last, regex.replace("a", "b+", "c")])
"""
        }
    )
    query = policy.prepare_query("data.a.squares[i] == data.a.last")

    def ask(n: int) -> tuple[object, object, object]:
        value = {"n": n}
        return (
            policy.evaluate("a/last", input=value),
            policy.evaluate("a/text", input=value),
            query.run(input=value),
        )

    numbers = [5 + i % 40 for i in range(400)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, numbers))

    assert answers == [(n * n, f"{n * n} a", [{"i": n - 1}]) for n in numbers]

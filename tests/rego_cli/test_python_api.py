"""The Python API: its document is run, and threads share one policy."""

from __future__ import annotations

import doctest
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from gatewright import engine
from gatewright.builtins.declarations import Builtin
from gatewright.builtins.types import parse_type
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


def declared(name: str) -> dict[str, Builtin]:
    """A builtin of a test: it takes a number and gives one."""
    number = parse_type({"type": "number"})
    return {name: Builtin(name=name, args=(number,), result=number)}


def test_many_inputs_at_a_time():
    """Both evaluations are under way at one moment, or none of them gets on."""
    both = threading.Barrier(2)

    def meet(value: int) -> int:
        both.wait(timeout=60)
        return value

    policy = engine.compile_policy(
        {"a.rego": "package a\np := test.meet(input.n) + 1"},
        options=engine.CompileOptions(extra_builtins=declared("test.meet")),
        functions={"test.meet": meet},
    )

    assert policy.evaluate_many("a/p", [{"n": 1}, {"n": 5}], threads=2) == [2, 6]


def test_python_goes_on_while_a_policy_is_evaluated():
    begun = threading.Event()

    def begin(value: int) -> int:
        begun.set()
        return value

    policy = engine.compile_policy(
        {
            "a.rego": """
package a
p := count([1 | n := test.begin(input); some i in numbers.range(1, n)
    some j in numbers.range(1, n); i == j])
"""
        },
        options=engine.CompileOptions(extra_builtins=declared("test.begin")),
        functions={"test.begin": begin},
    )
    turns = 0
    with ThreadPoolExecutor(1) as pool:
        evaluation = pool.submit(policy.evaluate, "a/p", input=2500)
        assert begun.wait(60)
        while not evaluation.done():
            turns += 1

    assert evaluation.result() == 2500
    assert turns > 100  # holding the lock, the evaluation would let none happen


def test_an_input_that_fails_hurts_no_other():
    policy = engine.compile_policy({"a.rego": "package a\np := input.x\np := 1"})

    answers = policy.evaluate_many("a/p", [{"x": 1}, {"x": 2}, {}], threads=3)

    assert answers[0] == answers[2] == 1
    assert isinstance(answers[1], engine.EvalError)
    assert answers[1].code == "eval_conflict_error"
    assert answers[1].location is not None


def test_threads_share_documents():
    """Whose objects nobody has sorted yet, which the first look at one does."""
    policy = engine.compile_policy(
        {"a.rego": "package a\np := [k | some k, v in data.m; v == input.want]"}
    )
    inputs = [{"want": n % 7} for n in range(64)]
    for _ in range(20):
        text = ",".join(f'"k{n:05}": {n % 7}' for n in reversed(range(3000)))
        data = engine.Doc.parse(f'{{"m": {{{text}}}}}')
        answers = policy.evaluate_many("a/p", inputs, data=data, threads=8)
        for answer, given in zip(answers, inputs, strict=True):
            assert answer == [f"k{n:05}" for n in range(3000) if n % 7 == given["want"]]

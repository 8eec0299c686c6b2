"""Policies and queries through the facade: three outcomes, errors, builtins."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from gatewright.builtins.declarations import Builtin
from gatewright.builtins.types import parse_type
from gatewright.engine.errors import BudgetExceeded, EvalError, Place
from gatewright.engine.limits import Limits
from gatewright.engine.policy import Policy, compile_policy
from gatewright.engine.values import UNDEFINED, Set
from gatewright.rego.compiled import CompileOptions
from gatewright.rego.copies import copy_module
from gatewright.rego.errors import RegoErrors
from gatewright.rego.parser import parse_module

ANY = parse_type({"type": "any"})


def policy(text: str, **how: Any) -> Policy:
    return compile_policy({"p.rego": f"package p\n{text}"}, **how)


def test_undefined_false_and_error_are_three() -> None:
    made = policy(
        """
        a if input.x == 1
        b := input.x == 1
        c := 1 if input.x
        c := 2 if input.x
        """
    )
    given = {"x": 2}

    assert made.evaluate("data.p.a", input=given) is UNDEFINED
    assert made.evaluate("data.p.b", input=given) is False
    with pytest.raises(EvalError) as caught:
        made.evaluate("data.p.c", input=given)
    assert caught.value.code == "eval_conflict_error"
    assert caught.value.location == Place("p.rego", 6, 9)
    assert str(caught.value).startswith("p.rego:6: eval_conflict_error: ")


def test_no_input_is_not_null() -> None:
    made = policy("a if not input\nb := input")

    assert made.evaluate("data.p.a") is True
    assert made.evaluate("data.p.b") is UNDEFINED
    assert made.evaluate("data.p.b", input=None) is None


def test_a_package_and_base_data() -> None:
    made = policy("a := data.base.x + 1")

    assert made.evaluate("data.p", data={"base": {"x": 1}}) == {"a": 2}
    assert made.evaluate("data.base", data={"base": {"x": 1}}) == {"x": 1}
    assert made.evaluate("data.p", data={}) == {}


def test_errors_of_builtins() -> None:
    made = policy("a := x if { x := 1 / 0 }\nb contains y if { y := [1, 2][_] }")
    collected: list[EvalError] = []

    assert made.evaluate("data.p.a", collected=collected) is UNDEFINED
    assert [str(error) for error in collected] == [
        "p.rego:2: eval_builtin_error: div: divide by zero"
    ]
    with pytest.raises(EvalError, match="div: divide by zero"):
        made.evaluate("data.p.a", strict_builtin_errors=True)
    assert made.evaluate("data.p.b", strict_builtin_errors=True) == Set([1, 2])


def test_builtins_of_ones_own() -> None:
    calls: list[Any] = []

    def twice(value: Any) -> Any:
        calls.append(value)
        return [value, value]

    declared = Builtin(name="my.twice", args=(ANY,), result=ANY)
    made = policy(
        'a := my.twice({"x": {1, 2.50}})',
        options=CompileOptions(extra_builtins={"my.twice": declared}),
        functions={"my.twice": twice},
    )

    value = made.evaluate("data.p.a")
    assert value == [calls[0], calls[0]]


def test_an_exception_of_a_builtin_is_an_error_with_its_cause() -> None:
    def broken(_: Any) -> Any:
        raise RuntimeError("broken")

    declared = Builtin(name="my.broken", args=(ANY,), result=ANY)
    made = policy(
        "a := my.broken(1)",
        options=CompileOptions(extra_builtins={"my.broken": declared}),
        functions={"my.broken": broken},
    )
    with pytest.raises(EvalError, match=r"my\.broken: RuntimeError: broken") as caught:
        made.evaluate("data.p.a")
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_an_interrupt_is_raised_as_it_is() -> None:
    def interrupted(_: Any) -> Any:
        raise KeyboardInterrupt

    declared = Builtin(name="my.slow", args=(ANY,), result=ANY)
    made = policy(
        "a := my.slow(1)",
        options=CompileOptions(extra_builtins={"my.slow": declared}),
        functions={"my.slow": interrupted},
    )
    with pytest.raises(KeyboardInterrupt):
        made.evaluate("data.p.a")


def test_an_exception_that_cannot_say_what_it_is_is_an_error() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no words")

    def mute(_: Any) -> Any:
        raise Mute

    declared = Builtin(name="my.mute", args=(ANY,), result=ANY)
    made = policy(
        "a := my.mute(1)",
        options=CompileOptions(extra_builtins={"my.mute": declared}),
        functions={"my.mute": mute},
    )
    with pytest.raises(EvalError, match="no words"):
        made.evaluate("data.p.a")


def test_one_clock_and_one_chance_per_query() -> None:
    made = policy(
        """
        a := {time.now_ns() | numbers.range(1, 100)[_]}
        b := {rand.intn("x", 1000000) | numbers.range(1, 100)[_]}
        """
    )
    both = made.evaluate("data.p")

    assert len(both["a"]) == 1
    assert len(both["b"]) == 1


def test_limits() -> None:
    made = policy(
        """
        a if {
            some x in numbers.range(1, 3000)
            some y in numbers.range(1, 3000)
            x + y == 1
        }
        """
    )

    for limits, reason in [
        (Limits(steps=1000), "steps"),
        (Limits(seconds=0.01), "cancelled"),
        (Limits(memory=4096), "memory"),
    ]:
        with pytest.raises(BudgetExceeded) as caught:
            made.evaluate("data.p.a", limits=limits)
        assert caught.value.reason == reason


def test_query_bindings() -> None:
    query = policy("q contains x if some x in [3, 1, 2]").prepare_query(
        "data.p.q[x]; y := x * 2; x > 1"
    )

    assert query.names == ("x", "y")
    assert query.run() == [{"x": 2, "y": 4}, {"x": 3, "y": 6}]
    assert query.run_json() == b'[{"x":2,"y":4},{"x":3,"y":6}]'


def test_compile_errors_of_all_modules() -> None:
    with pytest.raises(RegoErrors) as caught:
        compile_policy({"a.rego": "package a\np if {", "b.rego": "package b\nq :="})

    assert {error.loc.file for error in caught.value.errors if error.loc} == {
        "a.rego",
        "b.rego",
    }


def test_threads_share_a_policy() -> None:
    made = policy("a := [x | some x in input; x > 10]")
    wrong: list[Any] = []

    def work(start: int) -> None:
        for n in range(start, start + 200):
            found = made.evaluate("data.p.a", input=[n, 5, 11])
            if found != [x for x in (n, 5, 11) if x > 10]:
                wrong.append(found)

    threads = [threading.Thread(target=work, args=(n,)) for n in (0, 5, 11, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not wrong


def test_a_builtin_declared_but_not_supplied() -> None:
    host = Builtin("host.ask", args=(ANY,), result=ANY)
    made = policy(
        """
        asked := host.ask(1)
        cautious if not host.ask(1)
        replaced := x if x := asked with host.ask as double
        double(x) := x * 2
        """,
        options=CompileOptions(extra_builtins={"host.ask": host}),
    )

    assert made.evaluate("data.p.replaced") == 2
    for entrypoint in ("data.p.asked", "data.p.cautious"):
        with pytest.raises(EvalError) as caught:
            made.evaluate(entrypoint)
        assert caught.value.code == "eval_internal_error"
        assert caught.value.message == "unsupported built-in: host.ask"


def test_a_copied_module_keeps_its_metadata() -> None:
    text = """# METADATA
# title: the package
package p

# METADATA
# title: the rule
a := [link.annotations.title | some link in rego.metadata.chain()]

b := 1 if { false } else := rego.metadata.rule()
"""
    module = copy_module(parse_module("p.rego", text, process_annotations=True))
    made = compile_policy({"p.rego": copy_module(module)})

    assert made.evaluate("data.p.a") == ["the rule", "the package"]
    assert made.evaluate("data.p.b") == {}

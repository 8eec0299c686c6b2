"""Deep trees: Python's limit is raised for them, by count, and put back."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from gatewright.engine import EvalError, compile_policy
from gatewright.engine.traces.coverage import Coverage
from gatewright.engine.traces.query import TracedQuery
from gatewright.rego.ast_json import dumps, module_json
from gatewright.rego.depth import FRAMES, deep
from gatewright.rego.errors import RegoErrors
from gatewright.rego.parser import parse_module

#: Of a thread's stack, in KiB: what the deepest tree may take at most.
STACK = 1024

DEEP = {
    "arrays": "p := " + "[" * 990 + "input.x" + "]" * 990,
    "objects": "p := " + '{"a":' * 990 + "1" + "}" * 990,
    "calls": "p := " + "abs(" * 990 + "1" + ")" * 990,
    "sums": "p := " + "+".join(["1"] * 990),
    "templates": "p := " + '$"{' * 490 + "1" + '}"' * 490,
    "comprehensions": "p := " + "[1 | x := " * 250 + "1" + "]" * 250,
    "chain": "".join(f"p{i} := p{i + 1}\n" for i in range(3_000))
    + "p3000 := 1\np := p0",
}


def in_thread(run: Callable[[], Any]) -> Any:
    """Call a function on a thread with a small stack; what it returned."""
    found = []
    before = threading.stack_size(STACK * 1024)
    try:
        thread = threading.Thread(target=lambda: found.append(run()))
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    return found[0]


@pytest.mark.usefixtures("shallow")
@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP.keys())
def test_construct(text):
    """All stages, on a small stack and with Python's own limit before and after."""

    def run():
        module = parse_module("deep.rego", f"package a\n{text}\n")
        shown = dumps(module_json(module, locations=True))
        policy = compile_policy({"deep.rego": module})
        planned = policy.prepare_query("x := data.a.p").solve(input={"x": 1})
        searched = TracedQuery(policy, "x := data.a.p").solve(
            data={}, input={"x": 1}, listeners=[Coverage()]
        )
        one, other = (dumps(found[0].bindings["x"]) for found in (planned, searched))
        return shown[:1], one == other

    assert in_thread(run) == ("{", True)
    assert sys.getrecursionlimit() == 1_000


@pytest.mark.usefixtures("shallow")
def test_body_of_many_lines():
    lines = "".join(f"\tinput.a != {i}\n" for i in range(3_000))
    policy = compile_policy({"long.rego": f"package a\np if {{\n{lines}}}"})
    coverage = Coverage()
    module = policy.compiled.modules["long.rego"]

    TracedQuery(policy, "data.a.p").solve(
        data={}, input={"a": -1}, listeners=[coverage]
    )

    assert coverage.report({"long.rego": module})["coverage"] == 100


@pytest.mark.usefixtures("shallow")
def test_search_that_nests_too_deep_is_an_error(monkeypatch):
    monkeypatch.setattr("gatewright.engine.search.query._DEPTH", 2_000)
    policy = compile_policy({"chain.rego": "package a\n" + DEEP["chain"]})

    with pytest.raises(EvalError, match="nests deeper than it may"):
        TracedQuery(policy, "data.a.p").solve(data={})


@pytest.mark.usefixtures("shallow")
def test_limit_is_counted_over_threads():
    """Whoever leaves first does not take the frames from those still at work."""
    first_left, second_looked = threading.Event(), threading.Event()
    seen = []

    def second():
        with deep(FRAMES):
            second_looked.set()
            first_left.wait(10)
            seen.append(sys.getrecursionlimit())

    thread = threading.Thread(target=second)
    with deep(2 * FRAMES):
        thread.start()
        second_looked.wait(10)
        assert sys.getrecursionlimit() == 2 * FRAMES
    first_left.set()
    thread.join()

    assert seen == [FRAMES]
    assert sys.getrecursionlimit() == 1_000


@pytest.mark.usefixtures("shallow")
def test_limit_that_somebody_sets_meanwhile_stays():
    with deep():
        sys.setrecursionlimit(20_000)

    assert sys.getrecursionlimit() == 20_000


@pytest.mark.usefixtures("shallow")
def test_threads_at_once():
    """Many threads parse, compile and search deep programs; none fails."""
    failures = []

    def work():
        try:
            for text in (DEEP["arrays"], DEEP["comprehensions"]):
                policy = compile_policy({"deep.rego": f"package a\n{text}\n"})
                TracedQuery(policy, "data.a.p").solve(data={}, input={"x": 1})
        except (EvalError, RecursionError, RegoErrors) as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert sys.getrecursionlimit() == 1_000

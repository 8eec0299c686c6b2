"""Evaluations run without Python's lock, so several go on at the same time."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gatewright.engine import compile_policy

#: Some hundred milliseconds of work in which no builtin of Python is called.
LONG = """package long

found := [1 |
    some i in numbers.range(1, 2000)
    some j in numbers.range(1, 500)
    i * j < input.less
]
"""
POLICY = compile_policy({"long.rego": LONG})
QUERY = POLICY.prepare_query("x := data.long.found")
INPUT = {"less": 0}

WAYS: dict[str, Callable[[], Any]] = {
    "evaluate": lambda: POLICY.evaluate("data.long.found", input=INPUT),
    "query": lambda: QUERY.solve(input=INPUT),
    "many": lambda: POLICY.evaluate_many("data.long.found", [INPUT], threads=1),
}


@pytest.fixture
def voluntary() -> Iterator[None]:
    """Python's lock goes from one thread to another only where one lets it go."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@pytest.mark.usefixtures("voluntary")
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_two_at_once_leave_python_to_others(way):
    """While two threads evaluate, a third one counts; who holds the lock to the end
    of an evaluation finds that nobody has counted meanwhile."""
    counter = 0
    together = threading.Barrier(2)
    seen: list[tuple[int, int]] = []
    way()  # planned before

    def evaluate() -> None:
        together.wait()
        start = counter
        way()
        seen.append((start, counter))

    threads = [threading.Thread(target=evaluate) for _ in range(2)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        counter += 1
        time.sleep(0)  # lets the lock go, so that who is done can say so

    (one, one_end), (other, other_end) = seen
    assert one < one_end
    assert other < other_end
    # Each began before the other had ended.
    assert max(one, other) < min(one_end, other_end)

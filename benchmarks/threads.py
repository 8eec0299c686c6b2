"""How many evaluations a second threads get out of one policy, by their number.

    python -m benchmarks.threads [MOST]

Each evaluation goes through 5,000 objects, some 600 us; only its start and its end need
the interpreter lock. Measured for `evaluate_many` and for a prepared query that threads
share. Rounds with one thread and with several take turns, and the best of each counts,
so that other work on the machine disturbs less; its load is printed, and above the
number of cores the figures say little.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from gatewright.engine import Doc, compile_policy

POLICY = """
package app
bad contains c.name if { some c in input.containers; startswith(c.image, "bad/") }
allow if count(bad) == 0
"""
ROUNDS = 400
TURNS = 5


def rates(run: Callable[[int], object], most: int) -> list[float]:
    """Evaluations a second by 1 to `most` threads."""
    best = [0.0] * most
    for _ in range(TURNS):
        for threads in range(1, most + 1):
            start = time.perf_counter()
            run(threads)
            rate = ROUNDS / (time.perf_counter() - start)
            best[threads - 1] = max(best[threads - 1], rate)
    return best


def main() -> None:
    """Print a line for each way and number of threads."""
    most = int(sys.argv[1]) if len(sys.argv) > 1 else os.cpu_count() or 1
    policy = compile_policy({"app.rego": POLICY})
    containers = [{"name": f"c{n}", "image": f"good/{n}"} for n in range(5000)]
    document = Doc.from_python({"containers": containers})
    inputs = [document] * ROUNDS
    query = policy.prepare_query("data.app.allow = x")
    query.run(input=document)

    def many(threads: int) -> None:
        policy.evaluate_many("data.app.allow", inputs, threads=threads)

    def prepared(threads: int) -> None:
        with ThreadPoolExecutor(threads) as pool:
            for _ in pool.map(lambda one: query.run(input=one), inputs):
                pass

    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for name, run in (("evaluate_many", many), ("prepared query", prepared)):
        run(1)
        found = rates(run, most)
        for threads, rate in enumerate(found, 1):
            ratio = rate / found[0]
            print(
                f"{name}, {threads} threads: {rate:7,.0f} a second, {ratio:.2f} times one"
            )


if __name__ == "__main__":
    main()

"""How many evaluations a second threads get out of one policy, by their number.

    python benchmarks/threads.py [MOST]

Each evaluation goes through 5,000 objects, some 600 us; only its start and its end need
the interpreter lock.
"""

from __future__ import annotations

import os
import sys
import time

from gatewright.engine import Doc, compile_policy

POLICY = """
package app
bad contains c.name if { some c in input.containers; startswith(c.image, "bad/") }
allow if count(bad) == 0
"""
ROUNDS = 400


def main() -> None:
    """Print a line for each number of threads."""
    most = int(sys.argv[1]) if len(sys.argv) > 1 else os.cpu_count() or 1
    policy = compile_policy({"app.rego": POLICY})
    containers = [{"name": f"c{n}", "image": f"good/{n}"} for n in range(5000)]
    document = Doc.from_python({"containers": containers})
    inputs = [document] * ROUNDS
    policy.evaluate("data.app.allow", input=document)
    alone = 0.0
    for threads in range(1, most + 1):
        start = time.perf_counter()
        policy.evaluate_many("data.app.allow", inputs, threads=threads)
        rate = ROUNDS / (time.perf_counter() - start)
        alone = alone or rate
        print(f"{threads} threads: {rate:9,.0f} a second, {rate / alone:.2f} times one")


if __name__ == "__main__":
    main()

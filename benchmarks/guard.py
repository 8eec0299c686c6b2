"""Does a decision still cost what it did?  CPU time beside a fixed loop, in one run.

python -m benchmarks.guard [--update]

Decisions and the loop take turns, and the quickest round of each counts, so that
neither another process nor a slow machine shows.  What is compared with reference.json
is their ratio; more than a quarter above it fails.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.admission import fresh_pod, judge
from benchmarks.workloads import REVIEW, library, reviews

REFERENCE = Path(__file__).with_name("reference.json")
GROWTH = 1.25
ROUNDS = 120


def calibration() -> Callable[[], None]:
    """Work of the kinds that a decision is made of: reading, look-ups, text."""
    text = REVIEW.read_text()

    def loop() -> None:
        for _ in range(20):
            found = json.loads(text)
            request = found["request"]
            names = [f"{key}={len(str(value))}" for key, value in request.items()]
            "\n".join(sorted(names)).encode()

    return loop


def decisions(bodies: Sequence[bytes]) -> Callable[[], None]:
    """A round of decisions."""

    def run() -> None:
        for body in bodies:
            judge(body)

    return run


def cpu(work: Callable[[], None]) -> int:
    """CPU time of one round, in ns."""
    before = time.process_time_ns()
    work()
    return time.process_time_ns() - before


def measure() -> dict[str, float]:
    """Decisions per round of the loop: CPU of one decision over that of the loop."""
    loaded = library()
    make = fresh_pod()
    bodies = {
        "pod": [make()[0][0] for _ in range(20)],
        "workload": reviews(loaded.objects, turn=1),
    }
    loop = calibration()
    best = dict.fromkeys(("loop", *bodies), sys.maxsize)
    for _ in range(ROUNDS):
        best["loop"] = min(best["loop"], cpu(loop))
        for name, some in bodies.items():
            taken = cpu(decisions(some))
            best[name] = min(best[name], taken)
    return {
        name: round(best[name] / len(some) / best["loop"], 5)
        for name, some in bodies.items()
    } | {
        f"{name}, us": round(best[name] / len(some) / 1e3, 1)
        for name, some in bodies.items()
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--update", action="store_true", help="take these as reference")
    if not REVIEW.exists():
        print(f"not measured: {REVIEW} is missing (SHARED_DIR)")
        return int(os.environ.get("CI") == "true")
    library()
    gc.collect()
    gc.freeze()
    gc.disable()
    update = parser.parse_args().update
    found = measure()
    if update:
        kept = {name: value for name, value in found.items() if "," not in name}
        REFERENCE.write_text(json.dumps(kept, indent=2) + "\n")
    worse = 0
    for name, reference in json.loads(REFERENCE.read_text()).items():
        growth = found[name] / reference
        print(
            f"{name}: {found[f'{name}, us']} us of CPU, {growth:.2f} of the reference "
            f"(relative to the loop; at most {GROWTH})"
        )
        worse += growth > GROWTH
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())

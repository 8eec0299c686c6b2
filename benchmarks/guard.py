"""Does a decision still cost what it did?  CPU time beside a fixed loop, in one run.

python -m benchmarks.guard [--update]

Each round of decisions stands between two of the loop, and the median of their ratios
counts, so that neither another process nor a slow machine shows.  More than a quarter
above reference.json fails, if it does so three times in a row.  So does what it costs
to know what constraints cost, beyond SAMPLING of a decision.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.admission import ADMISSION, fresh_pod, judge
from benchmarks.workloads import REVIEW, library, reviews
from gatewright.app.decider import Judging
from gatewright.app.sampling import Sampler
from gatewright.telemetry.board import Board
from gatewright.telemetry.log import Log

REFERENCE = Path(__file__).with_name("reference.json")
GROWTH = 1.25
ROUNDS = 60
SAMPLING = 1.03


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


def sampled(bodies: Sequence[bytes], sampler: Sampler | None) -> Callable[[], None]:
    """A round of decisions as a worker takes them."""
    held = library().generation

    def run() -> None:
        for body in bodies:
            work = Judging(held, ADMISSION, body, log_denies=False, sampler=sampler)
            while not work.advance(1_000_000):
                pass
            work.answer()
            work.close()

    return run


def sampling() -> float:
    """CPU of decisions whose constraints are timed as in a worker, over that of the
    same ones without: the median of rounds, each between two of the other kind."""
    bodies = reviews(library().objects, turn=2)
    sampler = Sampler(Board(1).costs(0), Log("guard"))
    plain, timed = sampled(bodies, None), sampled(bodies, sampler)
    ratios = []
    before = cpu(plain)
    for _ in range(2 * ROUNDS):
        taken, after = cpu(timed), cpu(plain)
        ratios.append(2 * taken / (before + after))
        before = after
    return round(statistics.median(ratios), 4)


def cpu(work: Callable[[], None]) -> int:
    """CPU time of one round, in ns."""
    before = time.process_time_ns()
    work()
    return time.process_time_ns() - before


def measure() -> dict[str, float]:
    """CPU of one decision over that of the loop; and in us, the best round."""
    loaded = library()
    make = fresh_pod()
    bodies = {
        "pod": [make()[0][0] for _ in range(20)],
        "workload": reviews(loaded.objects, turn=1),
    }
    loop = calibration()
    ratios: dict[str, list[float]] = {name: [] for name in bodies}
    best = dict.fromkeys(bodies, sys.maxsize)
    for _ in range(ROUNDS):
        for name, some in bodies.items():
            before = cpu(loop)
            taken = cpu(decisions(some))
            beside = (before + cpu(loop)) / 2
            ratios[name].append(taken / len(some) / beside)
            best[name] = min(best[name], taken)
    return {
        name: round(statistics.median(found), 5) for name, found in ratios.items()
    } | {
        f"{name}, us": round(best[name] / len(some) / 1e3, 1)
        for name, some in bodies.items()
    }


def growing(found: dict[str, float]) -> bool:
    """Whether some decision takes too much beside the reference."""
    reference = json.loads(REFERENCE.read_text())
    return any(found[name] > GROWTH * value for name, value in reference.items())


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
    for _ in range(2):
        if update or not growing(found):
            break
        found = measure()
    if update:
        kept = {name: value for name, value in found.items() if "," not in name}
        REFERENCE.write_text(json.dumps(kept, indent=2) + "\n")
    for name, reference in json.loads(REFERENCE.read_text()).items():
        growth = found[name] / reference
        print(
            f"{name}: {found[f'{name}, us']} us of CPU, {growth:.2f} of the reference "
            f"(relative to the loop; at most {GROWTH})"
        )
    share = min(sampling() for _ in range(1 if update else 3))
    print(f"timing constraints: {share:.3f} of a decision (at most {SAMPLING})")
    return int(growing(found) or share > SAMPLING)


if __name__ == "__main__":
    sys.exit(main())

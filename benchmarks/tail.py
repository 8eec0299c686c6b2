"""What policies add to the latency of one connection, in the middle and at its end.

    .venv/bin/python -m benchmarks.tail [--requests 8000] [--pause 0]

Ours with the whole library, ours without a policy and the bare protocol that says yes,
one serving process each, are asked for the same Pod over HTTPS keep-alive, one request
of each in an order by chance, then the next: what disturbs the machine meets them
alike.  Under a load of its own the faster server has more requests between two
disturbances, so its 99th of 100 is not that of the slower one (benchmarks.rivals.webhook
shows such loads).  Below, what each takes more than ours without a policy: the
median over the turns, and the difference of the ends.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.client import Client
from benchmarks.rivals.webhook import SHOP, bare, ours, policies_only
from benchmarks.workloads import REVIEW

#: Requests before it counts.
WARM = 200
NONE = "gatewright, no policy"


def measured(ports: dict[str, int], count: int, pause: float) -> dict[str, list[float]]:
    """Milliseconds of each request, by server."""
    body = REVIEW.read_bytes()
    clients = {name: Client(port, body) for name, port in ports.items()}
    took: dict[str, list[float]] = {name: [] for name in ports}
    chance = random.Random(1)  # noqa: S311 - no secret
    for _ in range(count + WARM):
        for name in chance.sample(list(clients), len(clients)):
            took[name].append(clients[name].ask())
            time.sleep(pause)
    for one in clients.values():
        one.close()
    return {name: times[WARM:] for name, times in took.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=8000)
    parser.add_argument("--pause", type=float, default=0.0, help="seconds after each")
    given = parser.parse_args()
    room = Path(tempfile.mkdtemp(prefix="gatewright-tail-"))
    policies_only(room / "library")
    (room / "empty").mkdir()
    (room / "empty" / "namespace.yaml").write_text(SHOP)
    with ExitStack() as stack:
        ports = {
            "gatewright, library": stack.enter_context(ours(room / "library", 1))[0],
            NONE: stack.enter_context(ours(room / "empty", 1))[0],
            "bare protocol": stack.enter_context(bare(room / "bare"))[0],
        }
        took = measured(ports, given.requests, given.pause)
    shares = (0.5, 0.9, 0.99, 0.999)
    print(f"{'ms':24}" + "".join(f"{'p' + f'{100 * one:g}':>9}" for one in shares))
    ends = {}
    for name, times in took.items():
        ordered = sorted(times)
        found = [ordered[int(len(ordered) * one)] for one in shares]
        ends[name] = found[2]
        print(f"{name:24}" + "".join(f"{one:9.3f}" for one in found))
    for name, times in took.items():
        if name != NONE:
            pairs = zip(times, took[NONE], strict=True)
            middle = statistics.median(mine - none for mine, none in pairs)
            print(
                f"{name} over no policy: {middle:.3f} in the median of the turns, "
                f"{ends[name] - ends[NONE]:.3f} at p99"
            )


if __name__ == "__main__":
    main()

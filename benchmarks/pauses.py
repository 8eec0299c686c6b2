"""What holds requests up: a slow policy among fast ones, the garbage collector.

    .venv/bin/python -m benchmarks.pauses [--rounds 5]

With the whole library and one serving process: the Pod of the other benchmarks is asked
for over HTTPS, in turns while nothing else is asked and while there is always one
request that a policy takes half a second for.  Then what a collection of garbage costs
in a process that has loaded the library and decided, and the memory of all processes.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.client import Client
from benchmarks.rivals.webhook import ours, policies_only, pss
from benchmarks.workloads import REVIEW, library, reviews
from gatewright.constraints.admission import Admission

REQUESTS = 400
SLOW = """
apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: slow}
spec:
  crd: {spec: {names: {kind: Slow}}}
  targets:
    - target: admission.k8s.gatekeeper.sh
      rego: |
        package slow
        violation[{"msg": "never"}] {
          input.review.object.metadata.labels.slow == "yes"
          xs := numbers.range(1, 3200)
          xs[_] + xs[_] == -1
        }
---
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: Slow
metadata: {name: slow}
"""


def body_of(obj: Mapping[str, object]) -> bytes:
    request = {
        "uid": "u",
        "kind": {"group": "", "version": "v1", "kind": obj["kind"]},
        "name": "slow",
        "namespace": "shop",
        "operation": "CREATE",
        "userInfo": {"username": "alice"},
        "object": obj,
    }
    review = {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": request,
    }
    return json.dumps(review).encode()


@contextlib.contextmanager
def slow_ones(port: int, took: list[float]) -> Iterator[None]:
    """While this lasts there is always a slow request under way."""
    labels = {"slow": "yes"}
    obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"labels": labels}}
    body = body_of(obj)
    ended = threading.Event()

    def run() -> None:
        client = Client(port, body)
        while not ended.is_set():
            took.append(client.ask())

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def fast_ones(client: Client) -> tuple[float, float]:
    """p50 and p99 in ms."""
    times = []
    for _ in range(REQUESTS):
        times.append(client.ask())
        time.sleep(0.002)
    times.sort()
    return statistics.median(times), times[-REQUESTS // 100]


def measure_slow(port: int, rounds: int) -> None:
    client = Client(port, REVIEW.read_bytes())
    fast_ones(client)
    alone: list[tuple[float, float]] = []
    beside: list[tuple[float, float]] = []
    took: list[float] = []
    for _ in range(rounds):
        alone.append(fast_ones(client))
        with slow_ones(port, took):
            beside.append(fast_ones(client))
    print(f"{'':44}{'p50 ms':>10}{'p99 ms':>10}")
    for label, rows in (("alone", alone), ("beside a slow policy", beside)):
        p50, p99 = (statistics.median(row[at] for row in rows) for at in (0, 1))
        print(f"{label:44}{p50:10.2f}{p99:10.2f}")
    print(f"the slow one took {statistics.median(took):.0f} ms, {len(took)} of them")


def measure_collections() -> None:
    """As a worker does it: the collector is off, what was loaded is frozen."""
    gc.disable()
    loaded = library()
    admission = Admission()
    gc.collect()
    gc.freeze()
    held = loaded.generation
    found = []
    for turn in range(20):
        for body in reviews(loaded.objects, turn=turn):
            reviewer = held.take()
            case = admission.open(body, held.snapshot, reviewer)
            while not case.advance(1_000_000):
                pass
            case.close()
            held.give(reviewer)
        objects = len(gc.get_objects())
        started = time.thread_time()
        gc.collect()
        found.append((time.thread_time() - started) * 1e3)
    print(
        f"collection after {len(loaded.objects)} decisions: at most "
        f"{max(found):.3f} ms ({objects} objects that are not frozen)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="gatewright-pauses-"))
    policies_only(folder)
    (folder / "slow.yaml").write_text(SLOW)
    with ours(folder, 1) as (port, workers):
        measure_slow(port, given.rounds)
        print(f"the serving process: {pss(workers):.0f} MB (PSS)")
    measure_collections()


if __name__ == "__main__":
    main()

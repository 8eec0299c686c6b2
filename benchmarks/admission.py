"""Body bytes to response bytes, all policies loaded, in one process.

Fresh uids and names each time; nothing is kept between reviews but what the
generation holds.  Also a script: prints means, percentiles and CPU time.
"""

from __future__ import annotations

import gc
import itertools
import statistics
import time
from collections.abc import Callable
from typing import Any

from benchmarks.workloads import REVIEW, library, reviews
from gatewright.constraints.admission import Admission
from gatewright.k8s.review import decode
from gatewright.match.block import compile_match
from gatewright.match.subject import NamespaceFacts
from gatewright.mutation.mutator import parse_mutator
from gatewright.mutation.review import MutationContext
from gatewright.mutation.review import review as mutate
from gatewright.mutation.system import MutatorSystem

ADMISSION = Admission()


def judge(body: bytes) -> bytes:
    generation = library().generation
    reviewer = generation.take()
    case = ADMISSION.open(body, generation.snapshot, reviewer)
    while not case.advance(1_000_000):
        pass
    answer = case.brief() or case.close()
    generation.give(reviewer)
    return answer.body


def fresh_pod() -> Callable[[], tuple[tuple[bytes], dict[str, Any]]]:
    """The Pod of three containers, renamed for each round."""
    text = REVIEW.read_bytes()
    turns = itertools.count()

    def setup() -> tuple[tuple[bytes], dict[str, Any]]:
        turn = b"%08d" % next(turns)
        return (text.replace(b"705ab4f5", turn).replace(b"x2x9p", turn[-5:]),), {}

    return setup


def bench_pod_review(benchmark: Any) -> None:
    """One Pod against the whole library."""
    library()
    benchmark.pedantic(judge, setup=fresh_pod(), rounds=2000, warmup_rounds=50)


def bench_workload_mean(benchmark: Any) -> None:
    """Every object of the workload once; the time is that of all of them."""
    loaded = library()
    turns = itertools.count()

    def setup() -> tuple[tuple[list[bytes]], dict[str, Any]]:
        return (reviews(loaded.objects, turn=next(turns)),), {}

    def run(bodies: list[bytes]) -> None:
        for body in bodies:
            judge(body)

    benchmark.extra_info["objects"] = len(loaded.objects)
    benchmark.pedantic(run, setup=setup, rounds=30, warmup_rounds=2)


def bench_mutation(benchmark: Any) -> None:
    """One label added to the Pod: body bytes to patch."""
    mutator = parse_mutator(
        {
            "kind": "AssignMetadata",
            "metadata": {"name": "owner"},
            "spec": {
                "location": "metadata.labels.owner",
                "parameters": {"assign": {"value": "nobody"}},
            },
        }
    )
    context = MutationContext(
        MutatorSystem.build([mutator], compile_match=compile_match),
        "nobody",
        lambda _: False,
        lambda name: NamespaceFacts(name),
        lambda: "id",
    )
    benchmark.pedantic(
        lambda body: mutate(decode(body), context),
        setup=fresh_pod(),
        rounds=1000,
        warmup_rounds=20,
    )


def steps() -> None:
    """CPU time of one Pod's way through, by step."""
    generation = library().generation
    reviewer = generation.take()
    taken: dict[str, float] = dict.fromkeys(("open", "evaluate", "close"), 0.0)
    make, rounds = fresh_pod(), 2000
    for _ in range(rounds):
        (body,), _ = make()
        marks = [time.process_time_ns()]
        case = ADMISSION.open(body, generation.snapshot, reviewer)
        marks.append(time.process_time_ns())
        while not case.advance(1_000_000):
            pass
        marks.append(time.process_time_ns())
        _ = case.brief() or case.close()
        marks.append(time.process_time_ns())
        for name, before, after in zip(taken, marks, marks[1:], strict=False):
            taken[name] += (after - before) / 1e3 / rounds
    print(
        "one Pod, CPU us: read and match {open:.0f}, evaluate {evaluate:.0f}, "
        "collect, sort and answer {close:.0f}".format(**taken)
    )


def main() -> None:
    loaded = library()
    for turn in range(3):
        for body in reviews(loaded.objects, turn=turn):
            judge(body)
    wall: list[float] = []
    cpu = 0.0
    for turn in range(3, 23):
        for body in reviews(loaded.objects, turn=turn):
            before, started = time.process_time(), time.perf_counter()
            judge(body)
            wall.append(time.perf_counter() - started)
            cpu += time.process_time() - before
    wall.sort()
    micro = [1e6 * one for one in wall]
    print(
        f"{loaded.constraints} constraints, {len(loaded.objects)} objects: "
        f"mean {statistics.fmean(micro):.0f} us, p50 {micro[len(micro) // 2]:.0f}, "
        f"p99 {micro[len(micro) * 99 // 100]:.0f}, CPU {1e6 * cpu / len(wall):.0f} us"
    )


if __name__ == "__main__":
    library()
    gc.collect()
    gc.freeze()  # as workers do
    gc.disable()
    main()
    steps()

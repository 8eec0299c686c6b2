"""Policies from decoded objects to a snapshot that answers; `gator bench` beside it.

python -m benchmarks.loading [--rounds 5] [--templates 500]

CPU time, of forks too, and time by the clock, each the least of the rounds.  gator tells
the time of its set-up, so it runs a second time on one core: where nothing else runs,
that is about its CPU.
`compiled, one process`: where there is one core, or with GATEWRIGHT_COMPILE_PROCESSES=1.
`--templates`: copies of the library's templates, with
two constraints each, to see that nothing grows faster than they do.
"""

from __future__ import annotations

import argparse
import copy
import gc
import itertools
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.rivals.bench import PEERS, dig, micros, run
from benchmarks.workloads import library_folder
from gatewright.app.generation import Generation
from gatewright.app.installation import Installation, parse_file
from gatewright.app.ledger import ObjectKey
from gatewright.constraints.policyset import Settings
from gatewright.engine import crew
from gatewright.engine.cache import CompileCache, fingerprint
from gatewright.engine.limits import Limits

Objects = dict[ObjectKey, Any]


@dataclass(frozen=True)
class Took:
    """Milliseconds of a load: by the clock, and of CPU for each part."""

    clock: float
    parts: list[float]

    @property
    def cpu(self) -> float:
        return sum(self.parts)


def policies() -> Objects:
    found: Objects = {}
    for path in sorted(library_folder().glob("*.yaml")):
        for key, obj in parse_file(path.name, path.read_bytes()):
            if key[0] in ("templates.gatekeeper.sh", "constraints.gatekeeper.sh"):
                found[key] = obj
    return found


def copies(count: int) -> Objects:
    """So many templates, each with source of its own and two constraints."""
    library = policies()
    templates = {
        obj["spec"]["crd"]["spec"]["names"]["kind"]: obj
        for key, obj in library.items()
        if key[1] == "ConstraintTemplate"
    }
    constraints = {key[1]: obj for key, obj in library.items() if key[1] in templates}
    kinds = sorted(constraints)
    out: Objects = {}
    for number in range(count):
        kind = kinds[number % len(kinds)]
        template = copy.deepcopy(templates[kind])
        name = f"{kind}{number}"
        template["metadata"]["name"] = name.lower()
        template["spec"]["crd"]["spec"]["names"]["kind"] = name
        touch(template, number)
        out["templates.gatekeeper.sh", "ConstraintTemplate", "", name.lower()] = (
            template
        )
        for which in ("a", "b"):
            one = copy.deepcopy(constraints[kind])
            one["kind"] = name
            one["metadata"]["name"] = which
            out["constraints.gatekeeper.sh", name, "", which] = one
    return out


def touch(template: dict[str, Any], mark: object) -> None:
    target = template["spec"]["targets"][0]
    for code in target.get("code", ()):
        if code["engine"] == "Rego":
            target = code["source"]
    target["rego"] += f"\n# {mark}\n"


def cpu() -> float:
    """Seconds of CPU so far, those of processes that have ended too."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime


def load(installation: Installation, objects: Objects, number: int) -> Took:
    """What taking over, building, opening took."""
    started = time.perf_counter()
    times = [cpu()]
    faults = installation.apply(objects)
    assert not faults, faults
    times.append(cpu())
    data = installation.build()
    times.append(cpu())
    Generation(number, data, limits=Limits())
    times.append(cpu())
    clock = (time.perf_counter() - started) * 1e3
    return Took(clock, [(b - a) * 1e3 for a, b in itertools.pairwise(times)])


@contextmanager
def processes(most: int) -> Iterator[None]:
    """Compile in so many processes at most."""
    os.environ[crew.PROCESSES] = str(most)
    try:
        yield
    finally:
        del os.environ[crew.PROCESSES]


def fresh(folder: Path | None) -> Installation:
    fingerprint.cache_clear()  # a new process has none
    return Installation(
        Settings(cache=CompileCache(folder)), namespace="gatekeeper-system"
    )


def shown(label: str, took: list[Took]) -> None:
    """The least of each, and the parts of the least CPU."""
    best = min(took, key=lambda one: one.cpu)
    apply, build, opened = best.parts
    print(
        f"{label:34}{min(one.clock for one in took):9.1f}{best.cpu:9.1f}"
        f"   (take over {apply:.1f}, build {build:.1f}, open {opened:.1f})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--templates", type=int, default=500)
    options = parser.parse_args()
    objects = policies()
    gc.disable()
    gator = str(PEERS / "bin" / "gator")
    theirs: list[list[float]] = []
    cold: list[Took] = []
    alone: list[Took] = []
    warm: list[Took] = []
    with tempfile.TemporaryDirectory() as base:
        folder = Path(base) / "cache"
        load(fresh(folder), objects, 1)
        for _ in range(options.rounds):
            if os.path.exists(gator):
                sides = [gator], ["taskset", "-c", "0", gator]
                rows = [run(side, 1) for side in sides]
                theirs.append(
                    [micros(dig(row, ("setupDuration",))) / 1e3 for row in rows]
                )
            cold.append(load(fresh(None), objects, 1))
            with processes(1):
                alone.append(load(fresh(None), objects, 1))
            warm.append(load(fresh(folder), objects, 1))
        print(f"{len(objects)} templates and constraints, ms{'clock':>12}{'CPU':>9}")
        if theirs:
            clock, alone_clock = (min(column) for column in zip(*theirs, strict=True))
            print(f"{'gator, set-up':34}{clock:9.1f}")
            print(f"{'gator, set-up, on one core':34}{alone_clock:9.1f}")
        shown(f"compiled, {crew.processes(len(objects))} processes", cold)
        shown("compiled, one process", alone)
        shown("from the compile cache", warm)
        many(folder, options.templates)


def many(folder: Path, count: int) -> None:
    objects = copies(count)
    print(f"\n{count} templates, {len(objects) - count} constraints")
    shown("compiled", [load(fresh(folder), objects, 1)])
    installation = fresh(folder)
    shown("from the compile cache", [load(installation, objects, 1)])
    key = next(key for key in objects if key[1] == "ConstraintTemplate")
    objects[key] = copy.deepcopy(objects[key])
    touch(objects[key], "changed")
    shown("one template changed", [load(installation, objects, 2)])


if __name__ == "__main__":
    main()

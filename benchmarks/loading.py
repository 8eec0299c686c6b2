"""Policies from decoded objects to a snapshot that answers; `gator bench` beside it.

python -m benchmarks.loading [--rounds 5] [--templates 500]

CPU time, least of the rounds.  `--templates`: copies of the library's templates, with
two constraints each, to see that nothing grows faster than they do.
"""

from __future__ import annotations

import argparse
import copy
import gc
import itertools
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.rivals.bench import PEERS, dig, micros, run
from benchmarks.workloads import library_folder
from gatewright.app.generation import Generation
from gatewright.app.installation import Installation, parse_file
from gatewright.app.ledger import ObjectKey
from gatewright.constraints.policyset import Settings
from gatewright.engine.cache import CompileCache, fingerprint
from gatewright.engine.limits import Limits

Objects = dict[ObjectKey, Any]


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


def load(installation: Installation, objects: Objects, number: int) -> list[float]:
    """Milliseconds of taking over, building, opening."""
    times = [time.process_time()]
    faults = installation.apply(objects)
    assert not faults, faults
    times.append(time.process_time())
    data = installation.build()
    times.append(time.process_time())
    Generation(number, data, limits=Limits())
    times.append(time.process_time())
    return [(b - a) * 1e3 for a, b in itertools.pairwise(times)]


def fresh(folder: Path | None) -> Installation:
    fingerprint.cache_clear()  # a new process has none
    return Installation(
        Settings(cache=CompileCache(folder)), namespace="gatekeeper-system"
    )


def shown(label: str, took: list[float]) -> None:
    apply, build, opened = took
    print(
        f"{label:34}{sum(took):9.1f}   (take over {apply:.1f}, build {build:.1f}, "
        f"open {opened:.1f})"
    )


def best(rounds: list[list[float]]) -> list[float]:
    return min(rounds, key=sum)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--templates", type=int, default=500)
    options = parser.parse_args()
    objects = policies()
    gc.disable()
    gator = str(PEERS / "bin" / "gator")
    theirs: list[float] = []
    cold: list[list[float]] = []
    warm: list[list[float]] = []
    with tempfile.TemporaryDirectory() as base:
        folder = Path(base) / "cache"
        load(fresh(folder), objects, 1)
        for _ in range(options.rounds):
            if os.path.exists(gator):
                row = run([gator], 1)
                theirs.append(micros(dig(row, ("setupDuration",))) / 1e3)
            cold.append(load(fresh(None), objects, 1))
            warm.append(load(fresh(folder), objects, 1))
        print(f"{len(objects)} templates and constraints, ms of CPU (gator: of time)")
        if theirs:
            print(f"{'gator, set-up':34}{min(theirs):9.1f}")
        shown("compiled", best(cold))
        shown("from the compile cache", best(warm))
        many(folder, options.templates)


def many(folder: Path, count: int) -> None:
    objects = copies(count)
    print(f"\n{count} templates, {len(objects) - count} constraints")
    shown("compiled", load(fresh(folder), objects, 1))
    installation = fresh(folder)
    shown("from the compile cache", load(installation, objects, 1))
    key = next(key for key in objects if key[1] == "ConstraintTemplate")
    objects[key] = copy.deepcopy(objects[key])
    touch(objects[key], "changed")
    shown("one template changed", load(installation, objects, 2))


if __name__ == "__main__":
    main()

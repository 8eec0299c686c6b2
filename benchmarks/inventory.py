"""Policies over 50,000 objects of inventory: decisions, changes, memory, stalls.

    .venv/bin/python -m benchmarks.inventory [--objects 50000] [--no-opa]

The policy process is the real one, fed by this program; the readers are processes that
hold generations as serving ones do.  A stall is the time between two turns of a
reader's event loop, less 1 ms that it sleeps and what it waited for a free core.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import re
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

import gatewright
from benchmarks.readers import Reader
from benchmarks.rivals.opa import OPA
from benchmarks.workloads import SHARED
from gatewright.app.installation import Fault, Installation
from gatewright.app.ledger import ObjectKey
from gatewright.app.policy_process import PolicyProcess
from gatewright.app.settings import ClusterSettings, Settings
from gatewright.app.sockets import listen_private
from gatewright.app.source import Outcome, Trouble
from gatewright.constraints import regosource, template
from gatewright.constraints.inventory import ObjectKey as DataKey
from gatewright.telemetry.board import Board
from gatewright.telemetry.log import Log

GENERAL = SHARED / "conformance" / "gatekeeper-library" / "library" / "general"
#: Gatekeeper's library has the first one with `with`, which is another question.
POLICIES = (
    Path(gatewright.__file__).parent / "policies" / "unique-ingress-host",
    GENERAL / "uniqueserviceselector",
)
#: Applications that pods belong to; those of one differ in little.
APPLICATIONS = 250

Change = tuple[DataKey, bytes | None]


class Fed:
    """A source that has what this program puts into it."""

    wakes: Sequence[int] = ()
    complete = True

    def __init__(self) -> None:
        self.policies: dict[ObjectKey, Any] = {}
        self.data: list[Change] = []
        self.new = True

    def look(self, now: float) -> bool:  # noqa: ARG002 - a source's
        new, self.new = self.new, False
        return new or bool(self.data)

    def objects(self) -> Mapping[ObjectKey, Any]:
        return self.policies

    def feed(self, installation: Installation, took: Callable[[float], None]) -> None:
        changes, self.data = self.data, []
        faults = installation.put_data(changes, took=took)
        assert not faults, faults

    def reject(self, faults: Mapping[ObjectKey, Fault], *, now: float) -> bool:  # noqa: ARG002 - a source's
        assert not faults, faults
        return False

    def accept(self, installation: Installation) -> None: ...

    def settled(self, installation: Installation, outcome: Outcome) -> None:  # noqa: ARG002 - a source's
        assert outcome.committed

    def problem(self) -> str:
        return ""

    def waiting(self) -> Sequence[Trouble]:
        return ()

    def troubles(self) -> Sequence[Trouble]:
        return ()

    def show(self, *, ready: bool, problem: str) -> None: ...

    def synced(self) -> Mapping[str, tuple[int, int]]:
        return {}

    def cached(self) -> Sequence[tuple[str, str, str, str]]:
        return ()

    def measure(self, gauge: Callable[[str, float], None]) -> None: ...

    def undecided(self, *, mutation: bool) -> None: ...

    def leave(self) -> None: ...

    def close(self) -> None: ...


class Stage:
    """A policy process and its readers."""

    def __init__(self, readers: int) -> None:
        listener, address = listen_private()
        board = Board(1 + readers)
        self.source = Fed()
        settings = Settings(
            Path(),
            workers=readers,
            cluster=ClusterSettings("bench", ("webhook",)),
        )
        # Forked before there is anything here that they would share.
        self.readers = [
            Reader.start(settings, board, slot=n + 1, address=address)
            for n in range(readers)
        ]
        self.process = PolicyProcess(
            settings,
            self.source,
            board=board,
            slot=0,
            listener=listener,
            log=Log("bench", write=lambda _: None),
        )
        while len(self.process.workers) < readers:
            self.process.talk(0.05)

    def change(self, *data: Change) -> float:
        """Seconds until a change is what all readers decide by."""
        self.source.data += data
        started = time.perf_counter()
        self.process.take_reading()
        return time.perf_counter() - started

    def policy(self, obj: dict[str, Any]) -> None:
        group = obj["apiVersion"].rpartition("/")[0]
        key = group, obj["kind"], "", obj["metadata"]["name"]
        self.source.policies[key] = obj
        self.source.new = True

    def stalls(self) -> list[float]:
        """The longest stall of each reader since this was asked last, in ms."""
        return [one.stall() for one in self.readers]

    def end(self) -> None:
        for one in self.readers:
            os.kill(one.pid, signal.SIGKILL)
            os.waitpid(one.pid, 0)


def ingress(number: int, host: str) -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": f"i-{number}", "namespace": f"n-{number % 100}"},
        "spec": {"rules": [{"host": host}]},
    }


def service(number: int, app: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": f"s-{number}", "namespace": f"n-{number % 100}"},
        "spec": {"selector": {"app": app, "tier": "web"}, "ports": [{"port": 80}]},
    }


def data_of(obj: dict[str, Any]) -> Change:
    group, _, version = obj["apiVersion"].rpartition("/")
    meta = obj["metadata"]
    key = group, version, obj["kind"], meta["namespace"], meta["name"]
    return key, json.dumps(obj, separators=(",", ":")).encode()


def pods(first: int, end: int) -> Iterator[Change]:
    """Pods of 5.5 KB, of some applications, each with what only it has."""
    pod = json.loads((SHARED / "bench" / "review-pod.json").read_text())
    text = json.dumps(pod["request"]["object"], separators=(",", ":"))
    for number in range(first, end):
        obj = json.loads(text)
        meta = obj["metadata"]
        app = f"app-{number % APPLICATIONS}"
        meta["name"] = f"{app}-{number:08x}"
        meta["namespace"] = f"n-{number % 100}"
        meta["uid"] = f"00000000-0000-4000-8000-{number:012d}"
        meta["resourceVersion"] = str(1000 + number)
        meta.setdefault("labels", {})["app"] = app
        for container in obj["spec"].get("containers", ()):
            container["image"] = (
                f"registry.example.com/{app}@sha256:{number % 250:064d}"
            )
        obj["status"] = {
            "podIP": f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        }
        body = len(json.dumps(obj, separators=(",", ":")))
        meta.setdefault("annotations", {})["filler"] = app * ((5500 - body) // len(app))
        yield data_of(obj)


def shown(label: str, *cells: str) -> None:
    print(f"{label:52}" + "".join(f"{cell:>22}" for cell in cells), flush=True)


def opa_bench(
    source: regosource.RegoSource, inventory: dict[str, Any], given: dict[str, Any]
) -> float:
    """Milliseconds of a decision by `opa bench`."""
    rego = source.text
    name = re.search(r"^package\s+(\S+)", rego, re.MULTILINE)
    assert name is not None
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "policy.rego").write_text(rego)
        (folder / "data.json").write_text(json.dumps({"inventory": inventory}))
        (folder / "input.json").write_text(json.dumps(given))
        done = subprocess.run(
            [
                *(str(OPA), "bench", "--metrics=false"),
                *(("--v0-compatible",) if source.version == 0 else ()),
                *("--fail=false", "-f", "gobench", "-i", str(folder / "input.json")),
                *("-d", str(folder / "policy.rego"), "-d", str(folder / "data.json")),
                f"data.{name[1]}.violation",
            ],
            check=True,
            capture_output=True,
            text=True,
        )
    found = re.search(r"([0-9.]+) ns/op", done.stdout)
    assert found is not None, done.stdout
    return float(found[1]) / 1e6


def tree(objects: list[dict[str, Any]]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for obj in objects:
        meta = obj["metadata"]
        place = out.setdefault("namespace", {}).setdefault(meta["namespace"], {})
        place = place.setdefault(obj["apiVersion"], {}).setdefault(obj["kind"], {})
        place[meta["name"]] = obj
    return out


def library(stage: Stage) -> list[regosource.RegoSource]:
    """Both policies; their Rego."""
    out = []
    for number in range(100):
        metadata = {"name": f"n-{number}"}
        stage.policy({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    for folder in POLICIES:
        obj = yaml.safe_load((folder / "template.yaml").read_text())
        stage.policy(obj)
        (sample,) = folder.rglob("constraint.yaml")
        stage.policy(yaml.safe_load(sample.read_text()))
        out.append(regosource.source_of(template.parse(obj, defaults=True)))
    return out


def measure_decisions(
    stage: Stage, regos: list[regosource.RegoSource], count: int, *, opa: bool
) -> None:
    ingresses = [ingress(n, f"h-{n}.example.com") for n in range(count)]
    services = [service(n, f"a-{n}") for n in range(count)]
    took = stage.change(*map(data_of, [*ingresses, *services]))
    stalls = max(stage.stalls())
    shown(f"{2 * count:,} objects at once: visible after", f"{took:.2f} s")
    shown("  longest stall of a reader meanwhile", f"{stalls:.2f} ms")
    print()
    shown("decision", "p50, us", "p99, us", "CPU mean, us", "opa bench, us", "ratio")
    (reader, *_) = stage.readers
    for label, which, obj, others in (
        ("unique host, allowed", 0, ingress(count, "new"), ingresses),
        (
            "unique host, denied",
            0,
            ingress(count, "h-7.example.com"),
            ingresses,
        ),
        ("unique selector, allowed", 1, service(count, "new"), services),
        ("unique selector, denied", 1, service(count, "a-7"), services),
    ):
        row = reader.decide(obj)
        assert row.allowed == label.endswith("allowed"), label
        cells = [f"{row.p50:.1f}", f"{row.p99:.1f}", f"{row.cpu:.1f}"]
        if opa:
            given = {"parameters": {}, "review": request_of(obj)}
            theirs = opa_bench(regos[which], tree(others), given) * 1e3
            cells += [f"{theirs:,.0f}", f"{theirs / row.cpu:,.0f}"]
        shown(label, *cells)


def request_of(obj: dict[str, Any]) -> dict[str, Any]:
    group, _, version = obj["apiVersion"].rpartition("/")
    meta = obj["metadata"]
    return {
        "kind": {"group": group, "version": version, "kind": obj["kind"]},
        "name": meta["name"],
        "namespace": meta["namespace"],
        "object": obj,
    }


def measure_changes(stage: Stage, count: int) -> None:
    print()
    stage.stalls()
    time.sleep(3)
    shown(
        "longest stall of a reader, nothing changing", f"{max(stage.stalls()):.2f} ms"
    )
    times = []
    cpu = time.process_time()
    for n in range(300):
        times.append(stage.change(data_of(ingress(n, f"moved-{n}.example.com"))))
        time.sleep(0.01)
    cpu = (time.process_time() - cpu) / len(times)
    times.sort()
    shown(
        "one object changed: visible in all readers after",
        f"p50 {statistics.median(times) * 1e3:.2f} ms",
        f"p99 {times[-4] * 1e3:.2f} ms",
        f"CPU {cpu * 1e3:.2f} ms",
    )
    shown("  longest stall of a reader meanwhile", f"{max(stage.stalls()):.2f} ms")
    many = [data_of(ingress(n, f"all-{n}.example.com")) for n in range(count)]
    took = stage.change(*many)
    shown(f"{count:,} objects changed at once: visible after", f"{took:.2f} s")
    shown("  longest stall of a reader meanwhile", f"{max(stage.stalls()):.2f} ms")


def measure_policies(stage: Stage) -> None:
    print()
    sample = next(o for k, o in stage.source.policies.items() if "constraints" in k[0])
    for n in range(1000):
        name = f"more-{n}"
        stage.policy({**sample, "metadata": {"name": name}})
    took = stage.change()
    shown("1,000 constraints more: in force after", f"{took:.2f} s")
    shown("  longest stall of a reader meanwhile", f"{max(stage.stalls()):.2f} ms")
    time.sleep(0.5)
    for turn in range(3):
        stage.policy({**sample, "metadata": {"name": f"turn-{turn}"}})
        took = stage.change()
    shown("and one constraint more: in force after", f"{took:.2f} s")
    shown("  longest stall of a reader meanwhile", f"{max(stage.stalls()):.2f} ms")


def measure_pods(count: int) -> None:
    """What pods cost in shared memory, and in each reader."""
    stage = Stage(3)
    library(stage)
    stage.change()
    gc.collect()
    before = [one.memory() for one in stage.readers]
    raw = 0
    for first in range(0, count, 5000):
        part = list(pods(first, min(first + 5000, count)))
        raw += sum(len(data) for _, data in part if data is not None)
        stage.change(*part)
    documents = stage.process.installation.policies.inventory.documents
    print()
    shown(f"{count:,} pods, JSON each", f"{raw / count:,.0f} bytes")
    shown("in shared memory, each, once", f"{documents.bytes / count:,.0f} bytes")
    after = [one.memory() for one in stage.readers]
    for kind in ("private", "pss"):
        grown = statistics.mean(
            b[kind] - a[kind] for a, b in zip(before, after, strict=True)
        )
        shown(f"each of 3 readers has more, {kind}", f"{grown / 2**20:.1f} MiB")
    stage.end()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=50_000)
    parser.add_argument("--no-opa", action="store_true")
    given = parser.parse_args()
    stage = Stage(2)
    regos = library(stage)
    stage.change()
    opa = not given.no_opa and OPA.exists()
    measure_decisions(stage, regos, given.objects, opa=opa)
    measure_changes(stage, given.objects)
    measure_policies(stage)
    stage.end()
    measure_pods(given.objects)


if __name__ == "__main__":
    main()

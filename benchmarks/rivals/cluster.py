"""On one real API server, in turns: no webhook, one that only says yes, the real
Gatekeeper, and ours.

    python -m benchmarks.rivals.cluster [--rounds 200]

What a dry-run create of a Pod takes (p50 and p99; each side has a namespace of its own, so that
requests alternate), with one constraint and with the whole library; from start to
ready; from a constraint that is created to its first denial, its definition being
served; memory of all processes.  Needs the binaries of the cluster tests.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from http.client import HTTPSConnection
from pathlib import Path
from threading import Thread
from typing import Any

from benchmarks.rivals.webhook import pss
from benchmarks.workloads import REVIEW
from gatewright.app.certificates import make_certificate
from tests.cluster.daemon import Daemon
from tests.cluster.manager import Manager, constraint, install, managing, pod, template
from tests.cluster.rival import Rival, gatekeeper, webhook
from tests.cluster.server import Cluster, free_ports, until
from tests.cluster.starving import family
from tests.cluster.test_library import api_of, create, library
from tests.needs import require_peer, require_servers

SIDES = ("none", "yes", "gatekeeper", "gatewright")
LABELS = """
violation[{"msg": msg}] {
  required := {label | label := input.parameters.labels[_]}
  missing := required - {label | input.review.object.metadata.labels[label]}
  count(missing) > 0
  msg := sprintf("you must provide labels: %v", [missing])
}
"""
PODS = "/api/v1/namespaces/{}/pods"


def home(side: str) -> str:
    return f"side-{side}"


def only(side: str) -> dict[str, Any]:
    """The part of a webhook that keeps it to a side's namespace."""
    labels = {"kubernetes.io/metadata.name": home(side)}
    return {"namespaceSelector": {"matchLabels": labels}, "timeoutSeconds": 10}


@dataclass(frozen=True, slots=True)
class Percentiles:
    p50: float
    p99: float


class Field:
    """The cluster with all sides on it."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self.stack = stack
        self.folder = folder
        self.cluster = Cluster(folder, programs=require_servers(), controllers=False)
        stack.callback(self.cluster.stop)
        self.cluster.start()
        install(self.cluster)
        pod(self.cluster, "manager-0")
        for side in SIDES:
            self.cluster.kubectl("create", "namespace", home(side))
        obj = json.loads(REVIEW.read_text())["request"]["object"]
        for part in ("uid", "resourceVersion", "creationTimestamp", "managedFields"):
            obj["metadata"].pop(part, None)
        obj.pop("status", None)
        self.pod = obj
        self.api = stack.enter_context(api_of(self.cluster))

    def yes(self) -> None:
        (self.folder / "yes").mkdir()
        made = make_certificate(["127.0.0.1"], folder=self.folder / "yes")
        (port,) = free_ports(1)
        command = [sys.executable, "-m", "benchmarks.rivals.yes"]
        daemon = Daemon(
            "yes",
            [*command, str(port), str(made.certificate), str(made.key)],
            log=self.folder / "yes.log",
        )
        daemon.start()
        self.stack.callback(daemon.stop)
        self.call("yes", ("127.0.0.1", port), made.ca)

    def call(self, side: str, address: tuple[str, int], authority: Path | str) -> None:
        self.cluster.apply(webhook(f"bench-{side}", address, authority, **only(side)))

    def ask(
        self, side: str, api: HTTPSConnection | None = None
    ) -> tuple[int, str, tuple[str, ...]]:
        metadata = {**self.pod["metadata"], "namespace": home(side)}
        return create(
            api or self.api, PODS.format(home(side)), {**self.pod, "metadata": metadata}
        )

    def latencies(self, rounds: int) -> dict[str, Percentiles]:
        """Of each side in ms, asked in turns."""
        times: dict[str, list[float]] = {side: [] for side in SIDES}
        for turn in range(rounds + 10):
            for side in SIDES:
                started = time.perf_counter()
                status, text, _ = self.ask(side)
                took = (time.perf_counter() - started) * 1e3
                assert status in (201, 403), (side, turn, text)
                if turn >= 10:
                    times[side].append(took)
        return {
            side: Percentiles(
                statistics.median(found), sorted(found)[-len(found) // 100]
            )
            for side, found in times.items()
        }

    def policy(self, made: dict[str, Any]) -> None:
        """A template, and its definition served."""
        self.cluster.apply(made)
        name = f"crd/{made['metadata']['name']}.constraints.gatekeeper.sh"
        until("it", lambda: self.cluster.run("kubectl", "get", name).returncode == 0)
        self.cluster.kubectl("wait", "--for=condition=Established", name)

    def enforced_after(self, number: int) -> dict[str, float]:
        """Seconds from the creation of a constraint to the first denial by each."""
        kind = f"Applied{number}"
        self.policy(template(kind, 'violation[{"msg": "applied"}] { true }'))
        time.sleep(2.5)  # an API server lets creations wait that follow a definition
        path = f"/apis/constraints.gatekeeper.sh/v1beta1/{kind.lower()}"
        made = constraint(kind, f"applied-{number}", kinds=["Pod"])
        out: dict[str, float] = {}
        started = time.monotonic()

        def wait_for(side: str) -> None:
            with api_of(self.cluster) as api:
                while time.monotonic() - started < 60:
                    if f"[applied-{number}]" in self.ask(side, api)[1]:
                        out[side] = time.monotonic() - started
                        return

        waiting = [Thread(target=wait_for, args=[side]) for side in SIDES[2:]]
        self.api.request(
            "POST", path, json.dumps(made), {"Content-Type": "application/json"}
        )
        self.api.getresponse().read()
        for one in waiting:
            one.start()
        for one in waiting:
            one.join()
        self.cluster.kubectl("delete", kind.lower(), f"applied-{number}")
        return out


def show(label: str, found: dict[str, Percentiles]) -> None:
    """A row of each percentile; what is added is that of the p50s."""
    p50s = [found[side].p50 for side in SIDES]
    _, yes, theirs, ours = p50s
    ratio = (theirs - yes) / max(ours - yes, 0.01)
    shown = "".join(f"{one:12.2f}" for one in p50s)
    print(f"{label:20}p50{shown}{ours - yes:12.2f}{ratio:8.0f}")
    shown = "".join(f"{found[side].p99:12.2f}" for side in SIDES)
    print(f"{'':20}p99{shown}", flush=True)


def start_times(field: Field) -> None:
    """Ready with the library in place, twice each, in turns."""
    times: dict[str, list[float]] = {"gatekeeper": [], "gatewright": []}
    for turn in range(2):
        for side in times:
            folder = field.folder / f"start-{side}-{turn}"
            folder.mkdir()
            began = time.monotonic()
            with (
                gatekeeper(field.cluster, folder)
                if side == "gatekeeper"
                else managing(field.cluster, "--operation=webhook")
            ):
                times[side].append(time.monotonic() - began)
    for side, found in times.items():
        print(f"{side}: ready {statistics.median(found):.1f} s after its start")


def measure(field: Field, rounds: int, rival: Rival, manager: Manager) -> None:
    heads = "".join(f"{one:>12}" for one in (*SIDES, "ours - yes"))
    print(f"{'dry-run create, ms':23}{heads}{'ratio':>8}")
    show("no constraint", field.latencies(rounds))
    strings = {"type": "array", "items": {"type": "string"}}
    schema = {"type": "object", "properties": {"labels": strings}}
    field.policy(template("Labelled", LABELS, schema=schema))
    one = constraint("Labelled", "one", kinds=["Pod"], parameters={"labels": []})
    field.cluster.apply(one)
    time.sleep(3)
    show("one constraint", field.latencies(rounds))
    found = [field.enforced_after(number) for number in range(3)]
    templates, constraints, _ = library(field.folder / "library")
    for obj in templates:
        field.cluster.apply(obj)
    for obj in templates:
        field.policy(obj)
    field.cluster.apply(*constraints)
    time.sleep(5)
    until("it denies", lambda: field.ask("gatewright")[0] == 403)
    until("it denies", lambda: field.ask("gatekeeper")[0] == 403)
    show("the whole library", field.latencies(rounds))
    found += [field.enforced_after(number) for number in range(3, 6)]
    for side in SIDES[2:]:
        times = [one[side] for one in found]
        print(
            f"{side}: a constraint denies {statistics.median(times):.2f} s after its "
            f"creation (at most {max(times):.2f})"
        )
    ours = family(manager.process.pid)
    print(f"gatekeeper: {pss([rival.daemon.pid]):.0f} MB (PSS), the library loaded")
    print(f"gatewright: {pss(ours):.0f} MB (PSS), {len(ours)} processes, 2 serving")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    given = parser.parse_args()
    require_peer("gatekeeper")
    folder = Path(tempfile.mkdtemp(prefix="gatewright-cluster-"))
    with ExitStack() as stack:
        field = Field(stack, folder)
        field.yes()
        with (
            gatekeeper(field.cluster, folder) as rival,
            managing(
                field.cluster, "--operation=webhook", "--operation=status"
            ) as manager,
        ):
            field.call("gatekeeper", rival.address, rival.authority)
            ca = manager.event("listening")["ca"]
            field.call("gatewright", manager.admission, ca)
            time.sleep(2)
            measure(field, given.rounds, rival, manager)
        start_times(field)


if __name__ == "__main__":
    main()

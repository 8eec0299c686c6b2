"""On one real API server, in turns: no webhook, one that only says yes, the same one
called as our chart has it (selectors, match conditions), the real Gatekeeper, and ours.

    python -m benchmarks.rivals.cluster [--rounds 200] [--latencies]

What a dry-run create of a Pod takes (p50 and p99; each side has a namespace of its own;
each round asks all in an order by chance, and what a side adds is the median of what it
took more than the webhook that says yes in the same round), with one constraint and with
the whole library, whose constraints are `dryrun`: a denial would spare the API server the
rest of the request.  Beside it what the webhook's serving processes spend for one: CPU,
and the time that they wait for a core.  From start to ready; from a constraint that is created to its first denial, its
definition being served; memory of all processes.  `--latencies`: nothing but those.
Needs the binaries of the cluster tests.
"""

from __future__ import annotations

import argparse
import json
import random
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
from tests.chart.rendered import render
from tests.cluster.daemon import Daemon
from tests.cluster.manager import Manager, constraint, install, managing, pod, template
from tests.cluster.rival import Rival, gatekeeper, webhook
from tests.cluster.server import Cluster, free_ports, until
from tests.cluster.starving import family
from tests.cluster.test_library import api_of, create, library, not_enforced
from tests.needs import require_peer, require_servers

RIVALS = ("gatekeeper", "gatewright")
SIDES = ("none", "yes", "as-ours", *RIVALS)
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


def as_ours(side: str) -> dict[str, Any]:
    """The same, in addition to all that our chart asks the API server to look at."""
    rendered = render(require_peer("helm"), {})
    name = "gatekeeper-validating-webhook-configuration"
    found = rendered[f"ValidatingWebhookConfiguration/{name}"]["webhooks"][0]
    more = {one: found[one] for one in ("matchConditions", "rules", "objectSelector")}
    selector = {**found["namespaceSelector"], **only(side)["namespaceSelector"]}
    return {**more, "namespaceSelector": selector, "timeoutSeconds": 10}


@dataclass(frozen=True, slots=True)
class Row:
    """Milliseconds: of requests; medians of what serving processes spend; medians of
    what time and CPU there were over those of `yes` in the same round."""

    p50: float
    p99: float
    cpu: float
    waiting: float
    over: dict[str, float]


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
        self.serving: dict[str, list[int]] = {}

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
        self.call("yes", ("127.0.0.1", port), made.ca, [daemon.pid])
        self.call("as-ours", ("127.0.0.1", port), made.ca, [daemon.pid])

    def call(
        self,
        side: str,
        address: tuple[str, int],
        authority: Path | str,
        serving: list[int],
    ) -> None:
        more = as_ours(side) if side == "as-ours" else only(side)
        self.cluster.apply(webhook(f"bench-{side}", address, authority, **more))
        self.serving[side] = serving

    def ask(
        self, side: str, api: HTTPSConnection | None = None
    ) -> tuple[int, str, tuple[str, ...]]:
        metadata = {**self.pod["metadata"], "namespace": home(side)}
        return create(
            api or self.api, PODS.format(home(side)), {**self.pod, "metadata": metadata}
        )

    def latencies(self, rounds: int) -> dict[str, Row]:
        """Of each side, asked in turns, each after any other.

        Always last, and so always after Gatekeeper's 30 ms of CPU, one side seemed to
        take 1.2 ms more than it does: the API server itself is slower then.
        """
        took: dict[str, list[tuple[float, float, float]]] = {one: [] for one in SIDES}
        chance = random.Random(1)  # noqa: S311 - no secret
        for turn in range(rounds + 10):
            for side in chance.sample(SIDES, len(SIDES)):
                pids = self.serving.get(side, [])
                before = spent(pids)
                started = time.perf_counter()
                status, text, _ = self.ask(side)
                passed = time.perf_counter() - started
                after = spent(pids)
                assert status == 201, (side, turn, text)
                if turn >= 10:
                    cpu, waiting = after[0] - before[0], after[1] - before[1]
                    took[side].append((passed * 1e3, cpu * 1e3, waiting * 1e3))
        out = {}
        for side, rows in took.items():
            times, used, waited = (sorted(one) for one in zip(*rows, strict=True))
            more = [
                (own[0] - yes[0], own[1] - yes[1])
                for own, yes in zip(rows, took["yes"], strict=True)
            ]
            longer, dearer = zip(*more, strict=True)
            out[side] = Row(
                statistics.median(times),
                times[-len(times) // 100],
                statistics.median(used),
                statistics.median(waited),
                {"p50": statistics.median(longer), "cpu": statistics.median(dearer)},
            )
        return out

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

        waiting = [Thread(target=wait_for, args=[side]) for side in RIVALS]
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


def spent(pids: list[int]) -> tuple[float, float]:
    """Seconds that all threads of processes had a core, and waited for one."""
    ran = waited = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            one = (task / "schedstat").read_text().split()
            ran, waited = ran + int(one[0]), waited + int(one[1])
    return ran / 1e9, waited / 1e9


def show(label: str, found: dict[str, Row]) -> None:
    """A row of each number, and what is added to a webhook that says yes."""
    for part in ("p50", "p99", "cpu", "waiting"):
        shown = "".join(f"{getattr(found[side], part):13.2f}" for side in SIDES)
        end = ""
        if part in found["yes"].over:
            theirs, ours = (found[one].over[part] for one in RIVALS)
            end = f"{theirs:13.2f}{ours:13.2f}{theirs / max(ours, 0.01):8.0f}"
        print(f"{label:20}{part:8}{shown}{end}", flush=True)
        label = ""


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


def latencies(field: Field, rounds: int) -> None:
    """With more and more policies."""
    heads = "".join(f"{one:>13}" for one in (*SIDES, "theirs - yes", "ours - yes"))
    print(f"{'dry-run create, ms':28}{heads}{'ratio':>8}")
    show("no constraint", field.latencies(rounds))
    strings = {"type": "array", "items": {"type": "string"}}
    schema = {"type": "object", "properties": {"labels": strings}}
    field.policy(template("Labelled", LABELS, schema=schema))
    one = constraint("Labelled", "one", kinds=["Pod"], parameters={"labels": []})
    field.cluster.apply(one)
    time.sleep(3)
    show("one constraint", field.latencies(rounds))
    templates, constraints, _ = library(field.folder / "library")
    for obj in templates:
        field.cluster.apply(obj)
    for obj in templates:
        field.policy(obj)
    for obj in constraints:
        obj.setdefault("spec", {})["enforcementAction"] = "dryrun"
    field.cluster.apply(*constraints)
    until(
        "all are enforced",
        lambda: not not_enforced(field.cluster, constraints),
        seconds=120,
    )
    show("the whole library", field.latencies(rounds))


def others(field: Field, rival: Rival, manager: Manager) -> None:
    """From a constraint to its first denial; memory."""
    found = [field.enforced_after(number) for number in range(6)]
    for side in RIVALS:
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
    parser.add_argument("--latencies", action="store_true")
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
            theirs = [rival.daemon.pid]
            field.call("gatekeeper", rival.address, rival.authority, theirs)
            ca = manager.event("listening")["ca"]
            field.call("gatewright", manager.admission, ca, manager.workers())
            time.sleep(2)
            latencies(field, given.rounds)
            if not given.latencies:
                others(field, rival, manager)
        if not given.latencies:
            start_times(field)


if __name__ == "__main__":
    main()

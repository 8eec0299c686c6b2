"""Memory of the real Gatekeeper and of ours, all processes, on the same API server.

    .venv/bin/python -m benchmarks.rivals.memory [--pods 50000] [--workers 2]

Both have the library and its constraints, and Config names Pods and Namespaces as
referential data; one after the other begins with all of it there.  PSS in MB when all
pods are held and 150 s have passed, and the most that was seen on the way.
Needs the binaries of the cluster tests; 50,000 pods take about ten minutes.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from benchmarks.inventory import pods
from benchmarks.rivals.webhook import pss
from tests.cluster.manager import HOME, install, managing, pod
from tests.cluster.rival import gatekeeper
from tests.cluster.server import Cluster, until
from tests.cluster.starving import family
from tests.cluster.test_library import api_of, library, not_enforced
from tests.needs import require_peer, require_servers

#: Connections that create pods; seconds to wait once all is held: Go gives memory back
#: late, and collects at least every two minutes.
CONNECTIONS = 4
SETTLED = 150.0
SYNC = {
    "apiVersion": "config.gatekeeper.sh/v1alpha1",
    "kind": "Config",
    "metadata": {"name": "config", "namespace": HOME},
    "spec": {
        "sync": {
            "syncOnly": [
                {"group": "", "version": "v1", "kind": "Pod"},
                {"group": "", "version": "v1", "kind": "Namespace"},
            ]
        }
    },
}


def fill(cluster: Cluster, count: int) -> None:
    """Create the pods, and the namespaces that they live in."""
    homes = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"n-{one}"}}
        for one in range(100)
    ]
    cluster.apply(*homes)

    def part(first: int, end: int) -> None:
        with api_of(cluster) as api:
            for key, data in pods(first, end):
                assert data is not None
                obj = json.loads(data)
                for name in ("uid", "resourceVersion", "creationTimestamp"):
                    obj["metadata"].pop(name, None)
                path = f"/api/v1/namespaces/{key[3]}/pods"
                headers = {"Content-Type": "application/json"}
                api.request("POST", path, json.dumps(obj), headers)
                answer = api.getresponse()
                text = answer.read()
                assert answer.status == 201, text

    edges = [count * one // CONNECTIONS for one in range(CONNECTIONS + 1)]
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(part, edges, edges[1:]))


def held(port: int, kind: str) -> float:
    """How many objects of a kind a process says that it holds."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as got:
        text = got.read().decode()
    found = re.findall(
        rf'^gatekeeper_sync\{{[^}}]*kind="{kind}"[^}}]*status="active"[^}}]*\}} (\S+)',
        text,
        re.MULTILINE,
    )
    return sum(map(float, found))


class Peak(threading.Thread):
    """Looks at the memory of processes until the block ends."""

    def __init__(self, pids: Callable[[], list[int]]) -> None:
        super().__init__(daemon=True)
        self.pids = pids
        self.ended = threading.Event()
        self.most = 0.0

    def look(self) -> float:
        try:
            now = pss(self.pids())
        except OSError:  # one ended at this moment
            return 0.0
        self.most = max(self.most, now)
        return now

    def run(self) -> None:
        while not self.ended.wait(0.5):
            self.look()


def measured(name: str, pids: Callable[[], list[int]], port: int, count: int) -> None:
    """Wait until a side holds all pods, and say what it takes then."""
    peak = Peak(pids)
    peak.start()
    started = time.monotonic()

    def holds() -> bool:
        time.sleep(0.5)
        now = held(port, "Pod")
        if sys.stderr.isatty():
            print(f"\r{name}: {now:,.0f} of {count:,} pods", end="", file=sys.stderr)
        return now >= count

    # Whose port is gone has ended: that is said at once.
    until(f"{name} holds all", holds, seconds=600)
    took = time.monotonic() - started
    time.sleep(SETTLED)
    now = peak.look()
    peak.ended.set()
    peak.join()
    print(
        f"{name:12}{now:8.0f} MB, at most {peak.most:.0f}; {len(pids())} processes; "
        f"all pods held after {took:.0f} s more",
        flush=True,
    )


def load(cluster: Cluster, folder: Path) -> int:
    """Bring the library into force on both sides; the number of its constraints."""
    templates, constraints, _ = library(folder)
    cluster.apply(*templates)
    until(
        "all kinds are there",
        lambda: (
            {one["kind"].lower() for one in constraints}
            <= {one["spec"]["names"]["singular"] for one in cluster.listed("crds")}
        ),
        seconds=120,
    )
    for obj in constraints:
        obj.setdefault("spec", {})["enforcementAction"] = "dryrun"
    cluster.apply(*constraints)
    until(
        "all are enforced",
        lambda: not not_enforced(cluster, constraints),
        seconds=120,
    )
    return len(constraints)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pods", type=int, default=50_000)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    require_peer("gatekeeper")
    folder = Path(tempfile.mkdtemp(prefix="gatewright-memory-"))
    duties = ("--operation=webhook", "--operation=status")
    with ExitStack() as stack:
        cluster = Cluster(folder, programs=require_servers(), controllers=False)
        stack.callback(cluster.stop)
        cluster.start()
        install(cluster)
        pod(cluster, "manager-0")
        for one in ("before", "rival"):
            (folder / one).mkdir()
        with gatekeeper(cluster, folder / "before"), managing(cluster, *duties):
            number = load(cluster, folder / "library")
        fill(cluster, given.pods)
        cluster.apply(SYNC)
        print(f"{given.pods:,} pods, {number} constraints", flush=True)
        with gatekeeper(cluster, folder / "rival", seconds=600.0) as rival:
            pids = [rival.daemon.pid]
            measured("Gatekeeper", lambda: pids, rival.metrics, given.pods)
        with managing(cluster, *duties, workers=given.workers, ready=False) as manager:
            until("ours is ready", manager.ready, seconds=600)
            measured(
                "gatewright",
                lambda: family(manager.process.pid),
                manager.metrics[1],
                given.pods,
            )


if __name__ == "__main__":
    main()

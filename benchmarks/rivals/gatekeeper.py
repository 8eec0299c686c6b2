"""The real Gatekeeper behind a real API server, with the library's policies."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.workloads import SHARED

KIT = SHARED / "tools" / "cluster"
PEERS = (
    Path(os.environ.get("PEERS_DIR", Path.home() / ".cache/gatewright-peers")) / "bin"
)
NEEDED = ("etcd", "kube-apiserver", "kubectl", "gatekeeper")


def missing() -> list[str]:
    """The binaries that are not built; none: it can run."""
    return [name for name in NEEDED if not (PEERS / name).exists()]


@contextmanager
def gatekeeper(folder: Path) -> Iterator[tuple[int, list[int]]]:
    """Its port and process id, once every constraint in `folder` is enforced."""
    room = Path(tempfile.mkdtemp(prefix="gatewright-rival-"))
    env = {
        **os.environ,
        "RUN": str(room),
        "PATH": f"{PEERS}:{os.environ['PATH']}",
        "KUBEBUILDER_ASSETS": str(PEERS),
        "KUBECONFIG": str(room / "kubeconfig"),
        "GK_BIN": str(PEERS / "gatekeeper"),
        "GK_ARGS": "--enable-k8s-native-validation=false",
    }

    def run(*command: str) -> str:
        done = subprocess.run(
            command, check=True, env=env, capture_output=True, text=True
        )
        return done.stdout

    run(str(KIT / "up.sh"))
    try:
        run(str(KIT / "gk-up.sh"))
        load(folder, run)
        port = int(re.findall(r"GK_PORT=(\d+)", (room / "gk-env").read_text())[0])
        pid = int((room / "gatekeeper.pid").read_text().split()[0])
        yield port, [pid]
        run(str(KIT / "gk-down.sh"))
    finally:
        run(str(KIT / "down.sh"))


def load(folder: Path, run: object) -> None:
    """Apply namespaces, templates, constraints; wait until all are enforced."""
    assert callable(run)
    run("kubectl", "apply", "-f", str(folder / "namespace.yaml"))
    for path in sorted(folder.glob("*-template.yaml")):
        run("kubectl", "apply", "-f", str(path))
    constraints = sorted(folder.glob("*-constraint.yaml"))
    for path in constraints:
        patiently(lambda path=path: run("kubectl", "apply", "-f", str(path)))

    def enforced() -> None:
        items = json.loads(run("kubectl", "get", "constraints", "-o", "json"))["items"]
        pods = [(item.get("status") or {}).get("byPod") or [{}] for item in items]
        if not all(pod[0].get("enforced") for pod in pods):
            raise subprocess.CalledProcessError(1, "not enforced yet")

    patiently(enforced)


def patiently(step: object) -> None:
    """Until it works: a constraint's kind is there some seconds after its template."""
    assert callable(step)
    end = time.monotonic() + 90
    while True:
        try:
            step()
            return
        except subprocess.CalledProcessError:
            if time.monotonic() > end:
                raise
            time.sleep(1)

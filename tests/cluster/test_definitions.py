"""The CRD that we make of a template is the one that the real Gatekeeper makes."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from gatewright.app.certificates import make_certificate
from gatewright.constraints import crd, template
from gatewright.controllers.definitions import WantedDefinition, decide
from tests.cluster.daemon import Daemon
from tests.cluster.manager import HOME, install
from tests.cluster.server import Cluster, free_ports, until
from tests.needs import require_conformance, require_peer

pytestmark = [pytest.mark.cluster, pytest.mark.peers]


@pytest.fixture
def gatekeeper(
    start_cluster: Callable[..., Cluster], tmp_path: Path
) -> Iterator[Cluster]:
    """A cluster with the real Gatekeeper, which makes definitions."""
    program = require_peer("gatekeeper")
    cluster = start_cluster(controllers=False)
    install(cluster)
    health, metrics, port = free_ports(3)
    for name in ("audit", "certs"):
        (tmp_path / name).mkdir()
    make_certificate(["127.0.0.1"], folder=tmp_path / "certs")
    daemon = Daemon(
        "gatekeeper",
        [
            program,
            f"--kubeconfig={cluster.kubeconfig}",
            "--debug-use-fake-pod",
            "--disable-cert-rotation",
            f"--cert-dir={tmp_path / 'certs'}",
            "--host=127.0.0.1",
            f"--port={port}",
            "--shutdown-delay=0",
            f"--health-addr=127.0.0.1:{health}",
            f"--prometheus-port={metrics}",
            f"--api-cache-dir={tmp_path / 'audit'}",
            "--operation=webhook",
            "--operation=status",
            "--operation=generate",
        ],
        log=tmp_path / "gatekeeper.log",
        environment={**os.environ, "POD_NAMESPACE": HOME, "POD_NAME": "no-pod"},
    )
    daemon.start()
    try:
        until("Gatekeeper listens", lambda: listens(health))
        yield cluster
    finally:
        daemon.stop()


def listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def test_definitions_of_the_library(gatekeeper: Cluster) -> None:
    root = require_conformance("gatekeeper-library")
    made = [
        obj
        for path in sorted(root.rglob("template.yaml"))
        for obj in yaml.safe_load_all(path.read_text())
        if obj
    ]
    assert len(made) >= 37
    gatekeeper.apply(*made)
    names = [f"{one['metadata']['name']}.{crd.CONSTRAINT_GROUP}" for one in made]

    def all_there() -> bool:
        found = gatekeeper.listed("crd", "-l", "gatekeeper.sh/constraint=yes")
        return {one["metadata"]["name"] for one in found} >= set(names)

    until("Gatekeeper made all", all_there)
    theirs = {
        one["metadata"]["name"]: one
        for one in gatekeeper.listed("crd", "-l", "gatekeeper.sh/constraint=yes")
    }
    stored = gatekeeper.listed("constrainttemplates")
    different = []
    for obj in stored:
        name = obj["metadata"]["name"]
        definition = crd.definition(template.parse(obj))
        wanted = WantedDefinition(name, obj["metadata"]["uid"], definition)
        their = theirs[wanted.name]
        act, _ = decide(wanted, their)
        labels = their["metadata"]["labels"]
        if act != "leave" or labels != definition["metadata"]["labels"]:
            different.append(name)
    assert different == []
    # What is changed by hand is put right.
    changed = {**their, "spec": {**their["spec"], "scope": "Namespaced"}}
    assert decide(wanted, changed)[0] == "replace"

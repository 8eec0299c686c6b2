"""The tutorial as it stands, then an upgrade under fire: pods run by the chart."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.chart.rendered import CHART
from tests.cluster.node import Node
from tests.cluster.server import Cluster, until
from tests.cluster.test_chart import package_older
from tests.cluster.tutorial import NAMESPACE, run, steps
from tests.needs import ROOT, require_command, require_servers

pytestmark = pytest.mark.cluster

MESSAGE = "[ns-must-have-gk] you must provide labels"
POLICY = ROOT / "pkg/gatewright/policies/required-labels"
CONSTRAINT = """\
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: K8sRequiredLabels
metadata: {name: ns-must-have-gk}
spec:
  enforcementAction: deny
  match: {kinds: [{apiGroups: [""], kinds: [Namespace]}]}
  parameters: {labels: [gatekeeper]}
"""
VALUES = (
    *("--set", "controllerManager.host=$(POD_IP)", "--set", "audit.host=$(POD_IP)"),
    *(
        "--set",
        "controllerManager.workers=1",
        "--set",
        "controllerManager.shutdownDelay=2",
    ),
    *("--set", "availability=closed"),
)
#: What the upgrade is to; it goes back to failing closed for everything.
HYBRID = ("--set", "availability=hybrid", "--set", "narrowWebhookRules=true")
NOT_MAY = "forbidden"
SHUT = 'admission webhook "fail-closed.validation.gatekeeper.sh" denied the request'


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, programs: Path
) -> Iterator[tuple[Cluster, Node]]:
    require_servers("helm")
    require_command("jq", package="jq")
    cluster = Cluster(tmp_path_factory.mktemp("tutorial"), programs=programs)
    node = Node(cluster, NAMESPACE)
    try:
        cluster.start()
        node.start()
        yield cluster, node
    finally:
        node.stop()
        cluster.stop()


def test_the_tutorial_is_true(
    site: tuple[Cluster, Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, node = site
    here = Path(sys.executable).parent  # its `python` is the one of this run
    monkeypatch.setenv("PATH", f"{here}{os.pathsep}{os.environ['PATH']}")

    for step in steps():
        text = run(cluster, step)
        assert step.fits(text), f"$ {step.command}\n{text}\n\nnot:\n{step.printed}"
    until("its pods end", lambda: not node.pods, seconds=60)


class Probe(threading.Thread):
    """A dry-run create every 100 ms that has to be denied, in the policy's words;
    `others` are the answers that are not: what was let in, and calls that failed."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(daemon=True)
        self.cluster = cluster
        self.asked = 0
        self.others: list[str] = []
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.is_set():
            said = self.ask()
            self.asked += 1
            if MESSAGE not in said:
                self.others.append(said)
            time.sleep(0.1)

    def ask(self) -> str:
        done = self.cluster.run(
            "kubectl", "create", "namespace", "probe", "--dry-run=server"
        )
        return done.stderr or done.stdout


def taken(cluster: Cluster) -> bool:
    """Whether the constraint could be written: its kind has to be served first."""
    wanted = ("apply", "--server-side", "--force-conflicts", "-f", "-")
    return cluster.run("kubectl", *wanted, stdin=CONSTRAINT).returncode == 0


def admission(node: Node) -> set[str]:
    return {name for name in node.pods if "audit" not in name}


def test_an_upgrade_and_a_rollback_leave_no_gap(
    site: tuple[Cluster, Node], tmp_path: Path
) -> None:
    """From the chart of an earlier version, and back to it."""
    cluster, node = site
    older = tmp_path / "older"
    package_older(older)
    former = {*node.folder.glob("*.log")}  # their rights were uninstalled before them
    place = ("--namespace", NAMESPACE)
    cluster.helm(
        *("upgrade", "--install", "gatewright", older),
        *("--create-namespace", *place, *VALUES),
    )
    until(
        "its pods are ready, and called",
        lambda: (
            len(node.pods) == 3
            and all(pod.ready for pod in node.pods.values())
            and node.proxy is not None
            and len(node.proxy.targets) == 2
        ),
        seconds=90,
    )
    # As the tutorial left it, or anew.
    cluster.kubectl("apply", "--server-side", "-f", POLICY / "template.yaml")
    until("the policy is taken", lambda: taken(cluster))
    probe = Probe(cluster)
    until("the policy is enforced", lambda: MESSAGE in probe.ask())
    before = admission(node)
    probe.start()
    try:
        for upgrade in (True, False):
            if upgrade:
                cluster.helm("upgrade", "gatewright", CHART, *place, *VALUES, *HYBRID)
            else:
                cluster.helm("rollback", "gatewright", *place)
            cluster.kubectl(
                *("rollout", "status", "deployment", "-n", NAMESPACE),
                *("gatewright-controller-manager", "--timeout=100s"),
            )
            until("the old pods are gone", partial(before.isdisjoint, node.pods))
            before = admission(node)
            if upgrade:
                until("fails closed for it only", lambda: SHUT in probe.ask())
    finally:
        probe.ended.set()
        probe.join(30)

    assert probe.others == []
    assert probe.asked > 10
    history = json.loads(cluster.helm("history", "gatewright", *place, "-o", "json"))
    charts = [one["chart"] for one in history]
    assert charts == ["gatewright-0.0.9", "gatewright-0.1.0", "gatewright-0.0.9"]
    logs = [path.read_text() for path in {*node.folder.glob("*.log")} - former]
    refused = [line for text in logs for line in text.splitlines() if NOT_MAY in line]
    assert refused == []
    cluster.helm("uninstall", "gatewright", *place)
    assert "created" in probe.ask()

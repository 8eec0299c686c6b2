"""From the real Gatekeeper to Gatewright and back, policies in force all along.

Gatekeeper is installed from its own manifest and runs as a pod of its Deployment, with
its account's rights; then the chart takes all over and its pods judge and audit by what
Gatekeeper left; then Gatekeeper is installed again and does.
"""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chart.rendered import CHART, NAMESPACE
from tests.cluster.node import SERVICE, Node
from tests.cluster.proxy import Proxy
from tests.cluster.rival import gatekeeper
from tests.cluster.server import Cluster, until
from tests.cluster.test_tutorial import CONSTRAINT, POLICY
from tests.needs import require_conformance, require_peer, require_servers

pytestmark = [pytest.mark.cluster, pytest.mark.peers]

DENIED = (
    'Error from server (Forbidden): admission webhook "validation.gatekeeper.sh" denied '
    'the request: [ns-must-have-gk] you must provide labels: {"gatekeeper"}'
)
VALUES = (
    "controllerManager.host=$(POD_IP)",
    "audit.host=$(POD_IP)",
    "controllerManager.workers=1",
    "controllerManager.shutdownDelay=1",
    "auditInterval=3",
)
CONFIGURATIONS = (
    "validatingwebhookconfiguration/gatekeeper-validating-webhook-configuration",
    "mutatingwebhookconfiguration/gatekeeper-mutating-webhook-configuration",
)
WHAT = ("k8srequiredlabels", "ns-must-have-gk")


def probe(site: Cluster) -> str:
    """What the API server says to a namespace without the label."""
    done = site.run("kubectl", "create", "namespace", "probe", "--dry-run=server")
    return (done.stderr or done.stdout).strip()


def constraint(site: Cluster) -> dict[str, Any]:
    found = site.get(*WHAT)
    assert found is not None
    return dict(found)


def tellers(site: Cluster) -> set[str]:
    """The pods that say that they enforce the constraint."""
    status = constraint(site).get("status") or {}
    return {one["id"] for one in status.get("byPod") or () if one.get("enforced")}


def identity(site: Cluster) -> list[str]:
    """Of what must not be made anew."""
    parts = (
        ("constrainttemplate", "k8srequiredlabels"),
        ("crd", "k8srequiredlabels.constraints.gatekeeper.sh"),
        WHAT,
    )
    return [site.get(*one)["metadata"]["uid"] for one in parts]


def audited(site: Cluster, since: str) -> dict[str, Any] | None:
    """What an audit after `since` found; None if there was none."""
    status = constraint(site).get("status") or {}
    if status.get("auditTimestamp", "") <= since or "totalViolations" not in status:
        return None
    return {
        "totalViolations": status["totalViolations"],
        "violations": status.get("violations", []),
    }


def gatekeeper_audited(site: Cluster, since: str) -> dict[str, Any] | None:
    """The same; its first audit may come before it knows the constraint, and finds
    nothing then."""
    found = audited(site, since)
    return found if found is not None and found["violations"] else None


@contextlib.contextmanager
def as_installed(site: Cluster, manifest: Path, folder: Path) -> Iterator[str]:
    """Gatekeeper, called by its Service, as a pod of its Deployment; the pod's name."""
    folder.mkdir()
    site.kubectl("apply", "--server-side", "--force-conflicts", "-f", manifest)

    def pods() -> list[str]:
        found = site.listed("pods", "-n", NAMESPACE)
        names = [one["metadata"]["name"] for one in found]
        return [one for one in names if one.startswith("gatekeeper-audit")]

    name = until("a pod of its Deployment", pods)[0]
    address = site.get("service", SERVICE, "-n", NAMESPACE)["spec"]["clusterIP"]
    with gatekeeper(
        site,
        folder,
        "--audit-interval=3",
        operations=(),  # all of them
        kubeconfig=site.account_config(NAMESPACE, "gatekeeper-admin"),
        pod=name,
        host=f"{SERVICE}.{NAMESPACE}.svc",
    ) as rival:
        proxy = Proxy((address, 443), [rival.address])
        proxy.start()
        try:
            bundle = base64.b64encode(rival.authority.read_bytes()).decode()
            for one in CONFIGURATIONS:
                count = len(
                    json.loads(site.kubectl("get", one, "-o", "json"))["webhooks"]
                )
                patch = [
                    {
                        "op": "add",
                        "path": f"/webhooks/{number}/clientConfig/caBundle",
                        "value": bundle,
                    }
                    for number in range(count)
                ]
                site.kubectl("patch", one, "--type=json", "-p", json.dumps(patch))
            yield name
        finally:
            proxy.stop()


def test_takeover_from_gatekeeper_and_back(
    start_cluster: Callable[..., Cluster], tmp_path: Path
) -> None:
    require_servers("helm")
    require_peer("gatekeeper")
    manifest = require_conformance("gatekeeper", "deploy-gatekeeper.yaml")
    site = start_cluster()
    site.kubectl("create", "namespace", "legacy")

    with as_installed(site, manifest, tmp_path / "before") as name:
        site.kubectl("apply", "-f", POLICY / "template.yaml")
        wanted = ("apply", "-f", "-")
        until(
            "the policy is taken",
            lambda: site.run("kubectl", *wanted, stdin=CONSTRAINT).returncode == 0,
        )
        until("Gatekeeper denies", lambda: probe(site) == DENIED)
        until("and says so", lambda: tellers(site) == {name})
        theirs = until("and audits", lambda: gatekeeper_audited(site, ""), seconds=90)
        made = identity(site)
    # Read when it has ended: no later audit is its own.
    since = constraint(site)["status"]["auditTimestamp"]
    assert "legacy" in {one["name"] for one in theirs["violations"]}

    switches = [part for value in VALUES for part in ("--set", value)]
    place = ("--namespace", NAMESPACE)
    site.helm("install", "gatewright", CHART, *place, "--take-ownership", *switches)
    crd = site.get("crd", "constrainttemplates.templates.gatekeeper.sh")
    assert crd["metadata"]["annotations"]["meta.helm.sh/release-name"] == "gatewright"
    service = site.get("service", SERVICE, "-n", NAMESPACE)
    assert service["spec"]["selector"]["app.kubernetes.io/name"] == "gatewright"
    # Gatekeeper's deployments have other names, and are taken away by hand.
    site.kubectl(
        *("delete", "deployment", "-n", NAMESPACE),
        *("gatekeeper-controller-manager", "gatekeeper-audit"),
    )
    until(
        "Gatekeeper's pods are gone",
        lambda: (
            not [
                one
                for one in site.listed("pods", "-n", NAMESPACE)
                if one["metadata"]["name"].startswith("gatekeeper-")
            ]
        ),
    )
    node = Node(site, NAMESPACE)
    try:
        node.start()
        until("Gatewright denies", lambda: probe(site) == DENIED, seconds=90)
        until("and only its pods say so", lambda: tellers(site) == {*node.pods})
        assert len(node.pods) == 3
        ours = until("and audits", lambda: audited(site, since), seconds=90)
        assert ours == theirs
        assert identity(site) == made
        site.helm("uninstall", "gatewright", *place)
        assert "created" in probe(site)
        assert identity(site) == made
        until("its pods end", lambda: not node.pods, seconds=60)
        since = constraint(site)["status"]["auditTimestamp"]
    finally:
        node.stop()

    with as_installed(site, manifest, tmp_path / "after") as name:
        until("Gatekeeper denies again", lambda: probe(site) == DENIED)
        until("and only its pod says so", lambda: tellers(site) == {name})
        again = until("and audits", lambda: gatekeeper_audited(site, since), seconds=90)
        assert again == theirs
        assert identity(site) == made
    service = site.get("service", SERVICE, "-n", NAMESPACE)
    assert "app.kubernetes.io/name" not in service["spec"]["selector"]

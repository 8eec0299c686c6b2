"""The chart on a real API server: install, upgrade, rollback, uninstall.

No pod runs here: what is shown is what the API server holds, and what it does while
nobody answers.
"""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gatewright.controllers.keeping import Keeping
from gatewright.controllers.reach import EVERYTHING, NOTHING, Reach, Wish
from gatewright.controllers.webhooks import FAIL_CLOSED, View, read, written
from gatewright.crds.definitions import RESOURCES
from tests.chart.rendered import CHART, KUBERNETES, NAMESPACE
from tests.cluster.server import Cluster, until
from tests.needs import require_servers

pytestmark = pytest.mark.cluster

VALIDATING = (
    "validatingwebhookconfiguration",
    "gatekeeper-validating-webhook-configuration",
)
MUTATING = ("mutatingwebhookconfiguration", "gatekeeper-mutating-webhook-configuration")
TEMPLATE = """\
apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: never}
spec:
  crd: {spec: {names: {kind: Never}}}
  targets:
    - target: admission.k8s.gatekeeper.sh
      rego: |
        package never
        violation[{"msg": "never"}] { true }
"""


@pytest.fixture(scope="module")
def own_cluster(
    tmp_path_factory: pytest.TempPathFactory, programs: Path
) -> Iterator[Cluster]:
    """A cluster for this file: webhooks with nobody behind would hurt other tests."""
    require_servers("helm")
    cluster = Cluster(tmp_path_factory.mktemp("site"), programs=programs)
    try:
        cluster.start()
        cluster.kubectl("create", "namespace", NAMESPACE)
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def site(own_cluster: Cluster) -> Iterator[Cluster]:
    """That cluster, without a release."""
    yield own_cluster
    own_cluster.helm(
        "uninstall", "gatewright", "--namespace", NAMESPACE, "--ignore-not-found"
    )


def install(cluster: Cluster, verb: str = "install", *more: str) -> None:
    cluster.helm(verb, "gatewright", CHART, "--namespace", NAMESPACE, *more)


def established(cluster: Cluster) -> None:
    names = [f"crd/{one.name}" for one in RESOURCES]
    # One that is a moment old has no conditions, which kubectl wait takes for an error.
    until(
        "all definitions are established",
        lambda: (
            cluster.run(
                "kubectl",
                "wait",
                "--for=condition=Established",
                "--timeout=60s",
                *names,
            ).returncode
            == 0
        ),
    )


def create(cluster: Cluster, obj: dict[str, Any]) -> str:
    """Empty if the API server took it, else what it said."""
    done = cluster.run("kubectl", "create", "-f", "-", stdin=yaml.safe_dump(obj))
    return "" if done.returncode == 0 else done.stderr


def config_map(namespace: str, name: str = "chart-probe") -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
    }


def test_a_life(site: Cluster) -> None:
    """Install, upgrade from an older chart, rollback, uninstall, install again."""
    older = site.folder / "older"
    package_older(older)
    site.helm("install", "gatewright", older, "--namespace", NAMESPACE)
    established(site)
    site.kubectl("create", "-f", "-", stdin=TEMPLATE)
    uid = site.get("constrainttemplate", "never")["metadata"]["uid"]
    # What the controller writes after an install.
    bundle = base64.b64encode(site.authority.files.certificate.read_bytes()).decode()
    for kind, name in (VALIDATING, MUTATING):
        count = len(site.get(kind, name)["webhooks"])
        patch = [
            {
                "op": "add",
                "path": f"/webhooks/{n}/clientConfig/caBundle",
                "value": bundle,
            }
            for n in range(count)
        ]
        site.kubectl("patch", kind, name, "--type=json", "-p", yaml.safe_dump(patch))
    secret = {"data": {"tls.crt": bundle}}
    site.kubectl(
        *("patch", "secret", "gatekeeper-webhook-server-cert", "-n", NAMESPACE),
        *("-p", yaml.safe_dump(secret)),
    )

    install(site, "upgrade", "--set", "availability=closed", "--set", "replicas=3")

    hooks = site.get(*VALIDATING)["webhooks"]
    assert {hook["clientConfig"].get("caBundle") for hook in hooks} == {bundle}
    assert hooks[0]["failurePolicy"] == "Fail"
    kept = site.get("secret", "gatekeeper-webhook-server-cert", "-n", NAMESPACE)
    assert kept["data"] == {"tls.crt": bundle}
    assert site.get("constrainttemplate", "never")["metadata"]["uid"] == uid
    schema = site.get("crd", "configs.config.gatekeeper.sh")["spec"]["versions"][0]
    spec = schema["schema"]["openAPIV3Schema"]["properties"]["spec"]
    assert "readiness" in spec["properties"], "the upgrade renews definitions"

    site.helm("rollback", "gatewright", "1", "--namespace", NAMESPACE)

    assert site.get(*VALIDATING)["webhooks"][0]["failurePolicy"] == "Ignore"
    assert site.get("constrainttemplate", "never")["metadata"]["uid"] == uid

    site.helm("uninstall", "gatewright", "--namespace", NAMESPACE)

    assert site.get(*VALIDATING) is None
    assert site.get(*MUTATING) is None
    assert site.get("deployments", "-n", NAMESPACE) is None
    assert site.get("constrainttemplate", "never")["metadata"]["uid"] == uid
    assert create(site, config_map("default")) == ""

    install(site)

    assert site.get("constrainttemplate", "never")["metadata"]["uid"] == uid


def package_older(folder: Path) -> None:
    """A chart of an earlier version, whose definition of Config lacks a field."""
    shutil.copytree(CHART, folder)
    chart = folder / "Chart.yaml"
    text = chart.read_text("utf-8")
    chart.write_text(text.replace("version: 0.1.0", "version: 0.0.9", 1), "utf-8")
    path = folder / "files/crds/configs.config.gatekeeper.sh.yaml"
    crd = yaml.safe_load(path.read_text("utf-8"))
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    del schema["properties"]["spec"]["properties"]["readiness"]
    path.write_text(yaml.safe_dump(crd), "utf-8")


def test_everything_is_valid_to_the_api_server(site: Cluster) -> None:
    """With all parts on whose kinds a bare cluster has; unknown fields are refused."""
    values = [
        *(
            "controllerManager.autoscaling.enabled",
            "controllerManager.networkPolicy.enabled",
        ),
        *("audit.networkPolicy.enabled", "dashboard.enabled"),
    ]
    switches = [part for value in values for part in ("--set", f"{value}=true")]
    text = site.helm(
        *("template", "gatewright", CHART, "--namespace", NAMESPACE),
        *("--kube-version", KUBERNETES, *switches),
    )

    said = site.kubectl(
        *("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-"),
        stdin=text,
    )

    assert "horizontalpodautoscaler" in said
    assert len(said.splitlines()) >= 30


def test_closed_with_nobody_there_blocks_no_control_plane(site: Cluster) -> None:
    """Refused is only what policies are about; leases, events, reviews, kube-system
    and the release's own namespace go on."""
    install(site, "install", "--set", "availability=closed")

    def closed() -> bool:
        return "failed calling webhook" in site.probe().stderr

    until("the webhook is called", closed)
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "l", "namespace": "default"},
    }
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "e", "namespace": "default"},
        "involvedObject": {"kind": "Pod", "namespace": "default", "name": "x"},
        "reason": "R",
        "type": "Normal",
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}},
    }
    token = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenReview",
        "spec": {"token": "none"},
    }
    refused = {
        obj["kind"]: said
        for obj in (lease, event, review, token)
        if (said := create(site, obj))
    }

    assert refused == {}
    assert create(site, config_map("kube-system")) == ""
    assert create(site, config_map(NAMESPACE)) == ""
    assert "failed calling webhook" in create(site, config_map("default"))


def test_an_upgrade_widens_what_is_sent_and_leaves_closed_what_is_closed(
    site: Cluster,
) -> None:
    """Of what the controller wrote, helm puts back what it had rendered, and keeps the
    rest; with another availability all of it goes."""
    hybrid = ("--set", "availability=hybrid", "--set", "narrowWebhookRules=true")
    keeping = Keeping(VALIDATING[1], narrow=True, hybrid=True)
    install(site, "install", *hybrid)

    def config() -> dict[str, Any]:
        found = site.get(*VALIDATING)
        assert found is not None
        return found

    assert read(config(), keeping).gives == Wish(EVERYTHING, NOTHING)
    pods = Reach.of([("", "Pod")])
    kept = written(config(), keeping, View(Wish(pods, pods), None, "pod-0"))
    site.kubectl("replace", "-f", "-", stdin=yaml.safe_dump(kept))
    assert read(config(), keeping) == View(Wish(pods, pods), None, "pod-0")

    install(site, "upgrade", *hybrid, "--set", "validatingWebhookTimeoutSeconds=5")
    view = read(config(), keeping)
    assert view.gives == Wish(EVERYTHING, pods)
    assert not view.whole  # so the controller looks after it
    assert {one["name"]: one["timeoutSeconds"] for one in config()["webhooks"]} == {
        "validation.gatekeeper.sh": 5,
        "check-ignore-label.gatekeeper.sh": 5,
        "heartbeat.gatekeeper.sh": 5,
        FAIL_CLOSED: 5,
    }

    install(site, "upgrade", "--set", "validatingWebhookTimeoutSeconds=5")
    names = [one["name"] for one in config()["webhooks"]]
    assert names == [
        "validation.gatekeeper.sh",
        "check-ignore-label.gatekeeper.sh",
        "heartbeat.gatekeeper.sh",
    ]
    conditions = [
        one["name"] for hook in config()["webhooks"] for one in hook["matchConditions"]
    ]
    assert not {"what-policies-match", "not-what-fails-closed"} & {*conditions}


def test_open_with_nobody_there_keeps_the_ignore_label_guarded(site: Cluster) -> None:
    install(site)
    plain = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "plain"}}
    label = {"admission.gatekeeper.sh/ignore": "yes"}
    labelled = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "labelled", "labels": label},
    }

    until(
        "the guard is called",
        lambda: "check-ignore-label" in create(site, labelled),
    )

    assert create(site, plain) == ""

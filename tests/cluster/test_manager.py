"""The controller on a real API server: policies come from it, statuses go to it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.manager import (
    HOME,
    Manager,
    apply_policy,
    by_pod,
    constraint,
    enforced,
    install,
    managing,
    pod,
    registered,
    template,
)
from tests.cluster.server import Cluster, until

pytestmark = pytest.mark.cluster

CASES = yaml.safe_load(Path(__file__).with_name("statuses.yaml").read_text())
LABELS = """
violation[{"msg": msg, "details": {"missing_labels": missing}}] {
  provided := {label | input.review.object.metadata.labels[label]}
  required := {label | label := input.parameters.labels[_]}
  missing := required - provided
  count(missing) > 0
  msg := sprintf("you must provide labels: %v", [missing])
}
"""
STRINGS = {"type": "array", "items": {"type": "string"}}
SCHEMA = {"type": "object", "properties": {"labels": STRINGS}}
DENIED = (
    'admission webhook "validation.gatekeeper.sh" denied the request: '
    '[must-have-gk] you must provide labels: {"gatekeeper"}'
)


@pytest.fixture(scope="module")
def manager(site: Cluster) -> Iterator[Manager]:
    pod(site, "manager-0")
    with managing(site, "--emit-admission-events") as made:
        yield made


def config_map(name: str = "m", namespace: str = "default") -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


def messages(response: dict[str, Any]) -> str:
    return str((response.get("status") or {}).get("message", ""))


@pytest.fixture
def called(site: Cluster, manager: Manager) -> Iterator[None]:
    """The API server calls the manager's webhook."""
    with registered(site, manager):
        yield


@pytest.mark.usefixtures("called")
def test_a_policy_that_is_applied_decides(site: Cluster) -> None:
    apply_policy(
        site,
        template("MustHaveLabels", LABELS, schema=SCHEMA),
        constraint(
            "MustHaveLabels",
            "must-have-gk",
            kinds=["Namespace"],
            parameters={"labels": ["gatekeeper"]},
        ),
    )
    until("enforced", lambda: enforced(site, "musthavelabels", "must-have-gk"))

    denied = site.run("kubectl", "create", "namespace", "labels-without")
    assert denied.returncode == 1
    assert denied.stderr == f"Error from server (Forbidden): {DENIED}\n"
    labelled = {"name": "labels-with", "labels": {"gatekeeper": "yes"}}
    site.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": labelled})

    # Deleting the template takes its constraints' definition, and them, along.
    site.kubectl("delete", "constrainttemplate", "musthavelabels")
    until(
        "its definition is gone",
        lambda: site.get("crd", "musthavelabels.constraints.gatekeeper.sh") is None,
    )
    until(
        "allowed",
        lambda: (
            site.run(
                *("kubectl", "create", "namespace", "labels-without"),
                "--dry-run=server",
            ).returncode
            == 0
        ),
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_status(site: Cluster, manager: Manager, case: dict[str, Any]) -> None:
    del manager
    obj = case["object"]
    site.apply(obj)
    group = obj["apiVersion"].partition("/")[0]
    what = f"{obj['kind']}.{group}", obj["metadata"]["name"]
    (entry,) = until("told", lambda: by_pod(site, *what))

    found = site.get(*what)
    uid = found["metadata"]["uid"]
    assert entry.pop("id") == "manager-0"
    assert "webhook" in entry.pop("operations")
    assert [value for name, value in entry.items() if name.endswith("UID")] == [uid]
    assert {k: v for k, v in entry.items() if not k.endswith("UID")} == case["entry"]
    status = {k: v for k, v in found["status"].items() if k != "byPod"}
    assert status == case.get("status", {})


def test_a_status_is_written_once(site: Cluster, manager: Manager) -> None:
    del manager
    made = template("StatusOnce", 'violation[{"msg": "no"}] { false }')
    apply_policy(site, made, constraint("StatusOnce", "once"))
    until("enforced", lambda: enforced(site, "statusonce", "once"))
    before = site.get("statusonce", "once")

    other = template("StatusOther", 'violation[{"msg": "no"}] { false }')
    apply_policy(site, other, constraint("StatusOther", "other"))
    until("enforced", lambda: enforced(site, "statusother", "other"))

    after = site.get("statusonce", "once")
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
    told = site.get("constraintpodstatuses", "manager--0-statusonce-once", "-n", HOME)
    assert told["metadata"]["labels"] == {
        "internal.gatekeeper.sh/constraint-kind": "StatusOnce",
        "internal.gatekeeper.sh/constraint-name": "once",
        "internal.gatekeeper.sh/constrainttemplate-name": "statusonce",
        "internal.gatekeeper.sh/pod": "manager-0",
    }
    (owner,) = told["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"]) == ("Pod", "manager-0")

    # What somebody else does to it is put right.
    site.kubectl(
        *("delete", "constraintpodstatuses", "manager--0-statusonce-once", "-n", HOME)
    )
    until("told again", lambda: enforced(site, "statusonce", "once"))
    site.kubectl("delete", "statusonce", "once")
    until(
        "its pod status is gone",
        lambda: (
            site.get(
                *("constraintpodstatuses", "manager--0-statusonce-once", "-n", HOME)
            )
            is None
        ),
    )


def test_referential_data_follow_the_cluster(site: Cluster, manager: Manager) -> None:
    rego = """
violation[{"msg": msg}] {
  other := data.inventory.namespace[ns]["v1"]["ConfigMap"][name]
  other.data.key == input.review.object.data.key
  not name == input.review.object.metadata.name
  msg := sprintf("%v/%v has it", [ns, name])
}
"""
    site.apply(
        {
            "apiVersion": "config.gatekeeper.sh/v1alpha1",
            "kind": "Config",
            "metadata": {"name": "config", "namespace": HOME},
            "spec": {
                "sync": {
                    "syncOnly": [
                        {"group": "", "version": "v1", "kind": "ConfigMap"},
                        {"group": "", "version": "v1", "kind": "Nothing"},
                    ]
                },
                "match": [{"processes": ["sync"], "excludedNamespaces": ["kube-*"]}],
            },
        }
    )
    apply_policy(site, template("UniqueKey", rego), constraint("UniqueKey", "unique"))
    until("enforced", lambda: enforced(site, "uniquekey", "unique"))
    held = {**config_map("held"), "data": {"key": "taken"}}
    site.apply(
        held, {**held, "metadata": {"name": "hidden", "namespace": "kube-public"}}
    )
    asks = {**config_map("asks"), "data": {"key": "taken"}}
    until("seen", lambda: messages(manager.admit(asks, namespace="default")))
    answer = manager.admit(asks, namespace="default")
    assert messages(answer) == "[unique] default/held has it"

    # As Gatekeeper, what is excluded is not counted.
    homes = [one["metadata"]["namespace"] for one in site.listed("configmaps", "-A")]
    counted = [home for home in homes if not home.startswith("kube-")]
    assert len(counted) < len(homes)
    until(
        "all that is not excluded is counted",
        lambda: (
            manager.metric('gatekeeper_sync{kind="ConfigMap",status="active"}')
            == len(counted)
        ),
    )
    assert manager.metric("gatekeeper_sync_duration_seconds_count") >= 1

    assert condition(site, "manager-0")["message"] == "all policies are read"
    # A kind that is not served is told, where Config is and in the probe.
    (entry,) = by_pod(site, "config", "config", "-n", HOME)
    (error,) = entry["errors"]
    assert error["message"].startswith("Nothing.v1 is not synced: ")
    assert "[!]Nothing.v1: no matches for kind" in manager.readyz()
    assert manager.ready()

    site.kubectl("delete", "configmap", "held")
    until("gone", lambda: manager.admit(asks, namespace="default")["allowed"])
    site.kubectl("delete", "config", "config", "-n", HOME)
    site.kubectl("delete", "uniquekey", "unique")


def test_a_namespace_that_is_new_is_asked_for(site: Cluster, manager: Manager) -> None:
    answer = manager.admit(config_map(namespace="nope"), namespace="nope")
    assert messages(answer) == (
        'failed to create augmentedReview: namespaces "nope" not found'
    )
    for number in range(5):
        name = f"fresh-{number}"
        site.kubectl("create", "namespace", name)
        answer = manager.admit(config_map(namespace=name), namespace=name)
        assert answer["allowed"], answer


def test_a_denial_becomes_an_event(site: Cluster, manager: Manager) -> None:
    made = template("EventOf", 'violation[{"msg": "no"}] { true }')
    apply_policy(site, made, constraint("EventOf", "never"))
    until("enforced", lambda: enforced(site, "eventof", "never"))
    for _ in range(2):
        answer = manager.admit(config_map("told"), namespace="default")
        assert messages(answer) == "[never] no"
    chosen = "events", "-n", HOME, "--field-selector", "reason=FailedAdmission"

    def counted() -> list[Any]:
        found = [one for one in site.listed(*chosen) if one["count"] == 2]
        # Other tests deny, too.
        return [one for one in found if one["involvedObject"]["name"] == "told"]

    (event,) = until("counted", counted)
    assert event["message"] == (
        'Admission webhook "validation.gatekeeper.sh" denied request, '
        "Resource Namespace: default, Constraint: never, Message: no"
    )
    assert event["involvedObject"] == {
        "kind": "ConfigMap",
        "name": "told",
        "namespace": HOME,
        "uid": "ConfigMap/default/told/EventOf//never",
    }
    assert event["source"] == {"component": "gatekeeper-webhook"}
    assert event["metadata"]["annotations"]["constraint_action"] == "deny"
    site.kubectl("delete", "eventof", "never")


def test_two_replicas_tell_each_for_itself(site: Cluster, manager: Manager) -> None:
    made = template("TwoTell", 'violation[{"msg": "no"}] { true }')
    apply_policy(site, made, constraint("TwoTell", "two", enforcementAction="dryrun"))
    pod(site, "manager-1")
    what = "twotell", "two"
    with managing(site, name="manager-1", workers=1) as second:
        until("both", lambda: enforced(site, *what, pods=2))
        assert [one["id"] for one in by_pod(site, *what)] == ["manager-0", "manager-1"]
        # A storm: each change is told by both, and no entry is lost.
        for action in ("warn", "dryrun") * 5:
            site.kubectl(
                *("patch", *what, "--type=merge", "-p"),
                f'{{"spec":{{"enforcementAction":"{action}"}}}}',
            )
        until("both again", lambda: enforced(site, *what, pods=2))
        assert second.admit(config_map(), namespace="default")["allowed"]

    # Its statuses are its pod's, and go with it.
    site.kubectl("delete", "pod", "manager-1", "-n", HOME, "--force", "--wait")
    until("its entry is gone", lambda: enforced(site, *what, pods=1))
    assert [one["id"] for one in by_pod(site, *what)] == ["manager-0"]
    site.kubectl("delete", *what)
    del manager


def test_duties_can_be_split(start_cluster: Callable[..., Cluster]) -> None:
    """As the chart splits them: one admits, one makes definitions and statuses."""
    cluster = start_cluster(controllers=False)
    install(cluster)
    admits = "webhook", "mutation-webhook"
    tells = "generate", "status", "mutation-status"
    for name in ("admits", "tells"):
        pod(cluster, name)
    with (
        managing(cluster, "--operation", ",".join(admits), name="admits") as first,
        managing(cluster, *(f"--operation={one}" for one in tells), name="tells"),
    ):
        deny = template("Split", 'violation[{"msg": "no"}] { true }')
        apply_policy(cluster, deny, constraint("Split", "split"))
        until("enforced", lambda: enforced(cluster, "split", "split", pods=2))
        entries = by_pod(cluster, "split", "split")
        assert [(one["id"], one["operations"]) for one in entries] == [
            ("admits", sorted(admits)),
            ("tells", sorted(tells)),
        ]
        answer = first.admit(config_map(), namespace="default")
        assert messages(answer) == "[split] no"
        assert cluster.get("constrainttemplate", "split")["status"]["created"] is True


class Asking:
    """Asks again and again whether one object is let in; keeps what was not denied."""

    def __init__(self, manager: Manager, message: str) -> None:
        self.manager = manager
        self.message = message
        self.asked = 0
        self.wrong: list[object] = []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self) -> None:
        while not self.stop.is_set():
            try:
                answer = self.manager.admit(config_map(), namespace="default")
            except OSError:
                time.sleep(0.01)  # a connection to a worker that was killed
                continue
            self.asked += 1
            time.sleep(0.02)  # leave the others some of the machine
            if messages(answer) != self.message:
                self.wrong.append(answer)

    def __enter__(self) -> Asking:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join(30)


def test_nothing_that_ends_makes_a_wrong_verdict(
    start_cluster: Callable[..., Cluster],
) -> None:
    cluster = start_cluster(controllers=False)
    install(cluster)
    pod(cluster, "manager-0")
    deny = 'violation[{"msg": "never"}] { true }'
    with managing(cluster) as manager:
        apply_policy(cluster, template("Never", deny), constraint("Never", "never"))
        until("enforced", lambda: enforced(cluster, "never", "never"))
        with Asking(manager, "[never] never") as asking:
            # The policy process: its successor reads all anew.
            os.kill(manager.child("policies"), signal.SIGKILL)
            generation = len(manager.events)
            until(
                "a successor's generation",
                lambda: any(
                    event.get("msg") == "generation committed"
                    for event in manager.events[generation:]
                ),
            )
            # The API server: what is known stays in force.
            cluster.apiserver.stop(signal.SIGKILL)
            cluster.etcd.stop(signal.SIGKILL)
            until("noticed", lambda: "[!]" in manager.readyz())
            assert manager.ready()
            cluster.etcd.start()
            cluster.apiserver.start()
            until("API", cluster.ready)
            apply_policy(
                cluster,
                template("Later", 'violation[{"msg": "later"}] { false }'),
                constraint("Later", "later"),
            )
            until("enforced", lambda: enforced(cluster, "later", "later"))
            until("all well", lambda: "[!]" not in manager.readyz())

        assert asking.asked > 50
        assert asking.wrong == []


def condition(site: Cluster, name: str) -> dict[str, Any]:
    """Readiness as the Pod has it; empty before it is told."""
    found = site.get("pod", name, "-n", HOME) or {}
    for one in found.get("status", {}).get("conditions") or ():
        if one["type"] == "gatewright.dev/policies-ready":
            return dict(one)
    return {}


def test_what_may_not_be_read_is_waited_for_by_name(site: Cluster) -> None:
    site.kubectl("create", "serviceaccount", "blind", "-n", HOME)
    site.kubectl(
        *("create", "clusterrole", "blind", "--verb=get,list,watch"),
        *(
            "--resource=namespaces",
            "--resource=customresourcedefinitions.apiextensions.k8s.io",
        ),
    )
    site.kubectl(
        *("create", "clusterrolebinding", "blind", "--clusterrole=blind"),
        f"--serviceaccount={HOME}:blind",
    )
    # The one thing that it may write.
    site.kubectl(
        *("create", "role", "blind", "-n", HOME, "--verb=patch"),
        "--resource=pods/status",
    )
    site.kubectl(
        *("create", "rolebinding", "blind", "-n", HOME, "--role=blind"),
        f"--serviceaccount={HOME}:blind",
    )
    pod(site, "blind-0")
    config = site.account_config(HOME, "blind")
    with managing(site, name="blind-0", kubeconfig=config, ready=False) as manager:
        until("it says so", lambda: "cannot list resource" in manager.readyz())
        said = manager.readyz()
        assert not manager.ready()
        assert (
            "[-]waiting for ConstraintTemplate.templates.gatekeeper.sh since 2" in said
        )
        assert "[-]policies failed" in said
        until("the Pod says so", lambda: condition(site, "blind-0"))
        told = condition(site, "blind-0")
        assert told["status"] == "False"
        assert "waiting for " in told["message"]
        assert "ConstraintTemplate.templates.gatekeeper.sh since 2" in told["message"]
        assert "cannot list resource" in told["message"]

"""A real `gatewright manager` on a cluster, its webhook called by URL."""

from __future__ import annotations

import base64
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gatewright.crds.definitions import definitions
from tests.cluster.server import Cluster, until
from tests.serve.server import Server

HOME = "gatekeeper-system"
TARGET = "admission.k8s.gatekeeper.sh"
VALIDATING = "validating-by-url"


def install(cluster: Cluster) -> None:
    """The definitions of all resources, and the namespace of the controller."""
    if cluster.get("namespace", HOME) is None:
        cluster.kubectl("create", "namespace", HOME)
    made = definitions()
    cluster.apply(*made)
    names = [f"crd/{one['metadata']['name']}" for one in made]
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=60s", *names)


def pod(cluster: Cluster, name: str) -> str:
    """A Pod object of the controller; nobody runs it, but it owns what it tells."""
    container = {"name": "manager", "image": "none"}
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": HOME},
            "spec": {"containers": [container]},
        }
    )
    return name


def template(
    kind: str, rego: str, *, schema: dict[str, Any] | None = None
) -> dict[str, Any]:
    crd: dict[str, Any] = {"names": {"kind": kind}}
    if schema is not None:
        crd["validation"] = {"openAPIV3Schema": schema}
    return {
        "apiVersion": "templates.gatekeeper.sh/v1",
        "kind": "ConstraintTemplate",
        "metadata": {"name": kind.lower()},
        "spec": {
            "crd": {"spec": crd},
            "targets": [{"target": TARGET, "rego": f"package x\n{rego}"}],
        },
    }


def constraint(
    kind: str, name: str, *, kinds: list[str] | None = None, **spec: Any
) -> dict[str, Any]:
    matched = [{"apiGroups": ["*"], "kinds": kinds or ["ConfigMap"]}]
    return {
        "apiVersion": "constraints.gatekeeper.sh/v1beta1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {"match": {"kinds": matched}, **spec},
    }


def apply_policy(
    cluster: Cluster, made: dict[str, Any], *constraints: dict[str, Any]
) -> None:
    """A template and its constraints, as a user applies them: when they are served."""
    cluster.apply(made)
    name = f"crd/{made['metadata']['name']}.constraints.gatekeeper.sh"
    until("its definition", lambda: cluster.run("kubectl", "get", name).returncode == 0)
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=60s", name)
    for one in constraints:
        cluster.apply(one)


def by_pod(cluster: Cluster, *what: str) -> list[dict[str, Any]]:
    found = cluster.get(*what)
    return (found or {}).get("status", {}).get("byPod") or []


def enforced(cluster: Cluster, *what: str, pods: int = 1) -> bool:
    """As users wait for it: every pod has seen the generation, and enforces it."""
    found = cluster.get(*what)
    entries = (found or {}).get("status", {}).get("byPod") or []
    return len(entries) == pods and all(
        one.get("enforced")
        and one["observedGeneration"] == found["metadata"]["generation"]
        for one in entries
    )


class Manager(Server):
    """A running one."""

    def child(self, name: str) -> int:
        """The process id of a live child: `policies`, `worker-1`, ..."""
        found = [
            event["pid"]
            for event in list(self.events)
            if event.get("msg") == "process started" and event["process"] == name
        ]
        return int(found[-1])

    def readyz(self) -> str:
        return self.get(self.health, "/readyz?verbose")[1]

    def ready(self) -> bool:
        return self.get(self.health, "/readyz")[0] == 200

    def register(self, cluster: Cluster, ca: str) -> None:
        """Have the API server call it, for objects outside its own namespace."""
        host, port = self.admission
        key = "kubernetes.io/metadata.name"
        kept = [HOME, "kube-system"]
        webhook = {
            "name": "validation.gatekeeper.sh",
            "admissionReviewVersions": ["v1"],
            "clientConfig": {
                "url": f"https://{host}:{port}/v1/admit",
                "caBundle": base64.b64encode(Path(ca).read_bytes()).decode(),
            },
            "failurePolicy": "Fail",
            "matchPolicy": "Exact",
            "sideEffects": "None",
            "timeoutSeconds": 3,
            "namespaceSelector": {
                "matchExpressions": [{"key": key, "operator": "NotIn", "values": kept}]
            },
            "rules": [
                {
                    "apiGroups": ["*"],
                    "apiVersions": ["*"],
                    "operations": ["CREATE", "UPDATE"],
                    "resources": ["*"],
                }
            ],
        }
        cluster.apply(
            {
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": "ValidatingWebhookConfiguration",
                "metadata": {"name": VALIDATING},
                "webhooks": [webhook],
            }
        )


@contextlib.contextmanager
def managing(
    cluster: Cluster,
    *options: str,
    name: str = "manager-0",
    kubeconfig: Path | None = None,
    ready: bool = True,
    workers: int = 2,
    rotation: bool = False,
) -> Iterator[Manager]:
    """A manager on free ports, ready to decide unless told otherwise.

    `rotation`: it keeps its certificate in the cluster."""
    fixed = (
        () if rotation else ("--cert-dir", "/nonexistent", "--disable-cert-rotation")
    )
    process = subprocess.Popen(
        [
            sys.executable,
            *("-m", "gatewright", "manager", "--host", "127.0.0.1", "--port", "0"),
            *("--kubeconfig", str(kubeconfig or cluster.kubeconfig)),
            *("--health-addr", "127.0.0.1:0", "--prometheus-port", "0"),
            *("--shutdown-delay", "1", "--workers", str(workers)),
            *fixed,
            *options,
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "POD_NAMESPACE": HOME, "POD_NAME": name},
    )
    with contextlib.closing(Manager(process)) as manager:
        if ready:
            try:
                until("ready", manager.ready)
            except AssertionError as error:
                said = manager.readyz(), manager.events[-10:]
                raise AssertionError(f"{error}: {said}") from None
        yield manager


@contextlib.contextmanager
def registered(cluster: Cluster, manager: Manager) -> Iterator[None]:
    """While this lasts the API server calls the manager's webhook."""
    manager.register(cluster, manager.event("listening")["ca"])
    try:
        wait_for_calls(cluster, manager)
        yield
    finally:
        cluster.kubectl("delete", "validatingwebhookconfiguration", VALIDATING)


def wait_for_calls(cluster: Cluster, manager: Manager) -> None:
    """Until the API server calls the webhook that was just registered."""
    series = (
        'gatekeeper_validation_request_count_total{admission_dryrun="true",'
        'admission_status="allow"}'
    )

    def called() -> bool:
        cluster.probe()
        time.sleep(0.05)
        return manager.metric(series) > 0

    until("the webhook is called", called)

"""A node as small as can be: runs the pods of one namespace as processes.

It does what a kubelet and kube-proxy would: command, arguments and environment as
rendered, the token of the pod's ServiceAccount, readiness by the container's own
probe, SIGTERM and the grace period at the end; connections to a Service's address go
to its ready pods.  A pod's address is one of loopback, told to the pod as POD_IP (the
API refuses loopback addresses in a pod's status, so there it is another one).
"""

from __future__ import annotations

import json
import re
import signal
import sys
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from typing import Any

from tests.cluster.daemon import Daemon
from tests.cluster.proxy import Proxy
from tests.cluster.server import Cluster

SERVICE = "gatekeeper-webhook-service"
_VARIABLE = re.compile(r"\$\((\w+)\)")


@dataclass
class Pod:
    """A pod whose process runs."""

    name: str
    address: str
    spec: dict[str, Any]
    labels: dict[str, str]
    daemon: Daemon
    ready: bool | None = None
    ending: bool = False
    restarts: int = 0
    gone: bool = False
    ports: dict[str, int] = field(default_factory=dict)


class Node(threading.Thread):
    """Runs the pods of `namespace` until `stop`; what goes wrong is in `problem`."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        super().__init__(daemon=True)
        self.cluster = cluster
        self.namespace = namespace
        self.pods: dict[str, Pod] = {}
        self.ended = threading.Event()
        self.count = 0
        self.proxy: Proxy | None = None
        self.problem = ""
        self.folder = cluster.folder / "pods"
        self.folder.mkdir(exist_ok=True)

    def run(self) -> None:
        while not self.ended.is_set():
            try:
                self.look()
            except AssertionError as error:  # the API server may be away
                self.problem = str(error)
            time.sleep(0.2)

    def stop(self) -> None:
        self.ended.set()
        if self.is_alive():
            self.join(60)
        for pod in self.pods.values():
            pod.daemon.stop(signal.SIGKILL)
        if self.proxy is not None:
            self.proxy.stop()

    def look(self) -> None:
        found = self.cluster.listed("pods", "-n", self.namespace)
        there = {one["metadata"]["name"]: one for one in found}
        for name, obj in there.items():
            if name not in self.pods and "deletionTimestamp" not in obj["metadata"]:
                self.begin(obj)
        for name, pod in list(self.pods.items()):
            self.attend(pod, there.get(name))
        self.route()

    def begin(self, obj: dict[str, Any]) -> None:
        self.count += 1
        name, spec = obj["metadata"]["name"], obj["spec"]
        (container,) = spec["containers"]
        address = f"127.20.0.{self.count}"
        config = self.cluster.account_config(self.namespace, spec["serviceAccountName"])
        environment = {
            **self.cluster.environment(),
            "KUBECONFIG": str(config),
            **{
                one["name"]: self.value(one, name, address)
                for one in container.get("env", ())
            },
        }
        program, *rest = container["command"]
        assert program == "gatewright"
        arguments = [
            _VARIABLE.sub(lambda found: environment[found[1]], one)
            for one in container["args"]
        ]
        pod = Pod(
            name,
            address,
            container,
            obj["metadata"]["labels"],
            Daemon(
                name,
                [sys.executable, "-m", "gatewright", *rest, *arguments],
                log=self.folder / f"{name}.log",
                environment=environment,
            ),
            ports={one["name"]: one["containerPort"] for one in container["ports"]},
        )
        pod.daemon.start()
        self.pods[name] = pod

    def value(self, variable: dict[str, Any], name: str, address: str) -> str:
        if "value" in variable:
            return str(variable["value"])
        fields = {
            "metadata.name": name,
            "metadata.namespace": self.namespace,
            "status.podIP": address,
        }
        return fields[variable["valueFrom"]["fieldRef"]["fieldPath"]]

    def attend(self, pod: Pod, obj: dict[str, Any] | None) -> None:
        ending = obj is None or "deletionTimestamp" in obj["metadata"]
        process = pod.daemon.process
        running = process is not None and process.poll() is None
        if ending:
            if not pod.ending:
                pod.ending = True
                if process is not None and running:
                    process.terminate()
            elif not running:
                del self.pods[pod.name]
                self.cluster.run(
                    *("kubectl", "delete", "pod", pod.name, "-n", self.namespace),
                    *("--grace-period=0", "--force", "--ignore-not-found"),
                )
            return
        if not running:  # as restartPolicy Always has it
            pod.daemon.stop()
            pod.daemon.start()
            pod.restarts += 1
        ready = running and self.probe(pod)
        if ready != pod.ready:
            pod.ready = ready
            self.tell(pod)

    def probe(self, pod: Pod) -> bool:
        http = pod.spec["readinessProbe"]["httpGet"]
        url = f"http://{pod.address}:{pod.ports[http['port']]}{http['path']}"
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def tell(self, pod: Pod) -> None:
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        ready = bool(pod.ready)
        shown = pod.address.replace("127.20.", "10.20.", 1)
        status = {
            "phase": "Running",
            "startTime": now,
            "podIP": shown,
            "podIPs": [{"ip": shown}],
            "conditions": [
                {"type": kind, "status": str(state), "lastTransitionTime": now}
                for kind, state in (
                    ("PodScheduled", True),
                    ("Initialized", True),
                    ("ContainersReady", ready),
                    ("Ready", ready),
                )
            ],
            "containerStatuses": [
                {
                    "name": pod.spec["name"],
                    "image": pod.spec["image"],
                    "imageID": "none",
                    "ready": ready,
                    "started": True,
                    "restartCount": pod.restarts,
                    "state": {"running": {"startedAt": now}},
                }
            ],
        }
        self.cluster.kubectl(
            *("patch", "pod", pod.name, "-n", self.namespace),
            *(
                "--subresource=status",
                "--type=merge",
                "-p",
                json.dumps({"status": status}),
            ),
        )

    def route(self) -> None:
        """Send the Service's connections to its ready pods."""
        service = self.cluster.get("service", SERVICE, "-n", self.namespace)
        if service is None:
            return
        wanted = service["spec"]["selector"].items()
        targets = [
            (pod.address, pod.ports["webhook-server"])
            for pod in self.pods.values()
            if pod.ready and not pod.ending and wanted <= pod.labels.items()
        ]
        address = (service["spec"]["clusterIP"], 443)
        if self.proxy is not None and self.proxy.address != address:
            self.proxy.stop()  # the Service was made anew
            self.proxy = None
        if self.proxy is None:
            self.proxy = Proxy(address, targets)
            self.proxy.start()
        self.proxy.targets = targets

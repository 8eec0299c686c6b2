"""Renewals of the certificate on a real API server, two replicas, under load.

    ROTATIONS=1000 pytest tests/cluster/test_certificates.py

runs until so many authorities have been replaced; by default until a minute is over.
"""

from __future__ import annotations

import asyncio
import base64
import http.client
import os
import socket
import ssl
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gatewright.certs.decision import DAY, Act, Plan
from gatewright.certs.rotation import SECRET_NAME, Rotation, Target
from gatewright.kube import settings
from gatewright.kube.client import Client
from gatewright.telemetry.log import Log
from tests.cluster.daemon import Daemon
from tests.cluster.proxy import Proxy
from tests.cluster.server import Cluster, free_ports, until
from tests.needs import ROOT
from tests.serve.server import namespace, review

pytestmark = pytest.mark.cluster

NAMESPACE = "certificates"
SERVICE = "gatekeeper-webhook-service"
HOST = f"{SERVICE}.{NAMESPACE}.svc"
CONFIGURATION = "certificates-test"
POLICIES = ROOT / "pkg/gatewright/policies/required-labels"
#: Every authority is due for renewal from its first moment on.
ALWAYS = Plan(hosts=frozenset({HOST}), renew_before=4000 * DAY, overlap=0.5)
SECONDS = 25.0


class Replica:
    """A server, and the loop that renews its certificate."""

    def __init__(self, cluster: Cluster, folder: Path, number: int) -> None:
        self.served = folder / f"served-{number}"
        self.served.mkdir()
        self.port, self.health = free_ports(2)
        self.server = Daemon(
            f"replica-{number}",
            [
                *(sys.executable, "-m", "tests.cluster.replica"),
                *(POLICIES, self.served, str(self.port), str(self.health)),
            ],
            log=folder / f"replica-{number}.log",
            folder=ROOT,
        )
        self.kubeconfig = cluster.kubeconfig
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.plan = ALWAYS
        self.rotation: Rotation | None = None

    def run(self) -> None:
        # It ends what a cancelled attempt to connect has left under way, too
        with asyncio.Runner(loop_factory=lambda: self.loop) as runner:
            runner.run(self.renew())

    async def renew(self) -> None:
        client = Client(await settings.load(self.kubeconfig))
        self.rotation = Rotation(
            client,
            NAMESPACE,
            self.plan,
            (Target.validating(CONFIGURATION),),
            self.served,
            Log("test"),
            every=0.1,
        )
        self.task = asyncio.current_task()
        try:
            await self.rotation.run()
        except asyncio.CancelledError:
            pass
        finally:
            await client.close()

    def start(self) -> None:
        self.thread.start()
        # One after the other: reading a kubeconfig file goes by files that all
        # threads of a process share.
        until("the client is made", lambda: self.rotation)
        self.server.start()

    def stop(self) -> None:
        if self.thread.is_alive():
            assert self.task is not None
            self.loop.call_soon_threadsafe(self.task.cancel)
            self.thread.join(10)
        self.server.stop()

    def ready(self) -> bool:
        self.server.check()
        try:
            url = f"http://127.0.0.1:{self.health}/readyz"
            with urllib.request.urlopen(url, timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def promoted(self) -> int:
        return self.rotation.acts.get(Act.PROMOTE, 0) if self.rotation else 0


def objects() -> list[dict[str, Any]]:
    webhook = {
        "name": "validation.gatekeeper.sh",
        "clientConfig": {
            "service": {"name": SERVICE, "namespace": NAMESPACE, "path": "/v1/admit"}
        },
        "rules": [
            {
                "apiGroups": [""],
                "apiVersions": ["v1"],
                "operations": ["CREATE"],
                "resources": ["namespaces"],
            }
        ],
        "namespaceSelector": {
            "matchExpressions": [
                {"key": "certificates-test", "operator": "Exists"},
            ]
        },
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "timeoutSeconds": 10,
        "admissionReviewVersions": ["v1"],
    }
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": SECRET_NAME, "namespace": NAMESPACE},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": SERVICE, "namespace": NAMESPACE},
            "spec": {"ports": [{"port": 443}]},
        },
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": CONFIGURATION},
            "webhooks": [webhook],
        },
    ]


@pytest.fixture
def site(cluster: Cluster) -> Iterator[Cluster]:
    made = objects()
    cluster.apply(*made)
    empty = next(one for one in made if one["kind"] == "Secret")
    cluster.kubectl("replace", "-f", "-", stdin=yaml.safe_dump(empty))
    yield cluster
    cluster.kubectl("delete", "validatingwebhookconfiguration", CONFIGURATION)


@pytest.fixture
def replicas(site: Cluster, tmp_path: Path) -> Iterator[list[Replica]]:
    made = [Replica(site, tmp_path, number) for number in range(2)]
    address = site.get("service", SERVICE, "-n", NAMESPACE)["spec"]["clusterIP"]
    proxy = Proxy((address, 443), [("127.0.0.1", one.port) for one in made])
    try:
        proxy.start()
        for one in made:
            one.start()
        until("both replicas are ready", lambda: all(one.ready() for one in made))
        yield made
    finally:
        for one in made:
            one.stop()
        proxy.stop()


class Asker(threading.Thread):
    """Asks again and again until told to stop; `failures` are its bad answers."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(daemon=True)
        files = cluster.folder
        context = ssl.create_default_context(cafile=files / "cluster-ca.crt")
        context.load_cert_chain(files / "admin.crt", files / "admin.key")
        self.api = http.client.HTTPSConnection(
            "127.0.0.1", cluster.port, context=context, timeout=30
        )
        self.asked = 0
        self.failures: list[str] = []
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.is_set():
            time.sleep(0.01)
            self.asked += 1
            if said := self.ask():
                self.failures.append(said)

    def ask(self) -> str:
        raise NotImplementedError

    def stop(self) -> None:
        self.ended.set()
        if self.is_alive():
            self.join(60)
        self.api.close()


class ByApiServer(Asker):
    """Dry-run creates that have to be denied by policy, in words of the policy."""

    def ask(self) -> str:
        probe = namespace("probe", **{"certificates-test": "yes"})
        path = "/api/v1/namespaces?dryRun=All"
        self.api.request(
            "POST", path, yaml.safe_dump(probe), {"Content-Type": "application/yaml"}
        )
        answer = self.api.getresponse().read().decode()
        return "" if "you must provide labels" in answer else answer


class ByHand(Asker):
    """A client that believes what the configuration says at the moment it connects."""

    def __init__(self, cluster: Cluster, address: str) -> None:
        super().__init__(cluster)
        self.address = address
        self.body = review(namespace("probe"))
        self.told = ""
        self.context = ssl.create_default_context()

    def ask(self) -> str:
        group = "/apis/admissionregistration.k8s.io/v1"
        self.api.request(
            "GET", f"{group}/validatingwebhookconfigurations/{CONFIGURATION}"
        )
        config = yaml.safe_load(self.api.getresponse().read())
        told = config["webhooks"][0]["clientConfig"]["caBundle"]
        if told != self.told:
            text = base64.b64decode(told).decode()
            self.context = ssl.create_default_context(cadata=text)
            self.told = told
        try:
            with (
                socket.create_connection((self.address, 443), 10) as plain,
                self.context.wrap_socket(plain, server_hostname=HOST) as sock,
            ):
                head = (
                    f"POST /v1/admit HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: "
                    f"application/json\r\nContent-Length: {len(self.body)}\r\n\r\n"
                )
                sock.sendall(head.encode() + self.body)
                answer = sock.recv(65536).decode()
        except OSError as error:
            return f"{type(error).__name__}: {error}"
        return "" if "you must provide labels" in answer else answer


def test_renewals_break_no_handshake(site: Cluster, replicas: list[Replica]) -> None:
    wanted = int(os.environ.get("ROTATIONS") or 0)
    address = site.get("service", SERVICE, "-n", NAMESPACE)["spec"]["clusterIP"]
    askers: list[Asker] = [ByApiServer(site), ByHand(site, address)]

    def judged() -> bool:
        said = askers[0].ask()
        assert "failed calling webhook" not in said  # both replicas say they are ready
        return not said

    until("the API server gets verdicts", judged)
    for asker in askers:
        asker.start()
    end = time.monotonic() + SECONDS
    while (
        sum(one.promoted() for one in replicas) < wanted
        if wanted
        else time.monotonic() < end
    ):
        time.sleep(0.2)
        for one in replicas:
            one.server.check()
        if any(len(asker.failures) > 5 for asker in askers):
            break
    for asker in askers:
        asker.stop()

    promoted = [one.promoted() for one in replicas]
    print(f"renewals {promoted}, asked {[asker.asked for asker in askers]}")
    assert [asker.failures for asker in askers] == [[], []]
    assert sum(promoted) >= 3
    assert all(asker.asked > 20 for asker in askers)


def test_nothing_is_written_that_need_not_be(site: Cluster, tmp_path: Path) -> None:
    """Once all is in order, rounds of two replicas leave all objects as they are."""

    async def rounds() -> list[Act]:
        client = Client(await settings.load(site.kubeconfig))
        plan = Plan(hosts=frozenset({HOST}))
        made = [
            Rotation(
                client,
                NAMESPACE,
                plan,
                (Target.validating(CONFIGURATION), Target.mutating("there-is-none")),
                tmp_path / name,
                Log("test"),
            )
            for name in ("a", "b")
        ]
        acts = []
        for one in [*made, *made, *made]:
            one.served.mkdir(exist_ok=True)
            acts.append(await one.look())
        await client.close()
        return acts

    def versions() -> list[str]:
        parts = [
            site.get("secret", SECRET_NAME, "-n", NAMESPACE),
            site.get("validatingwebhookconfiguration", CONFIGURATION),
        ]
        return [part["metadata"]["resourceVersion"] for part in parts]

    first = asyncio.run(rounds())
    before = versions()
    again = asyncio.run(rounds())

    assert first.count(Act.BEGIN) == 1
    assert set(again) == {Act.NONE}
    assert versions() == before
    served = [(tmp_path / name / "tls.crt").read_bytes() for name in ("a", "b")]
    assert served[0] == served[1]

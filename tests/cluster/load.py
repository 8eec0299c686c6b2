"""Requests without end, each answer held against what it has to be.

`Reviews` asks a manager's webhook as an API server does; `Writes` asks the API server:
for what policies decide, and for what must never wait for them.  Both go on through
whatever happens, and keep what must not happen.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import socket
import ssl
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from tests.cluster.manager import HOME
from tests.cluster.server import Cluster
from tests.serve.server import review

SERVICE = "gatekeeper-webhook-service"
#: Seconds that the API server would wait, told with each request.
TIMEOUT = 1.0
#: tcpi_last_data_recv in Linux' struct tcp_info.
LAST_DATA = 8 + 4 * 11


def config_map(name: str, **labels: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default", "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


class Steady(threading.Thread):
    """Asks `rate` times a second until it is stopped."""

    def __init__(self, rate: float) -> None:
        super().__init__(daemon=True)
        self.pause = 1 / rate
        self.counts: Counter[str] = Counter()
        self.wrong: list[object] = []
        self.ended = threading.Event()

    def run(self) -> None:
        due = time.monotonic()
        while not self.ended.is_set():
            self.ask()
            due = max(due + self.pause, time.monotonic() - 1)  # no burst to catch up
            time.sleep(max(0.0, due - time.monotonic()))

    def ask(self) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        self.ended.set()
        if self.is_alive():
            self.join(30)


class Reviews(Steady):
    """Asks at the address that `where` names; `lines`: what a denial has to say.

    `late`: verdicts that came when the API server would have given up; `incomplete`:
    those by fewer policies; `undecided`: the uids of what was answered without one.
    """

    numbers = itertools.count()

    def __init__(
        self,
        where: Callable[[], tuple[str, int]],
        authority: Callable[[], str],
        lines: frozenset[str],
        *,
        rate: float,
    ) -> None:
        super().__init__(rate)
        self.where = where
        self.authority = authority
        self.lines = lines
        self.late: list[object] = []
        self.incomplete: list[object] = []
        self.undecided: list[str] = []
        self.connection: http.client.HTTPSConnection | None = None
        self.asked_on = 0

    def ask(self) -> None:
        number = next(self.numbers)
        bad = number % 2 == 0
        uid = f"load-{number}"
        obj = config_map(f"load-{number}", **({"bad": "yes"} if bad else {}))
        body = review(obj, uid=uid, namespace="default")
        try:
            connection = self.connected()
            headers = {"Content-Type": "application/json"}
            path = f"/v1/admit?timeout={TIMEOUT:.0f}s"
            connection.request("POST", path, body, headers)
            sent = time.monotonic()
            answer = connection.getresponse()
            text = answer.read()
            took = time.monotonic() - sent - age(connection.sock)
        except (OSError, http.client.HTTPException):
            self.counts["no answer"] += 1
            self.drop()
            time.sleep(0.02)
            return
        if answer.status != 200:
            self.counts["undecided"] += 1
            self.undecided.append(uid)
            self.drop()
            return
        self.counts["decided"] += 1
        self.judge(bad, json.loads(text)["response"], took)

    def judge(self, bad: bool, response: dict[str, Any], took: float) -> None:
        if took > TIMEOUT:
            self.late.append((response["uid"], took))
        said = (response.get("status") or {}).get("message", "")
        lines = frozenset(said.splitlines())
        if bad == response["allowed"] or (not bad and said):
            self.wrong.append(response)
        elif bad and lines != self.lines:
            self.incomplete.append(response)

    def connected(self) -> http.client.HTTPSConnection:
        """Now and then a new one, as the pods of a Service change."""
        self.asked_on += 1
        if self.asked_on > 50:
            self.drop()
        if self.connection is None:
            context = ssl.create_default_context(cadata=self.authority())
            context.check_hostname = False
            self.connection = http.client.HTTPSConnection(
                *self.where(), context=context, timeout=10
            )
            self.connection.connect()
        return self.connection

    def drop(self) -> None:
        self.asked_on = 0
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def stop(self) -> None:
        super().stop()
        self.drop()


def age(sock: Any) -> float:
    """Seconds since the answer came, which may be before we were awake to read it."""
    if sock is None:  # closed with the answer
        return 0.0
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, LAST_DATA + 4)
    return float(struct.unpack_from("I", info, LAST_DATA)[0]) / 1000


class Writes(Steady):
    """`blocked`: what the control plane writes and a webhook held up."""

    def __init__(self, cluster: Cluster, lines: frozenset[str], *, rate: float) -> None:
        super().__init__(rate)
        files = cluster.folder
        self.context = ssl.create_default_context(cafile=files / "cluster-ca.crt")
        self.context.load_cert_chain(files / "admin.crt", files / "admin.key")
        self.port = cluster.port
        self.lines = lines
        self.blocked: list[str] = []
        self.number = time.monotonic_ns() // 1000 * 10
        self.api: http.client.HTTPSConnection | None = None

    def ask(self) -> None:
        self.number += 1
        try:
            if self.number % 3 == 0:
                self.policed(bad=self.number % 2 == 0)
            else:
                self.vital(self.number)
        except (OSError, http.client.HTTPException):
            self.counts["API away"] += 1
            if self.api is not None:
                self.api.close()
            self.api = None
            time.sleep(0.05)

    def send(self, method: str, path: str, obj: dict[str, Any]) -> tuple[int, str]:
        if self.api is None:
            self.api = http.client.HTTPSConnection(
                "127.0.0.1", self.port, context=self.context, timeout=20
            )
        kind = "merge-patch+json" if method == "PATCH" else "json"
        headers = {"Content-Type": f"application/{kind}"}
        self.api.request(method, path, json.dumps(obj), headers)
        answer = self.api.getresponse()
        return answer.status, answer.read().decode()

    def policed(self, *, bad: bool) -> None:
        """A dry-run create that policies decide."""
        obj = config_map(f"asked-{self.number}", **({"bad": "yes"} if bad else {}))
        path = "/api/v1/namespaces/default/configmaps?dryRun=All"
        status, text = self.send("POST", path, obj)
        if status in (201, 403):
            self.counts["policed"] += 1
            whole = all(json.dumps(one)[1:-1] in text for one in self.lines)
            if bad != (status == 403) or (bad and not whole):
                self.wrong.append(text)
        else:
            self.counts["policed, undecided"] += 1

    def vital(self, number: int) -> None:
        """Something that no webhook may hold up."""
        writes = list(vital_writes(number))
        status, text = self.send(*writes[number % len(writes)])
        self.counts["vital"] += 1
        if status >= 400 and "webhook" in text:
            self.blocked.append(text)
        elif status >= 400:
            self.counts["API undecided"] += 1

    def stop(self) -> None:
        super().stop()
        if self.api is not None:
            self.api.close()


def vital_writes(number: int) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and object of what keeps a cluster alive."""
    name = f"vital-{number}"
    meta = {"metadata": {"name": name}}
    yield (
        "POST",
        "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases",
        {**meta, "spec": {"holderIdentity": "node"}},
    )
    yield (
        "POST",
        "/api/v1/namespaces/default/events",
        {
            **meta,
            "involvedObject": {"kind": "Pod", "name": "p", "namespace": "default"},
            "reason": "Test",
        },
    )
    yield (
        "POST",
        "/apis/authentication.k8s.io/v1/tokenreviews",
        {"spec": {"token": "t"}},
    )
    yield (
        "POST",
        "/apis/authorization.k8s.io/v1/subjectaccessreviews",
        {
            "spec": {
                "user": "u",
                "nonResourceAttributes": {"path": "/", "verb": "get"},
            }
        },
    )
    yield "POST", "/api/v1/namespaces/kube-system/configmaps", meta
    yield "POST", f"/api/v1/namespaces/{HOME}/configmaps", meta
    yield (
        "PATCH",
        "/api/v1/nodes/node/status",
        {"status": {"nodeInfo": {"kernelVersion": name}}},
    )


def create_all(cluster: Cluster, path: str, objects: list[dict[str, Any]]) -> None:
    """Create objects as fast as the API server takes them, over four connections;
    `path` may name their {kind}."""
    files = cluster.folder
    context = ssl.create_default_context(cafile=files / "cluster-ca.crt")
    context.load_cert_chain(files / "admin.crt", files / "admin.key")
    failed: list[str] = []

    def create(mine: list[dict[str, Any]]) -> None:
        api = http.client.HTTPSConnection(
            "127.0.0.1", cluster.port, context=context, timeout=60
        )
        with contextlib.closing(api):
            for obj in mine:
                where = path.format(kind=obj["kind"].lower())
                headers = {"Content-Type": "application/json"}
                until = time.monotonic() + 30
                while True:
                    api.request("POST", where, json.dumps(obj), headers)
                    answer = api.getresponse()
                    text = answer.read().decode()
                    # A kind is served a moment after its definition says so.
                    soon = answer.status in (404, 429)
                    if not soon or time.monotonic() > until:
                        break
                    time.sleep(0.1)
                if answer.status != 201:
                    failed.append(text)

    threads = [
        threading.Thread(target=create, args=[objects[n::4]], daemon=True)
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed[:3] == [], failed[:3]


@contextlib.contextmanager
def under_load(*askers: Steady) -> Iterator[None]:
    for one in askers:
        one.start()
    try:
        yield
    finally:
        for one in askers:
            one.ended.set()
        for one in askers:
            one.stop()

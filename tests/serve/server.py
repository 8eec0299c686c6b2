"""A real `gatewright serve`, started as a user starts it, and ways to talk to it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TEMPLATE = """\
apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata:
  name: {name}
spec:
  crd: {{spec: {{names: {{kind: {kind}}}}}}}
  targets:
    - target: admission.k8s.gatekeeper.sh
      rego: |
        package x
        {rego}
"""
CONSTRAINT = """\
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: {kind}
metadata:
  name: {name}
spec:
  enforcementAction: {action}
"""


def template(kind: str, rego: str) -> str:
    return TEMPLATE.format(name=kind.lower(), kind=kind, rego=rego)


def constraint(kind: str, name: str, action: str = "deny") -> str:
    return CONSTRAINT.format(kind=kind, name=name, action=action)


def review(obj: dict[str, Any], **fields: Any) -> bytes:
    """An AdmissionReview that creates `obj` (core v1)."""
    kind = {"group": "", "version": "v1", "kind": obj["kind"]}
    resource = {"group": "", "version": "v1", "resource": obj["kind"].lower() + "s"}
    request = {
        "uid": "u-1",
        "kind": kind,
        "resource": resource,
        "name": obj["metadata"]["name"],
        "operation": "CREATE",
        "userInfo": {"username": "alice"},
        "object": obj,
        **fields,
    }
    body = {
        "kind": "AdmissionReview",
        "apiVersion": "admission.k8s.io/v1",
        "request": request,
    }
    return json.dumps(body).encode()


def namespace(name: str = "n", **labels: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": labels},
    }


class Server:
    """A running server; `events` are its log lines so far."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.events: list[dict[str, Any]] = []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        listening = self.event("listening")
        # A pod that only tells of policies listens to no admission.
        self.admission = split(listening["admission"] or "127.0.0.1:0")
        self.health = split(listening["health"])
        self.metrics = split(listening["metrics"])
        self.tls = ssl.create_default_context(cafile=listening["ca"])

    def read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            try:
                self.events.append(json.loads(line))
            except ValueError:
                self.events.append({"msg": "no JSON", "text": line.decode()})

    def event(
        self, message: str, *, within: float = 30.0, **fields: Any
    ) -> dict[str, Any]:
        """The first event with this message and these fields."""
        end = time.monotonic() + within
        while time.monotonic() < end:
            for event in list(self.events):
                if event.get("msg") == message and fields.items() <= event.items():
                    return event
            time.sleep(0.01)
        raise AssertionError(f"no {message!r} {fields} in {self.events[-8:]}")

    def close(self) -> None:
        """End the process, and wait for that."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        finally:
            self.process.kill()
            self.process.wait()
            self.reader.join(5)
            assert self.process.stderr is not None
            self.process.stderr.close()

    def committed(self, number: int) -> None:
        self.event("generation committed", generation=number)

    def connect(self) -> http.client.HTTPSConnection:
        host, port = self.admission
        connection = http.client.HTTPSConnection(
            host, port, context=self.tls, timeout=30
        )
        connection.connect()
        return connection

    def raw(self) -> ssl.SSLSocket:
        """A TLS connection to send anything on."""
        sock = socket.create_connection(self.admission, 30)
        return self.tls.wrap_socket(sock, server_hostname=self.admission[0])

    def post(
        self, path: str, body: bytes, *, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Status and response of one request on a connection of its own."""
        with contextlib.closing(self.connect()) as connection:
            sent = {"Content-Type": "application/json", **(headers or {})}
            connection.request("POST", path, body, sent)
            answer = connection.getresponse()
            text = answer.read()
        if answer.status != 200:
            return answer.status, {"text": text.decode()}
        return answer.status, json.loads(text)["response"]

    def admit(self, obj: dict[str, Any], **fields: Any) -> dict[str, Any]:
        status, response = self.post("/v1/admit", review(obj, **fields))
        assert 200 == status, response
        return response

    def get(self, address: tuple[str, int], path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection(*address, timeout=30)
        with contextlib.closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def metric(self, series: str) -> float:
        _, text = self.get(self.metrics, "/metrics")
        (line,) = [one for one in text.splitlines() if one.startswith(series + " ")]
        return float(line.split()[-1])

    def workers(self) -> list[int]:
        """The process ids of live workers."""
        started = [
            event["pid"]
            for event in list(self.events)
            if event.get("msg") == "process started" and "worker" in event["process"]
        ]
        return [pid for pid in started if Path(f"/proc/{pid}/stat").exists()]


def split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host, int(port)


@contextlib.contextmanager
def serving(folder: Path, *options: str, within: float = 30.0) -> Iterator[Server]:
    """A server on free ports by the policies in `folder`, ready to decide."""
    ports = ["--port", "0", "--health-addr", ":0", "--metrics-addr", ":0"]
    process = subprocess.Popen(
        [
            sys.executable,
            *("-m", "gatewright", "serve", "--policies", str(folder)),
            *ports,
            *options,
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "POD_NAMESPACE": "gatekeeper-system"},
    )
    with contextlib.closing(Server(process)) as server:
        server.event("generation committed", within=within, generation=1)
        server.connect().close()
        yield server

"""The demo: the shipped policies in a folder, and sample requests to judge.

Each policy's samples become requests; so does a Pod for the mutators below.
"""

from __future__ import annotations

import base64
import http.client
import json
import socket
import ssl
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from gatewright.app.settings import Address
from gatewright.k8s import gvk, meta, yaml

__all__ = ["Sample", "SampleVerdict", "demo_folder", "judge_samples", "samples"]

EXTRAS: Final = """\
apiVersion: mutations.gatekeeper.sh/v1
kind: AssignMetadata
metadata:
  name: owner-label
spec:
  match:
    kinds: [{apiGroups: [""], kinds: ["Pod"]}]
  location: metadata.labels.owner
  parameters:
    assign:
      value: nobody
---
apiVersion: mutations.gatekeeper.sh/v1
kind: Assign
metadata:
  name: pull-always
spec:
  applyTo: [{groups: [""], versions: ["v1"], kinds: ["Pod"]}]
  location: "spec.containers[name: *].imagePullPolicy"
  parameters:
    assign:
      value: Always
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: first
  namespace: one
spec:
  rules:
    - host: shop.example
---
apiVersion: v1
kind: Namespace
metadata:
  name: one
---
apiVersion: v1
kind: Namespace
metadata:
  name: two
---
apiVersion: v1
kind: Namespace
metadata:
  name: shop
---
apiVersion: v1
kind: Namespace
metadata:
  name: pay-prod
"""
MUTATED: Final = "no-privileged-containers"


@dataclass(frozen=True, slots=True)
class Sample:
    """A request to send: which policy it belongs to, its name, where, its body."""

    policy: str
    name: str
    endpoint: str
    body: bytes


@dataclass(frozen=True, slots=True)
class SampleVerdict:
    """What came back: seconds from sending to the whole answer."""

    sample: Sample
    allowed: bool
    message: str
    warnings: tuple[str, ...]
    patch: list[dict[str, Any]]
    seconds: float


def shipped() -> Path:
    return Path(str(files("gatewright"))) / "policies"


def demo_folder() -> Path:
    """A new folder with templates and constraints of the shipped policies."""
    folder = Path(tempfile.mkdtemp(prefix="gatewright-demo-"))
    for policy in sorted(shipped().iterdir()):
        for part in ("template.yaml", "constraint.yaml"):
            source = policy / part
            if source.is_file():
                target = folder / f"{policy.name}-{part}"
                target.write_bytes(source.read_bytes())
    (folder / "surroundings.yaml").write_text(EXTRAS, encoding="utf-8")
    return folder


def samples() -> Iterator[Sample]:
    """The samples of the shipped policies as admission requests."""
    for policy in sorted(shipped().iterdir()):
        for path in sorted((policy / "samples").glob("*.yaml")):
            (document,) = yaml.read(path.read_bytes(), source=str(path))
            obj = document.value
            if gvk.gvk_of(obj).group == "constraints.gatekeeper.sh":
                continue
            body = json.dumps(review_of(obj)).encode()
            yield Sample(policy.name, path.stem, "/v1/admit", body)
            if policy.name == MUTATED and path.stem == "plain":
                yield Sample("(mutators)", path.stem, "/v1/mutate", body)


def review_of(obj: dict[str, Any]) -> dict[str, Any]:
    """An AdmissionReview that creates an object; reviews stay as they are."""
    named = gvk.gvk_of(obj)
    if named.kind == "AdmissionReview":
        return obj
    plural = named.kind.lower() + ("es" if named.kind.endswith("s") else "s")
    if plural.endswith("ys"):
        plural = plural[:-2] + "ies"
    resource = {"group": named.group, "version": named.version, "resource": plural}
    return {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "6a1f0f52-0000-4000-8000-0000000000ff",
            "kind": named._asdict(),
            "resource": resource,
            "requestKind": named._asdict(),
            "requestResource": resource,
            "name": meta.name_of(obj),
            "namespace": meta.namespace_of(obj),
            "operation": "CREATE",
            "userInfo": {"username": "alice", "groups": ["developers"]},
            "object": obj,
            "oldObject": None,
            "dryRun": False,
        },
    }


def judge_samples(
    address: Address, *, ca: Path, patience: float = 30.0
) -> Iterator[SampleVerdict]:
    """Send every sample over one TLS connection, as the API server does.

    Raises OSError if nobody answers within `patience` seconds.
    """
    context = ssl.create_default_context(cafile=str(ca))
    wait_for(address, patience)
    connection = http.client.HTTPSConnection(
        address.host, address.port, context=context, timeout=patience
    )
    connection.connect()
    assert isinstance(connection.sock, socket.socket)
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for sample in samples():
        started = time.perf_counter()
        connection.request(
            "POST", sample.endpoint, sample.body, {"Content-Type": "application/json"}
        )
        answer = connection.getresponse().read()
        seconds = time.perf_counter() - started
        response = json.loads(answer)["response"]
        patch = json.loads(base64.b64decode(response.get("patch", "W10=")))
        yield SampleVerdict(
            sample,
            response["allowed"],
            response.get("status", {}).get("message", ""),
            tuple(response.get("warnings", ())),
            patch,
            seconds,
        )
    connection.close()


def wait_for(address: Address, patience: float) -> None:
    """Until somebody accepts and serves; the first worker does when it can decide."""
    end = time.monotonic() + patience
    while True:
        try:
            with socket.create_connection((address.host, address.port), 1.0):
                return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)

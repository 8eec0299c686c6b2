"""The real Gatekeeper on a cluster, with the duties it is given; its webhook is at an
address of its own."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatewright.app.certificates import make_certificate
from tests.cluster.daemon import Daemon
from tests.cluster.manager import HOME
from tests.cluster.server import Cluster, free_ports, until
from tests.needs import require_peer

#: How each side's webhook is named in the API; it is in the text of a denial.
WEBHOOK = "validation.gatekeeper.sh"


@dataclass(slots=True)
class Rival:
    """`address` of its webhook, `authority` its certificate's file; `health` and
    `metrics` are ports."""

    address: tuple[str, int]
    health: int
    metrics: int
    authority: Path
    daemon: Daemon
    name: str = "no-pod"

    def ready(self) -> bool:
        """Raises RuntimeError if it has ended."""
        self.daemon.check()
        url = f"http://127.0.0.1:{self.health}/readyz"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


@contextlib.contextmanager
def gatekeeper(
    cluster: Cluster,
    folder: Path,
    *options: str,
    operations: Sequence[str] = ("webhook", "status", "generate"),
    seconds: float = 60.0,
    kubeconfig: Path | None = None,
    pod: str = "",
    host: str = "",
) -> Iterator[Rival]:
    """It, ready (within `seconds`), deciding by Rego only; its files are in `folder`.

    `pod`: the one that it is (none that there is, by default); `host`: by which name it
    is called, besides its address."""
    program = require_peer("gatekeeper")
    certificates, cache = folder / "rival-certs", folder / "rival-cache"
    certificates.mkdir()
    cache.mkdir()
    # Asked for, whatever its duties are.
    issued = make_certificate(
        ["127.0.0.1", *([host] if host else ())], folder=certificates
    )
    port, health, metrics = free_ports(3)
    daemon = Daemon(
        "gatekeeper",
        [
            program,
            f"--kubeconfig={kubeconfig or cluster.kubeconfig}",
            *(() if pod else ("--debug-use-fake-pod",)),
            "--disable-cert-rotation",
            f"--cert-dir={certificates}",
            "--host=127.0.0.1",
            f"--port={port}",
            f"--health-addr=127.0.0.1:{health}",
            f"--prometheus-port={metrics}",
            "--shutdown-delay=0",
            f"--exempt-namespace={HOME}",
            f"--api-cache-dir={cache}",
            "--enable-k8s-native-validation=false",
            # Or the API server would judge, by policies that it makes of templates.
            "--default-create-vap-for-templates=false",
            "--default-create-vap-binding-for-constraints=false",
            *(f"--operation={one}" for one in operations),
            *options,
        ],
        log=folder / "gatekeeper.log",
        environment={**os.environ, "POD_NAMESPACE": HOME, "POD_NAME": pod or "no-pod"},
    )
    daemon.start()
    made = Rival(("127.0.0.1", port), health, metrics, issued.ca, daemon)
    try:
        try:
            until("Gatekeeper is ready", made.ready, seconds=seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{daemon.tail()}") from None
        yield made
    finally:
        daemon.stop()


def webhook(
    name: str, address: tuple[str, int], authority: Path | str, **more: Any
) -> dict[str, Any]:
    """A configuration that has all creations judged at an address."""
    host, port = address
    bundle = Path(authority).read_bytes()
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [
            {
                "name": WEBHOOK,
                "admissionReviewVersions": ["v1", "v1beta1"],
                "clientConfig": {
                    "url": f"https://{host}:{port}/v1/admit",
                    "caBundle": base64.b64encode(bundle).decode(),
                },
                "failurePolicy": "Fail",
                "matchPolicy": "Exact",
                "sideEffects": "None",
                "timeoutSeconds": 10,
                "rules": [
                    {
                        "apiGroups": ["*"],
                        "apiVersions": ["*"],
                        "operations": ["CREATE", "UPDATE"],
                        "resources": ["*"],
                    }
                ],
                **more,
            }
        ],
    }


def posted(
    address: tuple[str, int], authority: Path | str, review: dict[str, Any]
) -> dict[str, Any]:
    """The response to a review that is sent to a webhook directly."""
    host, port = address
    request = urllib.request.Request(
        f"https://{host}:{port}/v1/admit",
        json.dumps(review).encode(),
        {"Content-Type": "application/json"},
    )
    context = ssl.create_default_context(cafile=str(authority))
    with urllib.request.urlopen(  # noqa: S310 - the URL is ours
        request, context=context, timeout=30
    ) as answer:
        found: dict[str, Any] = json.loads(answer.read())["response"]
    return found

"""A real Kubernetes API on loopback: etcd, kube-apiserver, kube-controller-manager.

No kubelet, no scheduler, no network: storage, admission, authorization, garbage
collection and the controllers of Deployments and namespaces are the real ones.  Ports
are free ones, all state lies in one folder, and every process ends with the test run.

Services get addresses in 127.10.0.0/16: the API server calls a webhook by its
Service's address, so who listens there is called as the configuration says.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.authority import Authority, Files, token_keys
from tests.cluster.daemon import Daemon

SERVICES = "127.10.0.0/16"
ISSUER = "https://kubernetes.default.svc.cluster.local"
#: What starting takes at most: 6 s on a quiet machine, a minute on a busy one.
PATIENCE = 90.0


def until(what: str, condition: Callable[[], Any], *, seconds: float = 60.0) -> Any:
    """The first true value of `condition`; fails, naming `what`, after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        if value := condition():
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.05)


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody uses; held together, so that none is twice."""
    held = [socket.socket() for _ in range(count)]
    try:
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()


class Cluster:
    """A cluster in `folder`, from the binaries in `programs`.

    `controllers`: whether kube-controller-manager runs; without it there are no
    ServiceAccounts made for namespaces, nothing is collected, no namespace ends.
    """

    def __init__(
        self, folder: Path, *, programs: Path, controllers: bool = True
    ) -> None:
        self.folder = folder
        self.programs = programs
        self.controllers = controllers
        self.port, etcd, peer, manager = free_ports(4)
        self.url = f"https://127.0.0.1:{self.port}"
        self.authority = Authority(folder, "cluster-ca")
        self.kubeconfig = self._certificate_config(
            self.authority.client("admin", group="system:masters"), "admin"
        )
        self.storage = f"http://127.0.0.1:{etcd}"
        self.etcd = Daemon("etcd", self._etcd(etcd, peer), log=folder / "etcd.log")
        self.apiserver = Daemon(
            "kube-apiserver", self._apiserver(etcd), log=folder / "kube-apiserver.log"
        )
        self.manager = Daemon(
            "kube-controller-manager",
            self._manager(manager),
            log=folder / "kube-controller-manager.log",
        )

    def start(self) -> None:
        """Start all; returns when the API answers and namespaces have accounts."""
        self.etcd.start()
        self.apiserver.start()
        until("the API is ready", self.ready, seconds=PATIENCE)
        if self.controllers:
            self.manager.start()
            until("the default ServiceAccount", self._has_account, seconds=PATIENCE)

    def stop(self) -> None:
        """Stop all.  Nothing is to be kept, so nobody is waited for."""
        for daemon in (self.manager, self.apiserver, self.etcd):
            daemon.stop(signal.SIGKILL)

    def ready(self) -> bool:
        """Whether the API server says so; raises if a server has ended by itself."""
        self.etcd.check()
        self.apiserver.check()
        context = ssl.create_default_context(
            cafile=str(self.authority.files.certificate)
        )
        try:
            with urllib.request.urlopen(  # noqa: S310 - the URL is ours
                f"{self.url}/readyz", context=context, timeout=5
            ) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False

    def forget(self, revision: int) -> None:
        """Have etcd and the API server hold nothing of before a moment; as it is after
        five minutes.  Returns when the API answers again."""
        request = urllib.request.Request(  # noqa: S310 - the URL is ours
            f"{self.storage}/v3/kv/compaction",
            json.dumps({"revision": revision, "physical": True}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30):  # noqa: S310 - as above
            pass
        self.apiserver.stop(signal.SIGKILL)  # what it has in memory reaches further
        self.apiserver.start()
        until("the API is ready", self.ready, seconds=PATIENCE)

    def environment(self) -> dict[str, str]:
        """The environment of a command that works on this cluster as its admin."""
        return {
            **os.environ,
            "KUBECONFIG": str(self.kubeconfig),
            "PATH": f"{self.programs}{os.pathsep}{os.environ.get('PATH', '')}",
            "HELM_CACHE_HOME": str(self.folder / "helm/cache"),
            "HELM_CONFIG_HOME": str(self.folder / "helm/config"),
            "HELM_DATA_HOME": str(self.folder / "helm/data"),
        }

    def run(
        self, program: str, *arguments: str | Path, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl or helm; the caller judges the exit status."""
        return subprocess.run(
            [str(self.programs / program), *map(str, arguments)],
            input=stdin,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    def kubectl(self, *arguments: str | Path, stdin: str | None = None) -> str:
        """Run kubectl; what it printed. Raises AssertionError if it fails."""
        return self._must("kubectl", *arguments, stdin=stdin)

    def helm(self, *arguments: str | Path) -> str:
        """Run helm; what it printed. Raises AssertionError if it fails."""
        return self._must("helm", *arguments)

    def probe(self) -> subprocess.CompletedProcess[str]:
        """Try to create a ConfigMap, which stays a try: does a webhook answer?"""
        return self.run(
            *("kubectl", "create", "configmap", "probe"),
            *("--dry-run=server", "-n", "default"),
        )

    def apply(self, *objects: dict[str, Any]) -> str:
        """`kubectl apply --server-side` of objects."""
        text = yaml.safe_dump_all(objects)
        return self.kubectl("apply", "--server-side", "-f", "-", stdin=text)

    def get(self, *arguments: str) -> Any:
        """`kubectl get ... -o json`, decoded; None if there is no such object."""
        done = self.run(
            "kubectl", "get", *arguments, "-o", "json", "--ignore-not-found"
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    def listed(self, *arguments: str) -> list[Any]:
        """The objects of `kubectl get` of a kind; kubectl says nothing of none."""
        found = self.get(*arguments)
        return found["items"] if found else []

    def token(self, namespace: str, account: str) -> str:
        """A token of a ServiceAccount, as a pod of it would be given."""
        return self.kubectl(
            "create", "token", account, "-n", namespace, "--duration=2h"
        ).strip()

    def account_config(self, namespace: str, account: str) -> Path:
        """A kubeconfig file that acts as a ServiceAccount."""
        path = self.folder / f"{namespace}.{account}.kubeconfig"
        user = {"token": self.token(namespace, account)}
        self._write_config(path, account, user)
        return path

    def _must(
        self, program: str, *arguments: str | Path, stdin: str | None = None
    ) -> str:
        done = self.run(program, *arguments, stdin=stdin)
        command = " ".join([program, *map(str, arguments)])
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def _has_account(self) -> bool:
        self.manager.check()
        done = self.run("kubectl", "get", "sa", "default", "-n", "default")
        return done.returncode == 0

    def _certificate_config(self, files: Files, user: str) -> Path:
        path = self.folder / f"{user.rpartition(':')[2]}.kubeconfig"
        identity = {
            "client-certificate-data": _encoded(files.certificate),
            "client-key-data": _encoded(files.key),
        }
        self._write_config(path, user, identity)
        return path

    def _write_config(self, path: Path, user: str, identity: dict[str, str]) -> None:
        server = {
            "server": self.url,
            "certificate-authority-data": _encoded(self.authority.files.certificate),
        }
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": server}],
            "users": [{"name": user, "user": identity}],
            "contexts": [
                {"name": "test", "context": {"cluster": "test", "user": user}}
            ],
            "current-context": "test",
        }
        path.touch(0o600)
        path.write_text(yaml.safe_dump(config))

    def _etcd(self, port: int, peer: int) -> list[str | Path]:
        client, peers = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peer}"
        return [
            self.programs / "etcd",
            "--name=test",
            f"--data-dir={self.folder / 'etcd'}",
            "--unsafe-no-fsync",
            "--log-level=warn",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=test={peers}",
        ]

    def _apiserver(self, etcd: int) -> list[str | Path]:
        first = SERVICES.rpartition(".")[0] + ".1"
        names = [
            "kubernetes.default.svc.cluster.local".rsplit(".", n)[0] for n in range(5)
        ]
        own = self.authority.server(
            "kube-apiserver", "127.0.0.1", first, "localhost", *names
        )
        front = Authority(self.folder, "front-proxy-ca")
        proxy = front.client("front-proxy-client")
        self.tokens = token_keys(self.folder)
        plugins = "MutatingAdmissionWebhook,ValidatingAdmissionWebhook"
        command: list[str | Path] = [
            self.programs / "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{etcd}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",  # it complains about a loopback address
            f"--secure-port={self.port}",
            f"--tls-cert-file={own.certificate}",
            f"--tls-private-key-file={own.key}",
            f"--client-ca-file={self.authority.files.certificate}",
            f"--service-account-issuer={ISSUER}",
            f"--service-account-key-file={self.tokens.certificate}",
            f"--service-account-signing-key-file={self.tokens.key}",
            f"--requestheader-client-ca-file={front.files.certificate}",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--proxy-client-cert-file={proxy.certificate}",
            f"--proxy-client-key-file={proxy.key}",
            "--authorization-mode=Node,RBAC",
            f"--service-cluster-ip-range={SERVICES}",
            "--allow-privileged=true",
            f"--enable-admission-plugins={plugins},ValidatingAdmissionPolicy",
        ]
        if not self.controllers:  # nobody makes the accounts that it would ask for
            command.append("--disable-admission-plugins=ServiceAccount")
        return command

    def _manager(self, port: int) -> list[str | Path]:
        user = "system:kube-controller-manager"
        config = self._certificate_config(self.authority.client(user), user)
        ca = self.authority.files
        return [
            self.programs / "kube-controller-manager",
            f"--kubeconfig={config}",
            f"--authentication-kubeconfig={config}",
            f"--authorization-kubeconfig={config}",
            "--bind-address=127.0.0.1",
            f"--secure-port={port}",
            "--leader-elect=false",
            "--use-service-account-credentials=true",
            f"--service-account-private-key-file={self.tokens.key}",
            f"--root-ca-file={ca.certificate}",
            f"--cluster-signing-cert-file={ca.certificate}",
            f"--cluster-signing-key-file={ca.key}",
            f"--flex-volume-plugin-dir={self.folder / 'flex'}",
            "--kube-api-qps=500",  # at the default the first account takes 5 s
            "--kube-api-burst=1000",
        ]


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()

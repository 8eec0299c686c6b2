"""The cluster kit itself: what the other tests here rely on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster.server import Cluster, until
from tests.needs import ROOT

pytestmark = pytest.mark.cluster


def namespace(name: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def test_objects_are_stored_and_owned_ones_collected(cluster: Cluster) -> None:
    cluster.apply(namespace("kit"))
    until("its account", lambda: cluster.get("sa", "default", "-n", "kit"))
    cluster.kubectl("create", "deployment", "d", "--image=none", "-n", "kit")
    until("its pod", lambda: cluster.listed("pods", "-n", "kit"))

    cluster.kubectl("delete", "namespace", "kit", "--timeout=60s")

    assert cluster.get("namespace", "kit") is None


def test_an_account_may_do_what_its_roles_say(cluster: Cluster) -> None:
    cluster.apply(namespace("kit-account"))
    until("account", lambda: cluster.get("sa", "default", "-n", "kit-account"))
    config = cluster.account_config("kit-account", "default")

    done = cluster.run("kubectl", "--kubeconfig", config, "get", "secrets", "-A")

    assert done.returncode == 1
    assert "Forbidden" in done.stderr


def test_services_have_loopback_addresses(cluster: Cluster) -> None:
    service = cluster.get("service", "kubernetes", "-n", "default")

    assert service["spec"]["clusterIP"] == "127.10.0.1"


def test_servers_can_go_and_come_back(start_cluster: Callable[..., Cluster]) -> None:
    cluster = start_cluster(controllers=False)
    cluster.apply(namespace("kept"))

    cluster.apiserver.stop()
    cluster.etcd.stop(signal.SIGKILL)
    assert not cluster.ready()
    cluster.etcd.start()
    cluster.apiserver.start()
    until("the API is back", cluster.ready)

    assert cluster.get("namespace", "kept") is not None


def test_a_killed_run_leaves_no_server(programs: Path, tmp_path: Path) -> None:
    code = """
        import sys, time
        from pathlib import Path
        from tests.cluster.server import Cluster
        cluster = Cluster(Path(sys.argv[2]), programs=Path(sys.argv[1]), controllers=False)
        cluster.start()
        print(cluster.etcd.pid, cluster.apiserver.pid, flush=True)
        time.sleep(600)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), programs, tmp_path],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        pids = [int(pid) for pid in process.stdout.readline().split()]
        assert len(pids) == 2
    finally:
        process.kill()
        process.wait()
        process.stdout.close()

    until("the servers are gone", lambda: not any(map(alive, pids)))


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # Its new parent may not have looked yet.
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()

"""`kubernetes` as we take it: no more than we need, and all of it for who wants that."""

from __future__ import annotations

import subprocess
import sys

ALL = """
import sys
import gatewright.app.cluster_source
brought = {name.partition(".")[0] for name in sys.modules}
print(sorted(brought & {"requests", "urllib3", "oauthlib", "websocket", "kubernetes", "pydantic"}))
import kubernetes
import kubernetes.aio.client
from kubernetes import watch
from gatewright.kube.package import Configuration
print(kubernetes.client.CoreV1Api.__name__, kubernetes.config.load_kube_config.__name__)
print(Configuration is kubernetes.aio.client.Configuration, watch.Watch.__name__)
import asyncio
from kubernetes.aio.config import new_client_from_config_dict
async def made():
    one = dict(name="a", cluster=dict(server="https://127.0.0.1:1"), user={}, context=dict(cluster="a", user="a"))
    config = {"current-context": "a", "clusters": [one], "users": [one], "contexts": [one]}
    client = await new_client_from_config_dict(config)
    await client.close()
    print(type(client).__name__, kubernetes.aio.client.ApiClient.__name__, *(sys.modules.keys() & {"pydantic"}))
asyncio.run(made())
"""


def test_what_is_imported_of_kubernetes() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ALL], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [
        "['kubernetes']",
        "CoreV1Api load_kube_config",
        "True Watch",
        "ApiClient ApiClient pydantic",
    ]

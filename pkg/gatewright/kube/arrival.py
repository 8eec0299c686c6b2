"""Whether the API server's calls arrive at anybody's webhook.

A pod may be well, and renew its Lease, while no call reaches it: a firewall or a network
policy between the API server and the pods, a Service without endpoints.  So it asks the
API server to create an object, on trial, that a webhook of the chart is called for and
that fails closed; nothing else is sent to that one.  Whichever pod is called allows it.
"""

from __future__ import annotations

from typing import Final

import orjson

from gatewright.kube.client import Client
from gatewright.kube.errors import ApiError
from gatewright.kube.resource import Resource

__all__ = ["arrives"]

ASKED_FOR: Final = Resource(
    "status.gatekeeper.sh", "v1beta1", "configpodstatuses", "ConfigPodStatus"
)
#: By which the webhook `heartbeat.gatekeeper.sh` knows it.
LABEL: Final = "gatewright.dev/heartbeat"
#: How the API server begins to say that a webhook that fails closed gave no answer.
NOT_CALLED: Final = "failed calling webhook"


async def arrives(client: Client, namespace: str) -> str:
    """Why calls do not arrive; empty if they do, or if no webhook is asked, or if it
    can't be told.  Raises Unreachable."""
    trial = {
        "apiVersion": "status.gatekeeper.sh/v1beta1",
        "kind": "ConfigPodStatus",
        "metadata": {
            "name": "gatewright-heartbeat",
            "namespace": namespace,
            "labels": {LABEL: "trial"},
        },
    }
    try:
        await client.request(
            "POST",
            ASKED_FOR.path("", namespace),
            query={"dryRun": "All"},
            body=orjson.dumps(trial),
        )
    except ApiError as error:
        return str(error) if NOT_CALLED in str(error) else ""
    return ""

"""Which kinds the API serves, and which parts of it could not be asked.

An aggregated API that fails takes only its own kinds away; they are named, so that
nobody takes what could not be read for what is not there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from gatewright.kube.client import Client
from gatewright.kube.errors import ApiError
from gatewright.kube.resource import Resource

__all__ = ["Discovery", "discover", "find_resource"]

#: All groups in one answer; a group whose server fails is there as `Stale`.
AGGREGATED: Final = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
)


@dataclass(frozen=True, slots=True)
class Discovery:
    """`resources`: each kind in each served version, a group's preferred version
    first.  `failed`: group/version to the reason why it could not be asked."""

    resources: tuple[Resource, ...]
    failed: Mapping[str, str]

    def preferred(self) -> tuple[Resource, ...]:
        """Each kind of each group once."""
        found: dict[tuple[str, str], Resource] = {}
        for one in self.resources:
            found.setdefault((one.group, one.kind), one)
        return tuple(found.values())


async def discover(client: Client) -> Discovery:
    """All that is served.  Raises ApiError and Unreachable when nothing can be
    asked at all."""
    resources: list[Resource] = []
    failed: dict[str, str] = {}
    for root in ("/api", "/apis"):
        text = await client.request(
            "GET", root, accept=f"{AGGREGATED},application/json"
        )
        answer = orjson.loads(text)
        if answer.get("kind") != "APIGroupDiscoveryList":
            raise ApiError(
                406, "NotAcceptable", "the API server is older than Kubernetes 1.30"
            )
        for group in answer.get("items") or ():
            for version in group.get("versions") or ():
                name = (group.get("metadata") or {}).get("name") or ""
                if version.get("freshness") == "Stale":
                    shown = f"{name}/{version['version']}" if name else "v1"
                    failed[shown] = "its server does not answer"
                resources += from_aggregated(name, version)
    return Discovery(tuple(resources), failed)


def from_aggregated(group: str, version: Mapping[str, Any]) -> Iterator[Resource]:
    for one in version.get("resources") or ():
        kind = one.get("responseKind") or {}
        yield Resource(
            group,
            version["version"],
            one["resource"],
            kind.get("kind") or "",
            one.get("scope") == "Namespaced",
            frozenset(one.get("verbs") or ()),
        )


async def find_resource(
    client: Client, group: str, version: str, kind: str
) -> Resource | None:
    """How a kind is served; None when it is not.

    Raises ApiError and Unreachable when that can't be known now.
    """
    path = f"/apis/{group}/{version}" if group else f"/api/{version}"
    try:
        answer = orjson.loads(await client.request("GET", path))
    except ApiError as error:
        if error.not_found:
            return None
        raise
    for one in answer.get("resources") or ():
        if one.get("kind") == kind and "/" not in one["name"]:
            if one.get("group", group) not in ("", group):
                continue  # another group's object, such as autoscaling's Scale
            return Resource(
                group,
                version,
                one["name"],
                kind,
                bool(one.get("namespaced")),
                frozenset(one.get("verbs") or ()),
            )
    return None

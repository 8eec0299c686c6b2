"""A list, page by page, so that memory is bounded by a page and not by the list."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

import msgspec

from gatewright.kube.client import Client
from gatewright.kube.errors import ApiError
from gatewright.kube.items import Item, read_item
from gatewright.kube.resource import Resource

__all__ = ["PAGE", "Page", "pages"]

PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class Page:
    """`items` as bytes; `resource_version` is that of the whole list, the same on
    each page; `last`: no more follow."""

    items: tuple[Item, ...]
    resource_version: str
    last: bool


class _ListMeta(msgspec.Struct, rename={"after": "continue"}):
    resourceVersion: str = ""  # noqa: N815 - Kubernetes' name
    after: str = ""


class _List(msgspec.Struct):
    items: list[msgspec.Raw] | None = None
    metadata: _ListMeta = msgspec.field(default_factory=_ListMeta)


async def pages(
    client: Client,
    resource: Resource,
    *,
    namespace: str = "",
    labels: str = "",
    fields: str = "",
    size: int = PAGE,
) -> AsyncIterator[Page]:
    """All objects at one moment.

    Raises ApiError and Unreachable, in the middle too: what came before is then no
    whole list.  `expired` in the middle means that it took longer than the server
    keeps a moment (5 minutes): begin again, if need be with `size` 0, all at once.
    """
    query = {"labelSelector": labels, "fieldSelector": fields}
    query = {name: value for name, value in query.items() if value}
    if size:
        query["limit"] = str(size)
    path = resource.path(namespace=namespace)
    while True:
        text = await client.request("GET", path, query=query)
        try:
            found = msgspec.json.decode(text, type=_List)
            items = tuple(read_item(one) for one in found.items or ())
        except msgspec.DecodeError as error:
            raise ApiError(200, "Unreadable", f"list of {resource}: {error}") from error
        after = found.metadata.after
        yield Page(items, found.metadata.resourceVersion, not after)
        if not after:
            return
        query["continue"] = after

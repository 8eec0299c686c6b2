"""A watch, event by event: lines of JSON, objects as bytes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final, Literal

import aiohttp
import msgspec

from gatewright.kube.client import CONNECT_WITHIN, Client
from gatewright.kube.errors import ApiError, Unreachable, refusal
from gatewright.kube.items import Item, read_item
from gatewright.kube.resource import Resource

__all__ = ["Event", "watch"]

Change = Literal["put", "gone", "bookmark"]

CHANGES: Final[dict[str, Change]] = {
    "ADDED": "put",
    "MODIFIED": "put",
    "DELETED": "gone",
    "BOOKMARK": "bookmark",
}
#: Seconds without a byte after which a watch is taken for dead.  A server that has
#: nothing to say sends a bookmark about once a minute.
SILENT: Final = 150.0
#: Bytes of one event; the API server takes objects of at most some 3 MiB.
LINE_MAX: Final = 64 << 20


@dataclass(frozen=True, slots=True)
class Event:
    """A bookmark's item has a resource version and nothing else."""

    change: Change
    item: Item


class _Frame(msgspec.Struct):
    type: str
    object: msgspec.Raw


def read_event(line: bytes) -> Event:
    """The event of a line.  Raises ApiError for one that ends the watch."""
    try:
        frame = msgspec.json.decode(line, type=_Frame)
        if frame.type == "ERROR":
            raise refusal(0, bytes(frame.object), request="watch")
        change = CHANGES.get(frame.type)
        if change is None:
            raise ApiError(200, "Unreadable", f"unknown watch event {frame.type!r}")
        return Event(change, read_item(frame.object))
    except msgspec.DecodeError as error:
        raise ApiError(200, "Unreadable", f"watch event: {error}") from error


async def watch(
    client: Client,
    resource: Resource,
    *,
    since: str,
    seconds: int,
    namespace: str = "",
    labels: str = "",
    fields: str = "",
    opened: Callable[[], None] = lambda: None,
) -> AsyncIterator[Event]:
    """What happens after the moment `since`, until the server ends it, which it
    does after `seconds`.  `opened` is called when the server has agreed to tell.

    Raises ApiError (`expired`: list again) and Unreachable (watch again from the
    last event's resource version).
    """
    query = {
        "watch": "1",
        "allowWatchBookmarks": "true",
        "resourceVersion": since,
        "timeoutSeconds": str(seconds),
        "labelSelector": labels,
        "fieldSelector": fields,
    }
    query = {name: value for name, value in query.items() if value}
    timeout = aiohttp.ClientTimeout(
        total=None, sock_connect=CONNECT_WITHIN, sock_read=SILENT
    )
    path = resource.path(namespace=namespace)
    async with client.stream("GET", path, query=query, timeout=timeout) as response:
        opened()
        rest = bytearray()
        async for chunk in response.content.iter_any():
            rest += chunk
            if b"\n" not in chunk:
                if len(rest) > LINE_MAX:
                    raise Unreachable(f"watch of {resource}: a line without end")
                continue
            *lines, last = rest.split(b"\n")
            rest = last
            for line in lines:
                if line:
                    yield read_event(bytes(line))

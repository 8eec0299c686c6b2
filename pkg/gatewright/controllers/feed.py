"""Changes on their way from the watches to the policy thread.

One queue, in the order in which things happened, with an event descriptor that a
`select` wakes up for.  What waits in it is bounded in bytes: a watch that brings
more waits until the policy thread has caught up, so a list of a gigabyte passes
through in pieces.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from gatewright.kube.items import Item, Metadata

__all__ = ["Change", "Feed", "FeedSink", "Kind"]

ROOM: Final = 32 << 20
#: Group, version and kind.  Version is empty where there is but one of interest.
Kind: TypeAlias = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to a kind: a list `begin`s and `end`s; an object is `put` or
    `gone`; the kind is `absent` (not served, so there are none) or `failed` to be
    read (`error`), which is over when `error` is empty; it is `dropped` when nobody
    follows it any more."""

    kind: Kind
    what: Literal["begin", "put", "end", "gone", "absent", "failed", "dropped"]
    metadata: Metadata = field(default_factory=Metadata)
    data: bytes = b""
    error: str = ""


class Feed:
    """`put` from the loop of the watches, `take` in the policy thread."""

    def __init__(self) -> None:
        self.wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.changes: deque[Change] = deque()
        self.bytes = 0
        self.lock = threading.Lock()

    async def put(self, change: Change) -> None:
        """Add one, once there is room."""
        while self.bytes > ROOM:
            await asyncio.sleep(0.01)
        self.tell(change)

    def tell(self, change: Change) -> None:
        """Add one at once."""
        with self.lock:
            self.changes.append(change)
            self.bytes += len(change.data)
        os.eventfd_write(self.wake, 1)

    def take(self) -> list[Change]:
        """All that is there now, in order."""
        try:
            os.eventfd_read(self.wake)
        except BlockingIOError:
            return []
        with self.lock:
            taken = list(self.changes)
            self.changes.clear()
            self.bytes = 0
        return taken

    def depth(self) -> int:
        """How many changes wait."""
        return len(self.changes)


class FeedSink:
    """Passes what a reflector finds into a feed."""

    def __init__(self, feed: Feed, kind: Kind) -> None:
        self.feed = feed
        self.kind = kind

    async def begin(self) -> None:
        await self.feed.put(Change(self.kind, "begin"))

    async def put(self, item: Item) -> None:
        await self.feed.put(Change(self.kind, "put", item.metadata, item.data))

    async def end(self) -> None:
        await self.feed.put(Change(self.kind, "end"))

    async def gone(self, item: Item) -> None:
        await self.feed.put(Change(self.kind, "gone", item.metadata))

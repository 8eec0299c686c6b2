"""List and watch joined: follows all objects of one kind for as long as it runs.

A sink is told of a whole list (`begin`, `put` for each, `end`) and of each change
after it.  Until `end` it keeps what it had: a list that breaks off in the middle
takes nothing away.  A watch goes on where the one before ended; only when the
server no longer knows that moment (410) is the list read again.
"""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from typing import Final, Protocol

from gatewright.kube.client import Client
from gatewright.kube.errors import ApiError, Unreachable
from gatewright.kube.items import Item
from gatewright.kube.listing import PAGE, pages
from gatewright.kube.resource import Resource
from gatewright.kube.watching import watch

__all__ = ["Reflector", "Selection", "Sink", "State"]

FIRST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 5.0
#: A list that outlives the server's memory so often is then asked for in one piece.
PAGED_TRIES: Final = 3
WATCH_SECONDS: Final = (290, 590)


class Sink(Protocol):
    """Takes what a reflector finds.  A method may wait, which slows the reading
    down to the sink's pace."""

    async def begin(self) -> None:
        """A list begins; what was there and is not `put` until `end` is gone."""

    async def put(self, item: Item) -> None: ...

    async def end(self) -> None: ...

    async def gone(self, item: Item) -> None: ...


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects of a kind, by namespace and by label and field selectors."""

    namespace: str = ""
    labels: str = ""
    fields: str = ""


@dataclass(slots=True)
class State:
    """How it stands.  `synced`: a whole list was taken over.  `error`: what went
    wrong last, empty when nothing is; `since`: when that, or the waiting, began;
    `heard`: when the server last said anything (both unix time).  `status` is that
    of the last error (0: no answer)."""

    synced: bool = False
    error: str = ""
    status: int = 0
    since: float = field(default_factory=time.time)
    heard: float = 0.0
    lists: int = 0
    watches: int = 0
    expired: int = 0

    def fail(self, error: Exception) -> None:
        if not self.error:
            self.since = time.time()
        self.error = str(error) or type(error).__name__
        self.status = error.status if isinstance(error, ApiError) else 0

    def hear(self) -> None:
        self.heard = time.time()
        self.error = ""
        self.status = 0


class Reflector:
    """Follows the objects of `resource` that `selection` names."""

    def __init__(
        self,
        client: Client,
        resource: Resource,
        sink: Sink,
        *,
        selection: Selection | None = None,
        page: int = PAGE,
    ) -> None:
        self.client = client
        self.resource = resource
        self.sink = sink
        self.selection = selection or Selection()
        self.page = page
        self.state = State()
        self.pause = 0.0
        self.eager = 0.0
        self.too_old = 0

    def hurry(self, seconds: float = 5.0) -> None:
        """For so long try again quickly: what it lists is about to be served."""
        self.eager = time.monotonic() + seconds

    async def run(self) -> None:
        """Never ends by itself; cancel it."""
        version = ""
        while True:
            try:
                if not version:
                    version = await self.list()
                version = await self.watch(version)
            except ApiError as error:
                if error.expired:
                    self.state.expired += 1
                    self.too_old += 1
                    if version:
                        version = ""
                        continue  # the watch's moment is gone, so list: no error yet
                self.state.fail(error)
                if error.status == 404:
                    version = ""
                await self.rest(error.retry_after)
            except Unreachable as error:
                self.state.fail(error)
                await self.rest(0.0)

    async def rest(self, least: float) -> None:
        """Wait, longer each time, so that many do not fall upon the server at once."""
        longest = 0.1 if time.monotonic() < self.eager else LONGEST_PAUSE
        self.pause = min(longest, max(FIRST_PAUSE, self.pause * 2))
        await asyncio.sleep(max(least, self.pause * random.uniform(0.5, 1.0)))  # noqa: S311 - spreads load, hides nothing

    async def list(self) -> str:
        """The resource version of the list that was taken over."""
        size = self.page if self.too_old < PAGED_TRIES else 0
        chosen = self.selection
        version = ""
        begun = False
        async for page in pages(
            self.client,
            self.resource,
            namespace=chosen.namespace,
            labels=chosen.labels,
            fields=chosen.fields,
            size=size,
        ):
            if not begun:
                begun = True
                await self.sink.begin()
            for item in page.items:
                await self.sink.put(item)
            version = page.resource_version
        await self.sink.end()
        self.too_old = 0
        self.pause = 0.0
        self.state.lists += 1
        self.state.synced = True
        self.state.hear()
        return version

    async def watch(self, since: str) -> str:
        """The resource version that the watch came to."""
        state, chosen = self.state, self.selection
        state.watches += 1
        version = since
        try:
            async for event in watch(
                self.client,
                self.resource,
                since=since,
                seconds=random.randint(*WATCH_SECONDS),  # noqa: S311 - spreads load
                namespace=chosen.namespace,
                labels=chosen.labels,
                fields=chosen.fields,
                opened=state.hear,
            ):
                state.hear()
                self.pause = 0.0
                if event.change == "put":
                    await self.sink.put(event.item)
                elif event.change == "gone":
                    await self.sink.gone(event.item)
                version = event.item.metadata.resource_version or version
        except Unreachable as error:
            # What came is taken over: go on from there, after a rest.
            state.fail(error)
            await self.rest(0.0)
        return version

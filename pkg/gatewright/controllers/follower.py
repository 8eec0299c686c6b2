"""The watches: fixed kinds, constraint kinds, synced kinds.

What is followed comes from the policy thread as sets (`follow_constraints`,
`follow_data`); the difference to what runs is started or stopped.  A constraint kind
is followed while its CRD is established; without CRD there are no constraints, and
that is said, not guessed: only the watch of CRDs tells.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gatewright.constraints.crd import CONSTRAINT_GROUP
from gatewright.controllers.definitions import Definitions
from gatewright.controllers.feed import Change, Feed, FeedSink, Kind
from gatewright.controllers.kinds import DEFINITION, Followed, constraint_resource
from gatewright.kube.client import Client
from gatewright.kube.discovery import find_resource
from gatewright.kube.errors import ApiError, Unreachable
from gatewright.kube.items import Item
from gatewright.kube.reflector import Reflector, Selection, Sink
from gatewright.kube.resource import Resource

__all__ = ["Follower", "TeeSink"]

#: Seconds between looks at how the watches fare.
LOOK_EVERY: Final = 0.1
#: Seconds between questions after a kind that is not served.
ASK_EVERY: Final = 3.0


class TeeSink:
    """Tells two sinks."""

    def __init__(self, first: Sink, second: Sink) -> None:
        self.sinks = first, second

    async def begin(self) -> None:
        for sink in self.sinks:
            await sink.begin()

    async def put(self, item: Item) -> None:
        for sink in self.sinks:
            await sink.put(item)

    async def end(self) -> None:
        for sink in self.sinks:
            await sink.end()

    async def gone(self, item: Item) -> None:
        for sink in self.sinks:
            await sink.gone(item)


@dataclass(slots=True)
class Watch:
    """One reflector that runs, and what of its state was told last."""

    reflector: Reflector
    task: asyncio.Task[None]
    optional: bool
    told: tuple[str, bool] = ("", False)


class Follower:
    """`wrap` may add a sink for the parents of statuses; `spawn` starts tasks whose
    end is an error."""

    def __init__(
        self,
        client: Client,
        feed: Feed,
        definitions: Definitions,
        *,
        wrap: Callable[[Resource, Sink], Sink],
        spawn: Callable[[Any], asyncio.Task[None]],
    ) -> None:
        self.client = client
        self.feed = feed
        self.definitions = definitions
        self.wrap = wrap
        self.spawn = spawn
        self.watches: dict[Kind, Watch] = {}
        self.constraints: frozenset[str] = frozenset()
        self.data: frozenset[Kind] = frozenset()
        self.asking: dict[Kind, asyncio.Task[None]] = {}
        self.told_absent: set[str] = set()

    # Fixed kinds --------------------------------------------------------------

    def start(self, kinds: Iterable[Followed]) -> None:
        """Follow the kinds that are followed from the start."""
        for one in kinds:
            kind = (one.resource.group, "", one.resource.kind)
            sink: Sink
            if one.resource is DEFINITION:
                sink = TeeSink(self.definitions, Marks(self.feed, kind))
            else:
                sink = self.wrap(one.resource, FeedSink(self.feed, kind))
            self.watch(kind, one.resource, sink, one.selection, optional=not one.needed)

    def watch(
        self,
        kind: Kind,
        resource: Resource,
        sink: Sink,
        selection: Selection | None = None,
        *,
        optional: bool = False,
    ) -> Reflector:
        reflector = Reflector(self.client, resource, sink, selection=selection)
        task = self.spawn(reflector.run())
        self.watches[kind] = Watch(reflector, task, optional)
        return reflector

    def stop(self, kind: Kind) -> None:
        watch = self.watches.pop(kind, None)
        if watch is not None:
            watch.task.cancel()
        asking = self.asking.pop(kind, None)
        if asking is not None:
            asking.cancel()
        self.feed.tell(Change(kind, "dropped"))

    # Constraint kinds -----------------------------------------------------------

    def follow_constraints(self, kinds: Iterable[str]) -> None:
        """Follow the constraints of these kinds, and of no others."""
        wanted = frozenset(kinds)
        for gone in self.constraints - wanted:
            self.told_absent.discard(gone)
            self.stop((CONSTRAINT_GROUP, "", gone))
        self.constraints = wanted
        self.match_definitions()

    def match_definitions(self) -> None:
        """Start and stop the watches of constraint kinds as their CRDs come and go."""
        if not self.definitions.synced:
            return
        for name in self.constraints:
            kind = (CONSTRAINT_GROUP, "", name)
            there = self.definitions.established(name)
            if there and kind not in self.watches:
                resource = constraint_resource(name)
                sink = self.wrap(resource, FeedSink(self.feed, kind))
                self.watch(kind, resource, sink).hurry()
                self.told_absent.discard(name)
            elif not there and kind in self.watches:
                if not self.definitions.known(name):  # gone, and all of them with it
                    self.watches.pop(kind).task.cancel()
                    self.told_absent.add(name)
                    self.feed.tell(Change(kind, "absent"))
            elif not there and name not in self.told_absent:
                self.told_absent.add(name)
                self.feed.tell(Change(kind, "absent"))

    # Synced kinds -----------------------------------------------------------------

    def follow_data(self, kinds: Iterable[Kind], *, again: bool) -> None:
        """Follow these kinds as referential data, and no others; `again`: list all
        anew, since what is to be kept of them has changed."""
        wanted = frozenset(kinds)
        for gone in self.data - wanted:
            self.stop(gone)
        fresh = wanted if again else wanted - self.data
        self.data = wanted
        for kind in fresh:
            watch = self.watches.pop(kind, None)
            if watch is not None:
                watch.task.cancel()
            asking = self.asking.pop(kind, None)
            if asking is not None:
                asking.cancel()
            self.asking[kind] = self.spawn(self.find(kind))

    async def find(self, kind: Kind) -> None:
        """Ask how a kind is served until that is known, then follow it."""
        while True:
            resource: Resource | None = None
            try:
                resource = await find_resource(self.client, *kind)
                why = f"no matches for kind {kind[2]!r} in version {shown(kind)!r}"
            except (ApiError, Unreachable) as error:
                why = str(error)
            if resource is not None and resource.verbs >= {"list", "watch"}:
                self.watch(kind, resource, FeedSink(self.feed, kind))
                del self.asking[kind]
                return
            if resource is not None:
                why = f"{resource} can't be listed and watched"
            self.feed.tell(Change(kind, "failed", error=why))
            await asyncio.sleep(ASK_EVERY)

    # How it fares -------------------------------------------------------------------

    async def look(self) -> None:
        """Tell of watches that fail, and of those that are well again; never ends."""
        while True:
            for kind, watch in list(self.watches.items()):
                self.tell(kind, watch)
            await asyncio.sleep(LOOK_EVERY)

    def tell(self, kind: Kind, watch: Watch) -> None:
        state = watch.reflector.state
        now = (state.error, state.synced)
        if now == watch.told:
            return
        watch.told = now
        if state.status == 404 and watch.optional and not state.synced:
            self.feed.tell(Change(kind, "absent"))
        else:
            self.feed.tell(Change(kind, "failed", error=state.error))

    def silence(self, now: float) -> float:
        """The greatest number of seconds since a watch heard anything."""
        heard = [
            watch.reflector.state.heard
            for watch in self.watches.values()
            if watch.reflector.state.synced
        ]
        return max((now - one for one in heard), default=0.0)

    def counts(self) -> Mapping[str, int]:
        """How many kinds are to be followed, and how many of them are."""
        states = [watch.reflector.state for watch in self.watches.values()]
        return {
            "intended": len(states) + len(self.asking),
            "watched": sum(one.synced and not one.error for one in states),
        }


class Marks:
    """Passes on that a list is whole, and none of its objects."""

    def __init__(self, feed: Feed, kind: Kind) -> None:
        self.feed = feed
        self.kind = kind

    async def begin(self) -> None:
        return

    async def put(self, item: Item) -> None:  # noqa: ARG002 - a sink's
        return

    async def gone(self, item: Item) -> None:  # noqa: ARG002 - a sink's
        return

    async def end(self) -> None:
        self.feed.tell(Change(self.kind, "begin"))
        self.feed.tell(Change(self.kind, "end"))


def shown(kind: Kind) -> str:
    """A kind's group and version, as in `apiVersion`."""
    return f"{kind[0]}/{kind[1]}" if kind[0] else kind[1]

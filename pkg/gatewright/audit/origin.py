"""Where the objects of a round come from: lists of the API server, or what the
inventory holds of the kinds that Config and SyncSets name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Final, Protocol

import orjson

from gatewright.audit import scope
from gatewright.audit.scope import Scope, Unread
from gatewright.constraints.namespaces import NamespaceError, NamespaceRecord
from gatewright.constraints.snapshot import Snapshot
from gatewright.engine.documents import Doc
from gatewright.kube.client import Client
from gatewright.kube.discovery import discover, find_resource
from gatewright.kube.errors import ApiError, Unreachable
from gatewright.kube.items import Item, read_item
from gatewright.kube.listing import pages
from gatewright.kube.resource import Resource
from gatewright.match.block import ORIGINAL
from gatewright.telemetry.log import Log

__all__ = ["LEFT_OUT", "Cached", "Kind", "Listed", "Origin"]

NAMESPACES: Final = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
#: A list that outlives the server's memory so often is then asked for in one piece.
PAGED_TRIES: Final = 3

#: Why the inventory lacks objects that are well: policies are not to see them (Config
#: excludes them from `sync`), or they are being deleted.  Gatekeeper audits them.
LEFT_OUT: Final = "objects are excluded from sync by Config, or being deleted"

#: Group, version and kind.
Kind = tuple[str, str, str]


class Origin(Protocol):
    """`how`: what the log calls it; `summary`: what it calls the number of results,
    blank where it has no word for it; `source`: that of reviews, blank for none."""

    how: str
    summary: str
    source: str

    async def scope(self) -> Scope:
        """What is to be read.  Raises ApiError and Unreachable when not even the
        kinds that are served can be asked for."""
        ...

    def items(self, resource: Resource) -> AsyncIterator[Item]:
        """Each object of a kind, once.  Raises ApiError and Unreachable, in the
        middle too."""
        ...

    async def namespace(self, name: str) -> NamespaceRecord | None:
        """A namespace, None if it is gone.  Raises ApiError and Unreachable."""
        ...


class Listed:
    """The API server, page by page: `size` objects in one, 0 for all at once."""

    how: str = "via discovery client"
    summary: str = ""
    source: str = ORIGINAL

    def __init__(
        self, client: Client, snapshot: Snapshot, *, size: int, log: Log
    ) -> None:
        self.client = client
        self.snapshot = snapshot
        self.size = size
        self.log = log
        self.namespaces: dict[str, NamespaceRecord | None] = {}

    async def scope(self) -> Scope:
        """The preferred versions of what is served.  Where something has a namespace
        all of them are read at once."""
        found = await discover(self.client)
        planned = scope.plan(self.snapshot, found.preferred(), found.failed)
        if any(one.namespaced for one in planned.resources):
            await self.read_namespaces()
        return planned

    async def read_namespaces(self) -> None:
        try:
            async for page in pages(self.client, NAMESPACES, size=self.size):
                for item in page.items:
                    record = NamespaceRecord.of(orjson.loads(item.data))
                    self.namespaces[item.metadata.name] = record
        except (ApiError, Unreachable) as error:
            self.log.warning("namespaces not listed", error=str(error))

    async def items(self, resource: Resource) -> AsyncIterator[Item]:
        """A list that the server lets go of in the middle begins again; what was
        there before is passed over."""
        given: set[str] = set()
        for turn in range(PAGED_TRIES + 1):
            size = self.size if turn < PAGED_TRIES else 0
            try:
                async for page in pages(self.client, resource, size=size):
                    for item in page.items:
                        metadata = item.metadata
                        key = metadata.uid or f"{metadata.namespace}/{metadata.name}"
                        if key not in given:
                            given.add(key)
                            yield item
                return
            except ApiError as error:
                if error.expired and turn < PAGED_TRIES:
                    continue
                if error.status in (404, 405) and not given:
                    return  # no longer served, or never a list
                raise

    async def namespace(self, name: str) -> NamespaceRecord | None:
        """One that came after the list is asked for."""
        if name not in self.namespaces:
            self.namespaces[name] = await read_namespace(self.client, name)
        return self.namespaces[name]


class Cached:
    """What the snapshot's inventory holds; nothing is listed but kinds of which objects
    are left out of it, and of those only these objects are taken.

    `kinds`: those that are to be held, and why each is not, or not whole; blank
    where it is.  As with Gatekeeper reviews have no source, so that constraints that
    ask for one say that it is missing.
    """

    how: str = "from cache"
    summary: str = "Audit from cache results"
    source: str = ""

    def __init__(
        self, client: Client, snapshot: Snapshot, kinds: Mapping[Kind, str]
    ) -> None:
        self.client = client
        self.snapshot = snapshot
        self.kinds = kinds
        view = snapshot.view
        tree = None if view is None else view.document().get("inventory")
        self.tree = tree if isinstance(tree, Doc) else Doc.from_python({})

    async def scope(self) -> Scope:
        """The kinds that are held; of one that is not whole, what there is."""
        held = [Resource(*kind[:2], kind[2].lower(), kind[2]) for kind in self.kinds]
        planned = scope.plan(self.snapshot, held, {})
        missing = [
            Unread(*kind, why)
            for kind, why in sorted(self.kinds.items())
            if why not in ("", LEFT_OUT)
        ]
        return Scope(planned.resources, (*planned.unread, *missing))

    async def items(self, resource: Resource) -> AsyncIterator[Item]:
        """Cluster-scoped ones first, then namespace by namespace, in the tree's
        order."""
        group, version = resource.group, resource.version
        steps = (f"{group}/{version}" if group else version, resource.kind)
        homes: list[tuple[str, ...]] = [("cluster",)]
        namespaces = self.tree.get("namespace")
        if isinstance(namespaces, Doc):
            homes += [("namespace", name) for name in namespaces.fields()]
        given: set[tuple[str, str]] = set()
        for home in homes:
            found = self.tree.get(*home, *steps)
            if isinstance(found, Doc):
                for name in found.fields():
                    one = found.get(name)
                    assert isinstance(one, Doc)
                    item = read_item(one.json(html=False))
                    given.add(item.key)
                    yield item
        if self.kinds.get((group, version, resource.kind)) == LEFT_OUT:
            async for item in self.left_out(resource, given):
                yield item

    async def left_out(
        self, resource: Resource, given: set[tuple[str, str]]
    ) -> AsyncIterator[Item]:
        """The objects of a kind that the API server has besides those."""
        served = await find_resource(
            self.client, resource.group, resource.version, resource.kind
        )
        if served is None:
            return
        async for page in pages(self.client, served):
            for item in page.items:
                if item.key not in given:
                    yield item

    async def namespace(self, name: str) -> NamespaceRecord | None:
        """As policies are held to know it; one that they don't know is asked for."""
        try:
            return self.snapshot.namespaces.find(name)
        except NamespaceError:
            return await read_namespace(self.client, name)


async def read_namespace(client: Client, name: str) -> NamespaceRecord | None:
    """One namespace, None if there is none.  Raises ApiError and Unreachable."""
    try:
        text = await client.get(NAMESPACES, name)
    except ApiError as error:
        if error.not_found:
            return None
        raise
    return NamespaceRecord.of(orjson.loads(text))

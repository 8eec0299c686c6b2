"""Writes pod statuses, and the parents' status.

Both are level-based: what is wanted against what is there, and only a difference is
written.  Every write carries the resource version that it is based on; whoever loses
a race reads again and looks anew, after a pause with chance in it.  Entries of other
pods are never touched but by what those pods tell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import orjson

from gatewright.controllers.aggregation import aggregate, parent_of
from gatewright.controllers.kinds import MUTATORS, POD_STATUS, pod_status
from gatewright.controllers.operations import MUTATION_STATUS, STATUS, Operations
from gatewright.controllers.podstatus import (
    POD_LABEL,
    Pod,
    Told,
    pod_status_object,
    status_name,
)
from gatewright.controllers.workqueue import WorkQueue
from gatewright.kube.client import Client
from gatewright.kube.errors import ApiError
from gatewright.kube.items import Item, Metadata
from gatewright.kube.reflector import Selection, Sink
from gatewright.kube.resource import Resource

__all__ = ["Statuses"]

#: Group, kind, namespace and name of what a status is about.
ParentKey = tuple[str, str, str, str]
#: The parent's group, and the name of the pod status.
StatusKey = tuple[str, str]


class _Status(msgspec.Struct):
    byPod: Any = None  # noqa: N815 - Kubernetes' name
    created: Any = None


class _Parent(msgspec.Struct):
    metadata: Metadata
    status: _Status | None = None


class _Bare(msgspec.Struct):
    metadata: Metadata


@dataclass(frozen=True, slots=True)
class Parent:
    """What is known of an object with a status: no more than is needed to tell
    whether that is to be written."""

    resource: Resource
    uid: str
    version: str
    status: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Written:
    """A pod status as it is there."""

    parent: ParentKey
    pod: str
    version: str
    uid: str
    owners: Any
    status: Mapping[str, Any]


class Statuses:
    """`pod` tells; `operations` say what it aggregates."""

    def __init__(
        self,
        client: Client,
        pod: Pod,
        operations: Operations,
        *,
        failed: Callable[[tuple[str, ...], Exception], None],
    ) -> None:
        self.client = client
        self.pod = pod
        self.operations = operations
        self.wanted: dict[StatusKey, Mapping[str, Any]] = {}
        self.there: dict[StatusKey, Written] = {}
        self.of_parent: dict[ParentKey, set[StatusKey]] = {}
        self.parents: dict[ParentKey, Parent] = {}
        self.synced: set[str] = set()
        self.settled = False
        self.own: WorkQueue[StatusKey] = WorkQueue(self.reconcile_own, failed=failed)
        self.all: WorkQueue[ParentKey] = WorkQueue(self.reconcile_parent, failed=failed)

    def aggregates(self, group: str) -> bool:
        """Whether this pod writes the status of objects of a group."""
        duty = MUTATION_STATUS if group == MUTATORS[0].group else STATUS
        return duty in self.operations and group in POD_STATUS

    def watches(self) -> Iterable[tuple[Resource, Sink, Selection]]:
        """What is to be followed for this."""
        for group, resource in POD_STATUS.items():
            labels = "" if self.aggregates(group) else f"{POD_LABEL}={self.pod.name}"
            selection = Selection(self.pod.namespace, labels=labels)
            yield resource, StatusSink(self, group), selection

    # What is wanted -----------------------------------------------------------------

    def tell(self, told: Iterable[Told], gone: Iterable[ParentKey]) -> None:
        """Want statuses of these objects, and none of those that are gone."""
        for one in told:
            resource = pod_status(one.key[0])
            if resource is None:
                continue
            key = one.key[0], status_name(self.pod.name, one.key)
            self.wanted[key] = pod_status_object(
                self.pod, one, resource.group_version, resource.kind
            )
            self.own.add(key)
        for parent in gone:
            key = parent[0], status_name(self.pod.name, parent)
            if self.wanted.pop(key, None) is not None or key in self.there:
                self.own.add(key)

    def settle(self) -> None:
        """All that this pod has to tell was told once: what it told in an earlier
        life of what is gone now can go."""
        self.settled = True
        for key, written in self.there.items():
            if written.pod == self.pod.name and key not in self.wanted:
                self.own.add(key)

    async def reconcile_own(self, key: StatusKey) -> None:
        group, name = key
        resource = POD_STATUS[group]
        if group not in self.synced:
            return  # its first list looks at all keys
        wanted, there = self.wanted.get(key), self.there.get(key)
        namespace = self.pod.namespace
        try:
            if wanted is None:
                if there is not None and self.settled:
                    await self.client.delete(resource, name, namespace, uid=there.uid)
                    self.forget(key)
                return
            owners = wanted["metadata"].get("ownerReferences")
            if there is None:
                text = await self.client.create(resource, wanted, namespace)
            elif there.status == wanted["status"] and there.owners == owners:
                return
            else:
                metadata = {**wanted["metadata"], "resourceVersion": there.version}
                changed = {**wanted, "metadata": metadata}
                text = await self.client.replace(resource, changed, name, namespace)
            self.note(group, text)
        except ApiError as error:
            if error.not_found and there is not None:
                self.forget(key)
                if wanted is None:
                    return
            elif error.exists or error.conflict:
                self.note(group, await self.client.get(resource, name, namespace))
            raise

    async def reconcile_parent(self, key: ParentKey) -> None:
        group, _, namespace, name = key
        parent = self.parents.get(key)
        if parent is None or group not in self.synced:
            return
        entries = [self.there[one].status for one in self.of_parent.get(key, ())]
        wanted = aggregate(group, parent.uid, entries)
        now = {**parent.status, "byPod": parent.status.get("byPod") or []}
        if all(now.get(field) == value for field, value in wanted.items()):
            return
        change = {"metadata": {"resourceVersion": parent.version}, "status": wanted}
        try:
            text = await self.client.patch(
                parent.resource, change, name, namespace, part="status"
            )
        except ApiError as error:
            if error.not_found:
                return  # its watch will tell
            if error.conflict:
                text = await self.client.get(parent.resource, name, namespace)
                self.parents[key] = read_parent(parent.resource, text)
            raise
        self.parents[key] = read_parent(parent.resource, text)

    # What is there --------------------------------------------------------------------

    def note(self, group: str, text: bytes) -> None:
        obj = orjson.loads(text)
        metadata = obj["metadata"]
        key = group, metadata["name"]
        said = metadata.get("labels") or {}
        parent = parent_of(group, said, metadata.get("namespace", ""))
        before = self.there.get(key)
        if before is not None and before.parent != parent:
            self.forget(key)
        self.there[key] = Written(
            parent,
            said.get(POD_LABEL, ""),
            metadata["resourceVersion"],
            metadata["uid"],
            metadata.get("ownerReferences"),
            obj.get("status") or {},
        )
        self.of_parent.setdefault(parent, set()).add(key)
        if self.aggregates(group):
            self.all.add(parent)

    def forget(self, key: StatusKey) -> None:
        written = self.there.pop(key, None)
        if written is None:
            return
        keys = self.of_parent.get(written.parent, set())
        keys.discard(key)
        if not keys:
            self.of_parent.pop(written.parent, None)
        if self.aggregates(key[0]):
            self.all.add(written.parent)

    def parent_sink(self, resource: Resource) -> Sink | None:
        """Where the parents themselves are to be told of, if their status is ours."""
        if not self.aggregates(resource.group):
            return None
        return ParentSink(self, resource)


def read_parent(resource: Resource, text: bytes) -> Parent:
    try:
        decoded = msgspec.json.decode(text, type=_Parent)
    except msgspec.ValidationError:
        # Anything may be written to the status of a constraint; it is replaced.
        decoded = _Parent(msgspec.json.decode(text, type=_Bare).metadata)
    status: dict[str, Any] = {}
    if decoded.status is not None:
        status = {"byPod": decoded.status.byPod, "created": decoded.status.created}
    meta = decoded.metadata
    return Parent(resource, meta.uid, meta.resource_version, status)


class StatusSink:
    """Pod statuses about objects of one group."""

    def __init__(self, statuses: Statuses, group: str) -> None:
        self.statuses = statuses
        self.group = group
        self.fresh: set[str] | None = None

    async def begin(self) -> None:
        self.fresh = set()

    async def put(self, item: Item) -> None:
        name = item.metadata.name
        if self.fresh is not None:
            self.fresh.add(name)
        self.statuses.note(self.group, item.data)
        if (self.group, name) in self.statuses.wanted:
            self.statuses.own.add((self.group, name))

    async def gone(self, item: Item) -> None:
        key = self.group, item.metadata.name
        self.statuses.forget(key)
        if key in self.statuses.wanted:  # nobody else is to delete ours
            self.statuses.own.add(key)

    async def end(self) -> None:
        statuses = self.statuses
        known = [key for key in statuses.there if key[0] == self.group]
        for key in known:
            if key[1] not in (self.fresh or ()):
                statuses.forget(key)
        self.fresh = None
        statuses.synced.add(self.group)
        for key in [*statuses.wanted, *statuses.there]:
            if key[0] == self.group:
                statuses.own.add(key)
        for parent in statuses.parents:
            if parent[0] == self.group:
                statuses.all.add(parent)


class ParentSink:
    """The objects whose status is written, of one kind."""

    def __init__(self, statuses: Statuses, resource: Resource) -> None:
        self.statuses = statuses
        self.resource = resource
        self.fresh: set[ParentKey] | None = None

    def key(self, item: Item) -> ParentKey:
        return (self.resource.group, self.resource.kind, *item.key)

    async def begin(self) -> None:
        self.fresh = set()

    async def put(self, item: Item) -> None:
        key = self.key(item)
        if self.fresh is not None:
            self.fresh.add(key)
        self.statuses.parents[key] = read_parent(self.resource, item.data)
        self.statuses.all.add(key)

    async def gone(self, item: Item) -> None:
        self.statuses.parents.pop(self.key(item), None)

    async def end(self) -> None:
        mine = (self.resource.group, self.resource.kind)
        for key in [one for one in self.statuses.parents if one[:2] == mine]:
            if key not in (self.fresh or ()):
                del self.statuses.parents[key]
        self.fresh = None

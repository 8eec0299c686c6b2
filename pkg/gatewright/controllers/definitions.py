"""The CRD that a template stands for, and what to do about it.

`decide` is the pure part.  As with Gatekeeper the spec and the owner are written
again when they differ, labels only when the CRD is made; nobody but the garbage
collector deletes it, when its template goes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson

from gatewright.constraints.crd import CONSTRAINT_GROUP
from gatewright.controllers.kinds import DEFINITION
from gatewright.controllers.workqueue import WorkQueue
from gatewright.kube.client import Client
from gatewright.kube.errors import ApiError
from gatewright.kube.items import Item

__all__ = ["Definitions", "WantedDefinition", "decide"]

OWNER_VERSION: Final = "templates.gatekeeper.sh/v1beta1"
#: What the API server fills in where a CRD says nothing.
_FILLED: Final = ("preserveUnknownFields",)


@dataclass(frozen=True, slots=True)
class WantedDefinition:
    """The CRD of a template that is in force; `uid` is the template's."""

    template: str
    uid: str
    definition: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """The constraint kind."""
        kind: str = self.definition["spec"]["names"]["kind"]
        return kind

    @property
    def name(self) -> str:
        """The CRD's name."""
        name: str = self.definition["metadata"]["name"]
        return name

    def owner(self) -> dict[str, Any]:
        """The reference by which the CRD goes with the template."""
        return {
            "apiVersion": OWNER_VERSION,
            "kind": "ConstraintTemplate",
            "name": self.template,
            "uid": self.uid,
            "controller": True,
            "blockOwnerDeletion": True,
        }


def decide(
    wanted: WantedDefinition, there: Mapping[str, Any] | None
) -> tuple[Literal["create", "replace", "leave"], Mapping[str, Any]]:
    """What to do, and the CRD to write."""
    metadata = wanted.definition["metadata"]
    if there is None:
        fresh = {**metadata, "ownerReferences": [wanted.owner()]}
        return "create", {**wanted.definition, "metadata": fresh}
    owners = there["metadata"].get("ownerReferences") or []
    same = plain(there["spec"]) == plain(wanted.definition["spec"])
    if same and wanted.owner() in owners:
        return "leave", there
    others = [one for one in owners if one.get("kind") != "ConstraintTemplate"]
    changed = {
        **there,
        "metadata": {**there["metadata"], "ownerReferences": [*others, wanted.owner()]},
        "spec": wanted.definition["spec"],
    }
    return "replace", changed


def plain(spec: Mapping[str, Any]) -> Any:
    """A CRD's spec without what the API server fills in and without the descriptions
    of fields that all constraints have: Gatekeeper writes some, and what it made is
    left alone.  The parameters' own count."""
    out = {name: part for name, part in spec.items() if name not in _FILLED}
    out["versions"] = [
        {**one, "schema": undescribed(one["schema"], "")} for one in spec["versions"]
    ]
    return out


def undescribed(schema: Any, name: str) -> Any:
    """A schema without its descriptions; `name` is the property that it is of."""
    if not isinstance(schema, dict) or name == "parameters":
        return schema
    out: dict[str, Any] = {}
    for key, part in schema.items():
        if key == "properties" and isinstance(part, dict):
            out[key] = {field: undescribed(one, field) for field, one in part.items()}
        elif key != "description":
            out[key] = undescribed(part, "")
    return out


class Definitions:
    """A sink of the watch of CRDs; `write`: whether this pod makes them
    (`--operation generate`); `moved` is called when one came, went or changed;
    `failed` is told when one can't be written (empty: it can again)."""

    def __init__(
        self,
        client: Client,
        *,
        write: bool,
        moved: Callable[[], None],
        failed: Callable[[str, str], None],
    ) -> None:
        self.client = client
        self.write = write
        self.moved = moved
        self.failed = failed
        self.wanted: dict[str, WantedDefinition] = {}
        #: As the server wrote them: decoded they take four to five times as much.
        self.there: dict[str, bytes] = {}
        self.served: set[str] = set()
        self.fresh: set[str] | None = None
        self.synced = False
        self.queue: WorkQueue[str] = WorkQueue(self.reconcile)

    def want(self, wanted: Mapping[str, WantedDefinition]) -> None:
        """Want these, by CRD name, and no others."""
        for name, one in wanted.items():
            if self.wanted.get(name) != one:
                self.queue.add(name)
        self.wanted = dict(wanted)

    def known(self, kind: str) -> bool:
        """Whether the kind's CRD is there."""
        return f"{kind.lower()}.{CONSTRAINT_GROUP}" in self.there

    def established(self, kind: str) -> bool:
        """Whether constraints of the kind are served, or about to be."""
        return f"{kind.lower()}.{CONSTRAINT_GROUP}" in self.served

    def note(self, name: str, text: bytes) -> None:
        """Keep a CRD as it is there now."""
        self.there[name] = text
        conditions = (orjson.loads(text).get("status") or {}).get("conditions") or ()
        if any(
            one.get("type") == "Established" and one.get("status") == "True"
            for one in conditions
        ):
            self.served.add(name)
        else:
            self.served.discard(name)

    def forget(self, name: str) -> None:
        """Know that a CRD is not there."""
        self.there.pop(name, None)
        self.served.discard(name)

    async def reconcile(self, name: str) -> None:
        wanted = self.wanted.get(name)
        if wanted is None or not self.write or not self.synced:
            return
        there = self.there.get(name)
        act, obj = decide(wanted, None if there is None else orjson.loads(there))
        try:
            if act == "create":
                await self.client.create(DEFINITION, obj)
            elif act == "replace":
                await self.client.replace(DEFINITION, obj, name)
        except ApiError as error:
            if error.conflict or error.exists:
                # It changed in the meantime, or lacks the label that we watch by.
                self.note(name, await self.client.get(DEFINITION, name))
            else:
                self.failed(wanted.template, str(error))
            raise
        self.failed(wanted.template, "")

    # As a sink ------------------------------------------------------------------

    async def begin(self) -> None:
        self.fresh = set()

    async def put(self, item: Item) -> None:
        name = item.metadata.name
        self.note(name, item.data)
        if self.fresh is not None:
            self.fresh.add(name)
        else:
            self.changed(name)

    async def gone(self, item: Item) -> None:
        self.forget(item.metadata.name)
        self.changed(item.metadata.name)

    async def end(self) -> None:
        for name in [one for one in self.there if one not in (self.fresh or ())]:
            self.forget(name)
        self.fresh = None
        self.synced = True
        for name in self.wanted:
            self.queue.add(name)
        self.moved()

    def changed(self, name: str) -> None:
        if name in self.wanted:
            self.queue.add(name)
        self.moved()

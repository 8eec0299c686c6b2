"""What the cluster holds, kind by kind, as the policy thread sees it.

Policy objects are kept decoded and stripped of what no policy looks at (status,
managed fields, versions), so that a write of status is no change of policy.
Referential data are passed on as bytes and not kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from gatewright.controllers.feed import Change, Kind
from gatewright.k8s.gojson import whole_numbers
from gatewright.kube.items import Metadata

__all__ = ["DataChange", "Held", "Holdings", "KindState", "ObjectKey"]

#: Group, kind, namespace, name
ObjectKey: TypeAlias = tuple[str, str, str, str]
#: Group, version, kind, namespace, name; and the JSON, or None when it is gone.
DataChange: TypeAlias = tuple[tuple[str, str, str, str, str], bytes | None]

_DROPPED: Final = ("managedFields", "resourceVersion", "generation", "selfLink")


@dataclass(frozen=True, slots=True)
class Held:
    """One policy object."""

    obj: Mapping[str, Any]
    metadata: Metadata


@dataclass(slots=True)
class KindState:
    """How a kind stands: `complete` once a whole list was taken over or there are
    none; `error` is why it can't be read now, and `since` when that, or the
    waiting, began (unix time)."""

    since: float
    complete: bool = False
    absent: bool = False
    error: str = ""
    objects: dict[tuple[str, str], Held] = field(default_factory=dict)
    names: set[tuple[str, str]] = field(default_factory=set)
    fresh: set[tuple[str, str]] | None = None


class Holdings:
    """All kinds; see the module.  Pure: time comes with each call."""

    def __init__(self) -> None:
        self.kinds: dict[Kind, KindState] = {}
        self.unreadable: dict[ObjectKey, str] = {}

    def kind(self, kind: Kind, now: float) -> KindState:
        return self.kinds.setdefault(kind, KindState(now))

    def take(
        self, changes: Sequence[Change], now: float
    ) -> tuple[bool, list[DataChange]]:
        """Take changes over, in order: whether any policy object changed, its
        metadata included, and the changes of referential data."""
        changed = False
        data: list[DataChange] = []
        for change in changes:
            state = self.kind(change.kind, now)
            match change.what:
                case "begin":
                    state.fresh = set()
                case "put":
                    changed = self.put(change, state, data) or changed
                case "gone":
                    key = change.metadata.namespace, change.metadata.name
                    changed = self.lose(change.kind, state, [key], data) or changed
                case "end":
                    lost = state.names - (state.fresh or set())
                    changed = self.lose(change.kind, state, lost, data) or changed
                    state.fresh = None
                    changed = changed or not state.complete
                    state.complete, state.absent, state.error = True, False, ""
                case "absent":
                    changed = (
                        self.lose(change.kind, state, state.names, data) or changed
                    )
                    changed = changed or not state.complete
                    state.complete = state.absent = True
                    state.error = change.error
                    state.since = now
                case "failed":
                    if bool(state.error) != bool(change.error):
                        state.since = now
                    state.error = change.error
                case "dropped":
                    changed = (
                        self.lose(change.kind, state, state.names, data) or changed
                    )
                    del self.kinds[change.kind]
        return changed, data

    def put(self, change: Change, state: KindState, data: list[DataChange]) -> bool:
        meta = change.metadata
        key = meta.namespace, meta.name
        state.names.add(key)
        if state.fresh is not None:
            state.fresh.add(key)
        if change.kind[1]:
            deleted = meta.deletion_timestamp is not None
            data.append(((*change.kind, *key), None if deleted else change.data))
            return False
        full = (change.kind[0], change.kind[2], *key)
        try:
            obj = stripped(json.loads(change.data), change.kind[2])
        except (ValueError, RecursionError) as error:
            # What was there before stays in force; the object is named.
            self.unreadable[full] = f"can't be read: {error}"
            return True
        self.unreadable.pop(full, None)
        before = state.objects.get(key)
        if before is not None and before.obj == obj:
            obj = before.obj  # the same thing, so that nobody compares it again
        state.objects[key] = Held(obj, meta)
        return (
            before is None
            or before.obj is not obj
            or (
                (before.metadata.uid, before.metadata.generation)
                != (meta.uid, meta.generation)
            )
        )

    def lose(
        self,
        kind: Kind,
        state: KindState,
        keys: set[tuple[str, str]] | list[tuple[str, str]],
        data: list[DataChange],
    ) -> bool:
        changed = False
        for key in list(keys):
            state.names.discard(key)
            if kind[1]:
                data.append(((*kind, *key), None))
            else:
                changed = state.objects.pop(key, None) is not None or changed
                self.unreadable.pop((kind[0], kind[2], *key), None)
        return changed

    def objects(self) -> dict[ObjectKey, Mapping[str, Any]]:
        """All policy objects and Namespaces."""
        return {
            (kind[0], kind[2], *key): held.obj
            for kind, state in self.kinds.items()
            for key, held in state.objects.items()
        }

    def held(self, key: ObjectKey) -> Held | None:
        """One policy object."""
        state = self.kinds.get((key[0], "", key[1]))
        return None if state is None else state.objects.get((key[2], key[3]))


def stripped(obj: Any, kind: str) -> Mapping[str, Any]:
    """A policy object without what no policy looks at; Namespaces are kept whole,
    since policies see them."""
    if not isinstance(obj, dict):
        raise ValueError("it is no JSON object")
    if kind == "Namespace":
        return obj
    metadata = obj.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    kept = {name: part for name, part in obj.items() if name != "status"}
    kept["metadata"] = {k: v for k, v in metadata.items() if k not in _DROPPED}
    whole: Mapping[str, Any] = whole_numbers(kept)
    return whole

"""Which objects are in force, given successive readings of files.  Pure.

- A file that has anything wrong keeps its last good state, whole.
- What is new or changed counts at once; what is gone counts when its file has
  not changed for a while, so that a rewrite in two steps opens no gap.
- An object that stands in two files belongs to the one that has it first by
  name; the other file is in error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

__all__ = ["FileError", "Ledger", "ObjectKey"]

STABLE_AFTER: Final = 2.0

#: group, kind, namespace, name
ObjectKey: TypeAlias = tuple[str, str, str, str]
Objects: TypeAlias = Mapping[ObjectKey, Any]


class FileError(Exception):
    """A file's content is refused; `str()` has place, reason and remedy."""


@dataclass(slots=True)
class Entry:
    """One file: its content and objects as last taken over, the removals that
    wait (`gone`), when it changed last, and what is wrong with it now."""

    content: bytes | None = None
    objects: Objects = field(default_factory=dict)
    gone: dict[ObjectKey, Any] = field(default_factory=dict)
    changed: float = 0.0
    error: str = ""
    error_since: float = 0.0


class Ledger:
    """The files known so far.  `parse` turns a file's name and content into its
    objects and raises FileError."""

    def __init__(self, parse: Callable[[str, bytes], Sequence[tuple[ObjectKey, Any]]]):
        self.parse = parse
        self.entries: dict[str, Entry] = {}

    def update(
        self, data: Mapping[str, bytes], refused: Mapping[str, str], *, now: float
    ) -> bool:
        """Take a reading over; true if the objects in force may have changed.

        `now` in seconds of any steady clock.
        """
        changed = False
        for name in sorted({*data, *refused, *self.entries}):
            entry = self.entries.setdefault(name, Entry())
            if name in refused:
                self.fail(entry, refused[name], now)
            elif name in data:
                changed = self.take(name, entry, data[name], now) or changed
            elif entry.content is not None or entry.error:
                changed = self.drop(entry, now) or changed
            changed = self.settle(name, entry, now) or changed
        return changed

    def take(self, name: str, entry: Entry, content: bytes, now: float) -> bool:
        if content == entry.content:
            return False
        entry.content = content
        entry.changed = now
        try:
            objects = self.read(name, content)
        except FileError as error:
            self.fail(entry, str(error), now)
            return False
        entry.error = ""
        entry.gone = {
            key: value
            for key, value in {**entry.gone, **entry.objects}.items()
            if key not in objects
        }
        entry.objects = objects
        return True

    def read(self, name: str, content: bytes) -> Objects:
        objects: dict[ObjectKey, Any] = {}
        for key, value in self.parse(name, content):
            if key in objects:
                raise FileError(f"{shown(key)} stands in this file twice")
            objects[key] = value
        for other, entry in self.entries.items():
            if other != name:
                twice = sorted(objects.keys() & entry.objects.keys())
                if twice:
                    raise FileError(f"{shown(twice[0])} stands in {other} too")
        return objects

    def drop(self, entry: Entry, now: float) -> bool:
        entry.content = None
        entry.error = ""
        entry.changed = now
        entry.gone.update(entry.objects)
        entry.objects = {}
        return True

    def settle(self, name: str, entry: Entry, now: float) -> bool:
        """Removals count once the file has been stable."""
        if now - entry.changed < STABLE_AFTER or entry.error:
            return False
        had = bool(entry.gone)
        entry.gone = {}
        if entry.content is None and not entry.objects:
            del self.entries[name]
        return had

    def fail(self, entry: Entry, error: str, now: float) -> None:
        if entry.error != error:
            entry.error = error
            entry.error_since = now

    def objects(self) -> dict[ObjectKey, Any]:
        """What is in force now; an object that only waits for its removal gives
        way to one of the same name."""
        out: dict[ObjectKey, Any] = {}
        for entry in self.entries.values():
            out.update(entry.gone)
        for entry in self.entries.values():
            out.update(entry.objects)
        return out

    def errors(self) -> dict[str, tuple[str, float]]:
        """Files that are not in force as written: reason, and since when."""
        return {
            name: (entry.error, entry.error_since)
            for name, entry in sorted(self.entries.items())
            if entry.error
        }

    def next_change(self) -> float | None:
        """When a waiting removal falls due, if one does."""
        due = [
            entry.changed + STABLE_AFTER
            for entry in self.entries.values()
            if entry.gone and not entry.error
        ]
        return min(due, default=None)


def shown(key: ObjectKey) -> str:
    group, kind, namespace, name = key
    place = f"{namespace}/{name}" if namespace else name
    return f"{kind}.{group} {place}" if group else f"{kind} {place}"

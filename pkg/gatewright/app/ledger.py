"""Which objects are in force, given successive readings of files.  Pure.

- A file that has anything wrong keeps its last good state, whole.
- What is new or changed counts at once; what is gone counts when its file has
  not changed for a while, so that a rewrite in two steps opens no gap.
- An object that stands in two files belongs to the one that has it first by
  name; the other file is in error.

Taking a reading over has three steps: `update` (what do the files say), any
number of `reject` (what of that can't be used, as whoever compiles it found),
and `accept`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

__all__ = ["FileError", "Ledger", "ObjectKey", "shown"]

STABLE_AFTER: Final = 2.0

#: group, kind, namespace, name
ObjectKey: TypeAlias = tuple[str, str, str, str]
Objects: TypeAlias = Mapping[ObjectKey, Any]


class FileError(Exception):
    """A file's content is refused; `str()` has place, reason and remedy."""


@dataclass(slots=True)
class Entry:
    """One file: its content; its objects as last accepted and as proposed now
    (None: nothing new); the removals that wait (`gone`); when it changed last;
    what is wrong with it, and since when."""

    content: bytes | None = None
    objects: Objects = field(default_factory=dict)
    proposed: Objects | None = None
    gone: dict[ObjectKey, Any] = field(default_factory=dict)
    changed: float = 0.0
    error: str = ""
    error_since: float = 0.0

    @property
    def current(self) -> Objects:
        return self.objects if self.proposed is None else self.proposed


class Ledger:
    """The files known so far.  `parse` turns a file's name and content into its
    objects and raises FileError."""

    def __init__(self, parse: Callable[[str, bytes], Sequence[tuple[ObjectKey, Any]]]):
        self.parse = parse
        self.entries: dict[str, Entry] = {}

    def update(
        self, data: Mapping[str, bytes], refused: Mapping[str, str], *, now: float
    ) -> bool:
        """Propose what a reading says; true if the objects in force may change.

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
            entry.proposed = self.read(name, content)
        except FileError as error:
            self.fail(entry, str(error), now)
            return False
        entry.error = ""
        return True

    def read(self, name: str, content: bytes) -> Objects:
        objects: dict[ObjectKey, Any] = {}
        for key, value in self.parse(name, content):
            if key in objects:
                raise FileError(f"{shown(key)} stands in this file twice")
            objects[key] = value
        for other, entry in self.entries.items():
            if other != name:
                twice = sorted(objects.keys() & entry.current.keys())
                if twice:
                    raise FileError(f"{shown(twice[0])} stands in {other} too")
        return objects

    def drop(self, entry: Entry, now: float) -> bool:
        entry.content = None
        entry.error = ""
        entry.changed = now
        entry.proposed = {}
        return True

    def settle(self, name: str, entry: Entry, now: float) -> bool:
        """Removals count once the file has been stable."""
        if now - entry.changed < STABLE_AFTER or entry.error:
            return False
        had = bool(entry.gone)
        entry.gone = {}
        if entry.content is None and not entry.current:
            del self.entries[name]
        return had

    def reject(self, faults: Mapping[ObjectKey, str], *, now: float) -> bool:
        """Take back what the files of these objects propose; true if any did."""
        any_taken_back = False
        for entry in self.entries.values():
            if entry.proposed is None:
                continue
            bad = [key for key in entry.proposed if key in faults]
            if bad:
                entry.proposed = None
                self.fail(entry, f"{shown(bad[0])}: {faults[bad[0]]}", now)
                any_taken_back = True
        return any_taken_back

    def accept(self) -> None:
        """What is proposed and was not rejected is in force from now on."""
        for entry in self.entries.values():
            if entry.proposed is not None:
                before = {**entry.gone, **entry.objects}
                entry.objects = entry.proposed
                entry.proposed = None
                entry.gone = {
                    key: value
                    for key, value in before.items()
                    if key not in entry.objects
                }

    def fail(self, entry: Entry, error: str, now: float) -> None:
        if entry.error != error:
            entry.error = error
            entry.error_since = now

    def objects(self) -> dict[ObjectKey, Any]:
        """What is in force if nothing proposed is rejected; an object that only
        waits for its removal gives way to one of the same name."""
        out: dict[ObjectKey, Any] = {}
        for entry in self.entries.values():
            out.update(entry.gone)
            if entry.proposed is not None:
                out.update(entry.objects)  # goes, or waits to go, with `accept`
        for entry in self.entries.values():
            out.update(entry.current)
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
    """An object's name for people: `Kind.group namespace/name`."""
    group, kind, namespace, name = key
    place = f"{namespace}/{name}" if namespace else name
    return f"{kind}.{group} {place}" if group else f"{kind} {place}"

"""Base documents that change: one writer, any number of readers, one epoch at a time.

`BaseData` appends documents to segments of shared memory and says with each commit
what changed (`Delta`); a `Replica`, here or in another process, maps the segments
and takes over one delta after the other.  What a view shows never changes; memory
is given back when no view needs it.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from gatewright._native.core import (
    Catalog,
    CatalogError,
    Doc,
    SegmentWriter,
    View,
    room_for,
)

__all__ = ["BaseData", "CatalogError", "Delta", "Path", "Replica", "View", "follow"]

#: The steps that lead to a document, from the name of the tree on.
Path: TypeAlias = tuple[str, ...]

#: Bytes of a segment.  Documents share equal parts within one, so it should be
#: large; what is rewritten when half of it is dead should be small.
SEGMENT: Final = 8 << 20
#: Where the first record of a segment may be.
_HEADER: Final = 32
#: Records moved out of a segment that is mostly dead, per commit, at least.
_MOVED: Final = 8
_PAIR: Final = struct.Struct("=II")
#: Linux 5.1: no new writable mapping, while the writer keeps its own.
_SEAL_FUTURE_WRITE: Final = 0x0010


@dataclass(frozen=True, slots=True)
class Delta:
    """One epoch as readers take it over, after the epoch `since`.

    `extents`: of each segment that grew, number, first and last offset, checksum.
    `added`, `removed`: records, two 32-bit numbers each (segment, offset).
    `finished`: segments to which nothing is added any more; `dropped`: those that
    are not needed any more.  `segments`: numbers that a reader may not have yet.
    """

    epoch: int
    since: int
    segments: tuple[int, ...] = ()
    extents: tuple[tuple[int, int, int, int], ...] = ()
    added: bytes = b""
    removed: bytes = b""
    finished: tuple[int, ...] = ()
    dropped: tuple[int, ...] = ()


@dataclass(slots=True, eq=False)
class _Segment:
    """`shown`: what readers know of; `records`: all ever written; `live`: those in
    force."""

    number: int
    fd: int
    writer: SegmentWriter
    shown: int = _HEADER
    records: int = 0
    live: int = 0
    finished: bool = False
    moving: list[Path] = field(default_factory=list)


class BaseData:
    """The writer; it belongs to one thread.  `name`: where in `data` the tree is."""

    def __init__(self, name: str, *, segment: int = SEGMENT) -> None:
        self.name = name
        self.epoch = 0
        self._size = segment
        self._next = 0
        self._segments: dict[int, _Segment] = {}
        self._open: _Segment | None = None
        #: What is in force: segment and offset as one number.
        self._records: dict[Path, int] = {}
        self._pending: dict[Path, int | None] = {}

    def put(self, path: Path, document: Doc) -> None:
        """Add a document, or replace the one at this path, with the next commit."""
        before = self._pending.get(path)
        if before is not None:
            self._segment(before).live -= 1
        self._pending[path] = self._append(path, document)

    def remove(self, path: Path) -> None:
        """Remove what is at a path, if anything is, with the next commit."""
        before = self._pending.get(path)
        if before is not None:
            self._segment(before).live -= 1
        self._pending[path] = None

    def commit(self) -> Delta | None:
        """Close an epoch; None if nothing has changed."""
        if not self._pending:
            return None
        added = bytearray()
        removed = bytearray()
        self._move(max(_MOVED, 2 * len(self._pending)))
        for path, record in self._pending.items():
            before = self._records.pop(path, None)
            if before is not None:
                removed += _PAIR.pack(before >> 32, before & 0xFFFFFFFF)
                self._segment(before).live -= 1
            if record is not None:
                added += _PAIR.pack(record >> 32, record & 0xFFFFFFFF)
                self._records[path] = record
        self._pending.clear()
        self.epoch += 1
        fresh = [one for one in self._segments.values() if one.shown == _HEADER]
        grown = [one for one in self._segments.values() if one.writer.used > one.shown]
        extents = tuple(self._extent(one, one.shown) for one in grown)
        for one in grown:
            one.shown = one.writer.used
        finished = []
        dropped = []
        for one in list(self._segments.values()):
            if one is self._open:
                continue
            if not one.finished:
                one.finished = True
                finished.append(one.number)
            if one.live == 0:
                dropped.append(one.number)
                del self._segments[one.number]
                os.close(one.fd)
        return Delta(
            self.epoch,
            self.epoch - 1,
            tuple(one.number for one in fresh if one.number in self._segments),
            tuple(one for one in extents if one[0] not in dropped),
            bytes(added),
            bytes(removed),
            tuple(one for one in finished if one not in dropped),
            tuple(dropped),
        )

    def snapshot(self) -> Delta:
        """The epoch in force, for a reader that has nothing yet."""
        added = bytearray()
        for record in self._records.values():
            added += _PAIR.pack(record >> 32, record & 0xFFFFFFFF)
        shown = [one for one in self._segments.values() if one.shown > _HEADER]
        return Delta(
            self.epoch,
            0,
            tuple(one.number for one in shown),
            tuple(self._extent(one, _HEADER) for one in shown),
            bytes(added),
            finished=tuple(one.number for one in shown if one.finished),
        )

    def descriptor(self, number: int) -> int:
        """The descriptor of a segment; it stays the writer's."""
        return self._segments[number].fd

    def close(self) -> None:
        """Give up the memory; readers keep what they have mapped."""
        for one in self._segments.values():
            os.close(one.fd)
        self._segments.clear()
        self._records.clear()
        self._pending.clear()
        self._open = None

    def __len__(self) -> int:
        """Return how many documents are in force."""
        return len(self._records)

    def __iter__(self) -> Iterator[Path]:
        """Go through the paths in force."""
        return iter(self._records)

    def __contains__(self, path: object) -> bool:
        """Tell whether something is in force at a path."""
        return path in self._records

    def get(self, path: Path) -> Doc:
        """The document in force at a path; KeyError if there is none."""
        record = self._records[path]
        return self._segment(record).writer.record(record & 0xFFFFFFFF)[0]

    @property
    def bytes(self) -> int:
        """Bytes of all segments that are in use."""
        return sum(one.writer.used for one in self._segments.values())

    # Segments -----------------------------------------------------------------

    def _segment(self, record: int) -> _Segment:
        return self._segments[record >> 32]

    def _extent(self, one: _Segment, first: int) -> tuple[int, int, int, int]:
        end = one.writer.used if first == one.shown else one.shown
        return one.number, first, end, one.writer.digest(first, end)

    def _append(self, path: Path, document: Doc) -> int:
        one = self._open
        offset = 0 if one is None else one.writer.append(document, path)
        if one is None or not offset:
            if one is not None:
                one.writer.close()
            one = self._open = self._grow(room_for(document, path))
            offset = one.writer.append(document, path)
        one.records += 1
        one.live += 1
        return one.number << 32 | offset

    def _grow(self, need: int) -> _Segment:
        number = self._next
        self._next += 1
        size = max(self._size, need + mmap.PAGESIZE & ~(mmap.PAGESIZE - 1))
        fd = os.memfd_create(
            f"{self.name}-{number}", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
        )
        os.ftruncate(fd, size)
        memory = mmap.mmap(fd, size)
        seals = fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
        with contextlib.suppress(OSError):  # an older kernel: it is read all the same
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _SEAL_FUTURE_WRITE)
        one = _Segment(number, fd, SegmentWriter(memory, number))
        self._segments[number] = one
        return one

    def _move(self, most: int) -> None:
        """Write what lives in a mostly dead segment again, a little at a time."""
        victim = next((one for one in self._segments.values() if one.moving), None)
        if victim is None:
            dead = [
                one
                for one in self._segments.values()
                if one is not self._open and 0 < 2 * one.live < one.records
            ]
            if not dead:
                return
            victim = min(dead, key=lambda one: one.live / one.records)
            number = victim.number
            victim.moving = [
                path for path, at in self._records.items() if at >> 32 == number
            ]
        while victim.moving and most:
            path = victim.moving.pop()
            record = self._records.get(path)
            if record is None or record >> 32 != victim.number or path in self._pending:
                continue
            document, _ = victim.writer.record(record & 0xFFFFFFFF)
            self._pending[path] = self._append(path, document)
            most -= 1


class Replica:
    """A reader.  `take`, `sweep` and making indexes are for one thread, which may be
    another one than those that use views, and let them go."""

    def __init__(self, name: str) -> None:
        self.catalog = Catalog(name)
        self._taking = threading.Lock()

    @property
    def epoch(self) -> int:
        """The epoch in force."""
        return self.catalog.epoch

    def attach(self, number: int, fd: int) -> None:
        """Map a segment; the descriptor stays the caller's.  Raises CatalogError."""
        if not self.catalog.attached(number):
            self.catalog.attach(number, fd)

    def take(self, delta: Delta) -> None:
        """Take over an epoch; the GIL is free meanwhile.

        Raises CatalogError; the last epoch stays in force then.
        """
        with self._taking:
            if delta.since not in (0, self.catalog.epoch):
                raise CatalogError(
                    f"epoch {delta.epoch} follows {delta.since}, "
                    f"not {self.catalog.epoch}"
                )
            self.catalog.apply(
                delta.epoch, delta.extents, delta.added, delta.removed, delta.dropped
            )
            for number in delta.finished:
                self.catalog.finish(number)

    def sweep(self) -> None:
        """Free what no view needs any more; `take` does so, too."""
        with self._taking:
            self.catalog.sweep()

    def view(self) -> View:
        """The epoch in force, as it stays while the view lives."""
        return self.catalog.view()


def follow(data: BaseData, replica: Replica, delta: Delta) -> None:
    """Let a replica in the writer's own process take over an epoch."""
    for number in delta.segments:
        replica.attach(number, data.descriptor(number))
    replica.take(delta)

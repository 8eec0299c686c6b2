"""Data on their way from the policy process to the workers.

The inventory: a worker that has nothing yet, or has missed something, is told to begin
anew, and gets all segments and everything that is in force; one that has the epoch
before gets what changed.  Segments are sent once, as descriptors; a change is two lists
of numbers, in memory of its own, since it may be long.

Namespaces go the same way: all of them, or those that changed.

All of it comes before the generation whose reviews are to see it, on the same channel.
"""

from __future__ import annotations

import json
import mmap
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from gatewright.app import channel
from gatewright.constraints.inventory import TREE, Inventory
from gatewright.constraints.namespaces import Namespaces
from gatewright.engine.basedata import Delta, Replica, View

__all__ = ["Feed", "Position", "Spreader"]

#: Seconds that a worker may take to make room in the channel.
_SEND_WITHIN: Final = 10.0
Objects = Mapping[str, Mapping[str, Any]]


@dataclass(slots=True)
class Position:
    """What a worker was sent: an epoch of the inventory, -1 for none; a state of the
    Namespaces; the policies (the generation that brought them), -1 for none."""

    epoch: int = -1
    namespaces: int = -1
    policies: int = -1


class Spreader:
    """The policy process's end: commits, and brings workers up to what is there."""

    def __init__(self, inventory: Inventory) -> None:
        self.inventory = inventory
        self.last: Delta | None = None
        self.namespaces: Objects = {}
        self.state = 0
        self.changes: list[tuple[str, str | None]] = []

    def commit(self, namespaces: Objects) -> None:
        """Close an epoch, and a state of the Namespaces, if anything has changed."""
        self.last = self.inventory.commit() or self.last
        before = self.namespaces
        self.namespaces = namespaces
        changes: list[tuple[str, str | None]] = [
            (name, json.dumps(obj))
            for name, obj in namespaces.items()
            if before.get(name) is not obj and before.get(name) != obj
        ]
        changes += [(name, None) for name in before.keys() - namespaces.keys()]
        if changes:
            self.changes = changes
            self.state += 1

    def bring(self, sock: socket.socket, at: Position) -> None:
        """Send what a worker lacks, and note in `at` that it has it.  Raises OSError
        when it is gone, or takes nothing."""
        sock.settimeout(_SEND_WITHIN)
        try:
            self._bring_inventory(sock, at)
            self._bring_namespaces(sock, at)
        finally:
            sock.setblocking(False)

    def _bring_inventory(self, sock: socket.socket, at: Position) -> None:
        current = self.inventory.epoch
        if at.epoch == current:
            return
        if self.last is not None and at.epoch == self.last.since >= 0:
            self._send(sock, self.last)
        else:
            channel.send(sock, {"inventory": "anew"})
            at.policies = -1  # their indexes are over what is gone
            if current:
                self._send(sock, self.inventory.documents.snapshot())
        at.epoch = current

    def _bring_namespaces(self, sock: socket.socket, at: Position) -> None:
        if at.namespaces == self.state:
            return
        anew = at.namespaces < 0 or at.namespaces != self.state - 1
        pairs = (
            [(name, json.dumps(obj)) for name, obj in self.namespaces.items()]
            if anew
            else self.changes
        )
        fd = channel.seal(f"namespaces-{self.state}", orjson.dumps(pairs))
        try:
            channel.send(sock, {"namespaces": "anew" if anew else "changed"}, fd=fd)
        finally:
            os.close(fd)
        at.namespaces = self.state

    def _send(self, sock: socket.socket, delta: Delta) -> None:
        for number in delta.segments:
            fd = self.inventory.documents.descriptor(number)
            channel.send(sock, {"segment": number}, fd=fd)
        packet = {
            "epoch": delta.epoch,
            "since": delta.since,
            "extents": [
                [n, first, end, str(sum_)] for n, first, end, sum_ in delta.extents
            ],
            "finished": delta.finished,
            "dropped": delta.dropped,
            "added": len(delta.added),
        }
        fd = channel.seal(f"epoch-{delta.epoch}", delta.added + delta.removed)
        try:
            channel.send(sock, packet, fd=fd)
        finally:
            os.close(fd)


class Feed:
    """A worker's end.  `replica` and `namespaces` are what it has; `take` raises
    CatalogError.  `renewed`: the replica is another one than before."""

    def __init__(self) -> None:
        self.replica = Replica(TREE.name)
        self.namespaces = Namespaces({})
        self._seen: tuple[int, View] | None = None

    def view(self) -> View:
        """The epoch that it has, one view for all who ask."""
        epoch = self.replica.epoch
        if self._seen is None or self._seen[0] != epoch:
            self._seen = epoch, self.replica.view()
        return self._seen[1]

    def take(self, packet: channel.Packet, fd: int | None) -> bool:
        """Take a packet of data, false if it is of something else; the descriptor
        stays the caller's."""
        if packet.get("inventory") == "anew":
            # Requests under way keep the old one.
            self.replica = Replica(TREE.name)
            self._seen = None
        elif fd is None:
            return False
        elif "segment" in packet:
            self.replica.attach(int(packet["segment"]), fd)
        elif "epoch" in packet:
            self.replica.take(_delta(packet, _content(fd)))
        elif "namespaces" in packet:
            pairs = dict(orjson.loads(_content(fd)))
            known = (
                Namespaces({}) if packet["namespaces"] == "anew" else self.namespaces
            )
            self.namespaces = known.changed(pairs)
        else:
            return False
        return True


def _content(fd: int) -> bytes:
    size = os.fstat(fd).st_size
    if not size:
        return b""
    with mmap.mmap(fd, size, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ) as memory:
        return bytes(memory)


def _delta(packet: dict[str, Any], content: bytes) -> Delta:
    added = int(packet["added"])
    return Delta(
        int(packet["epoch"]),
        int(packet["since"]),
        (),
        tuple((n, first, end, int(sum_)) for n, first, end, sum_ in packet["extents"]),
        content[:added],
        content[added:],
        tuple(packet["finished"]),
        tuple(packet["dropped"]),
    )

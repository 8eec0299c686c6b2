"""The inventory on its way from the policy process to the workers.

A worker that has nothing yet, or has missed something, is told to begin anew, and
gets all segments and everything that is in force; one that has the epoch before
gets what changed.  Segments are sent once, as descriptors; a change is two lists of
numbers, in memory of its own, since it may be long.  All of it comes before the
generation whose reviews are to see it, on the same channel.
"""

from __future__ import annotations

import mmap
import os
import socket
from typing import Any, Final

from gatewright.app import channel
from gatewright.constraints.inventory import TREE, Inventory
from gatewright.engine.basedata import Delta, Replica

__all__ = ["Feed", "Spreader"]

#: Seconds that a worker may take to make room in the channel.
_SEND_WITHIN: Final = 10.0


class Spreader:
    """The policy process's end: commits, and brings workers up to the epoch."""

    def __init__(self, inventory: Inventory) -> None:
        self.inventory = inventory
        self.last: Delta | None = None

    def commit(self) -> None:
        """Close an epoch, if anything has changed."""
        self.last = self.inventory.commit() or self.last

    def bring(self, sock: socket.socket, epoch: int) -> int:
        """Send what a worker with this epoch (-1: none) lacks; the epoch it is then
        at.  Raises OSError when it is gone, or takes nothing."""
        current = self.inventory.epoch
        if epoch == current:
            return current
        sock.settimeout(_SEND_WITHIN)
        try:
            if self.last is not None and epoch == self.last.since >= 0:
                self._send(sock, self.last)
            else:
                channel.send(sock, {"inventory": "anew"})
                if current:
                    self._send(sock, self.inventory.documents.snapshot())
        finally:
            sock.setblocking(False)
        return current

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
    """A worker's end.  `replica` is what it has; it raises CatalogError."""

    def __init__(self) -> None:
        self.replica = Replica(TREE.name)

    def note(self, packet: channel.Packet) -> None:
        """Take a packet without a descriptor."""
        if packet.get("inventory") == "anew":
            # Requests under way keep the old one.
            self.replica = Replica(TREE.name)

    def take(self, packet: channel.Packet, fd: int) -> None:
        """Take a segment or an epoch; the descriptor stays the caller's."""
        if "segment" in packet:
            self.replica.attach(int(packet["segment"]), fd)
        elif "epoch" in packet:
            self.replica.take(_delta(packet, _content(fd)))


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

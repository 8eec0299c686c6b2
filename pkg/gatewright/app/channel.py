"""Messages and memory between the policy process and the workers.

A generation is handed over in two steps.  The policy process sends *prepare*
with the number and the sealed memory; each worker maps and checks it and answers
*ready* (or *refused*, and ends).  When all connected workers are ready, the
policy process writes the number to the board: that is the commit.  A worker
decides each request under the number on the board, read once; one that does not
hold that generation answers 503.  So no two workers ever decide under different
generations at one time, and a late worker guesses nothing.

Packets are JSON with at most one file descriptor.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
from typing import Any, Final

import orjson

__all__ = ["Packet", "connect", "peer_is_family", "receive", "seal", "send"]

_PACKET_SIZE: Final = 64 << 10
_SEALS: Final = (
    fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
)

Packet = dict[str, Any]


def connect(address: str) -> socket.socket:
    """A connection to the policy process; raises OSError."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        sock.connect(address)
    except OSError:
        sock.close()
        raise
    return sock


def peer_is_family(sock: socket.socket) -> bool:
    """Is the other end a process of our user?  Abstract sockets have no mode."""
    size = struct.calcsize("3i")
    data = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    _, uid, _ = struct.unpack("3i", data)
    return bool(uid == os.getuid())


def send(sock: socket.socket, packet: Packet, *, fd: int | None = None) -> None:
    """One packet, whole or not at all; raises OSError when the peer is gone."""
    data = orjson.dumps(packet)
    if fd is None:
        sock.send(data)
    else:
        socket.send_fds(sock, [data], [fd])


def receive(sock: socket.socket) -> tuple[Packet, int | None] | None:
    """The next packet and its descriptor, which the caller closes; None at the
    end.  Raises BlockingIOError when there is none yet."""
    data, fds, _, _ = socket.recv_fds(sock, _PACKET_SIZE, 1)
    if not data:
        return None
    return orjson.loads(data), fds[0] if fds else None


def seal(name: str, data: bytes | memoryview) -> int:
    """Anonymous shared memory that holds `data` and never changes again."""
    fd = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _SEALS)
    return fd

"""Binding, and the errors of that in plain words."""

from __future__ import annotations

import errno
import socket

from gatewright.app.settings import Address

__all__ = ["BindError", "listen", "listen_private"]


class BindError(Exception):
    """An address can't be listened on; `str()` says which, why and what to do."""


def listen(address: Address, *, what: str, option: str) -> socket.socket:
    """A listening TCP socket, inherited by children.

    `what` names the service and `option` the setting, for the error.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address.host, address.port))
        sock.listen(1024)
    except OSError as error:
        sock.close()
        raise BindError(
            f"can't listen on {address} for {what}: {reason(error)}; choose another "
            f"with {option}"
        ) from error
    sock.setblocking(False)
    sock.set_inheritable(True)
    return sock


def reason(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "another process listens there"
    if error.errno == errno.EACCES:
        return "ports below 1024 need privileges"
    if error.errno == errno.EADDRNOTAVAIL:
        return "no interface of this machine has that address"
    return error.strerror or str(error)


def listen_private(
    kind: int = socket.SOCK_SEQPACKET,
) -> tuple[socket.socket, str]:
    """A listening socket of our own family of processes, and its address.

    It has no name in the file system; the kernel makes one up (abstract, unique).
    Who connects is checked by user id.
    """
    sock = socket.socket(socket.AF_UNIX, kind)
    sock.bind("")  # an empty address asks for a unique abstract one
    sock.listen(1024)
    sock.setblocking(False)
    name = sock.getsockname()
    return sock, name.decode() if isinstance(name, bytes) else str(name)

"""Namespaces that a generation does not have, asked for when a request names them.

A Namespace that was made a moment ago is not in the generation yet, as it is not in
the cache of any informer.  The policy process asks the API server; the worker waits
for that on a thread of its pool, so that no other request does.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from gatewright.constraints.namespaces import (
    NamespaceError,
    NamespaceLookup,
    NamespaceRecord,
)

__all__ = ["Known", "LookupFailed", "Lookups", "NamespaceMiss"]

#: Seconds; the policy process gives up a little earlier.
WITHIN: Final = 2.5


class NamespaceMiss(Exception):
    """A namespace that is not known here, and may be there all the same."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class LookupFailed(Exception):
    """Nobody knows whether a namespace is there: the request can't be decided."""


@dataclass(frozen=True, slots=True)
class Known:
    """The namespaces of a generation, and those that were asked for."""

    generation: NamespaceLookup
    asked: Mapping[str, NamespaceRecord | None]

    def find(self, name: str) -> NamespaceRecord:
        """Return a namespace.  Raises NamespaceError, or NamespaceMiss if it was not
        asked for yet."""
        try:
            return self.generation.find(name)
        except NamespaceError:
            if name not in self.asked:
                raise NamespaceMiss(name) from None
            record = self.asked[name]
            if record is None:
                raise
            return record


@dataclass(frozen=True, slots=True)
class Lookups:
    """`address` is where the policy process answers."""

    address: str

    def ask(self, name: str) -> NamespaceRecord | None:
        """The namespace, None if there is none.  Blocks.  Raises LookupFailed."""
        try:
            with contextlib.closing(socket.socket(socket.AF_UNIX)) as sock:
                sock.settimeout(WITHIN)
                sock.connect(self.address)
                sock.sendall(orjson.dumps({"namespace": name}) + b"\n")
                text = bytearray()
                while chunk := sock.recv(65536):
                    text += chunk
            answer = orjson.loads(text)
        except (OSError, ValueError) as error:
            raise LookupFailed(f"namespace {name}: {error}") from error
        if "error" in answer:
            raise LookupFailed(f"namespace {name}: {answer['error']}")
        found = answer["found"]
        return None if found is None else NamespaceRecord.of(found)

    def tell(self, results: Sequence[Mapping[str, Any]]) -> bool:
        """Have Events written of results.  Never blocks; false if they are dropped."""
        line = orjson.dumps({"results": results}, default=str) + b"\n"
        try:
            with contextlib.closing(socket.socket(socket.AF_UNIX)) as sock:
                sock.setblocking(False)
                sock.connect(self.address)
                return sock.send(line) == len(line)
        except OSError:
            return False

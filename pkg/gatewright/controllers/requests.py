"""What workers ask for: a namespace that they do not know, an Event to be written.

Workers do not import the Kubernetes client; they ask over a socket of the family.
One question is one connection: a line of JSON each way.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any, Final

import orjson

from gatewright.controllers.kinds import NAMESPACE
from gatewright.kube.client import Client
from gatewright.kube.errors import ApiError, Unreachable
from gatewright.telemetry.log import Log

__all__ = ["Requests"]

#: Questions to the API server at one time.
AT_ONCE: Final = 32
#: Seconds for one; the webhook's own deadline is 3.
WITHIN: Final = 2.0


class Requests:
    """Answers on `sock`, which listens.  `friend` says whether a peer is of the
    family."""

    def __init__(
        self, sock: socket.socket, friend: Callable[[socket.socket], bool], log: Log
    ) -> None:
        self.sock = sock
        self.friend = friend
        self.log = log
        self.client: Client | None = None
        self.room = asyncio.Semaphore(AT_ONCE)
        self.asked = 0

    async def run(self, client: Client) -> None:
        """Never ends by itself; cancel it."""
        self.client = client
        server = await asyncio.start_unix_server(self.serve, sock=self.sock.dup())
        async with server:
            await server.serve_forever()

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            if not self.friend(writer.get_extra_info("socket")):
                self.log.error("a stranger connected to the lookups")
                return
            question = orjson.loads(await reader.readline())
            async with self.room:
                answer = await self.namespace(str(question["namespace"]))
            writer.write(orjson.dumps(answer) + b"\n")
            await writer.drain()
        except (OSError, ValueError, KeyError, TypeError):
            return  # it went away, or is none of ours: nobody waits for an answer
        finally:
            writer.close()

    async def namespace(self, name: str) -> dict[str, Any]:
        """`found` (null: it is not there), or `error`."""
        assert self.client is not None
        self.asked += 1
        try:
            text = await self.client.get(NAMESPACE, name, within=WITHIN)
            return {"found": orjson.Fragment(text.rstrip())}
        except ApiError as error:
            if error.not_found:
                return {"found": None}
            return {"error": str(error)}
        except Unreachable as error:
            return {"error": str(error)}

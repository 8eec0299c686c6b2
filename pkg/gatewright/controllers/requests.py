"""What workers ask for: a namespace that they do not know, Events to be written.

Workers do not import the Kubernetes client; they ask over a socket of the family.
One question is one connection: a line of JSON each way.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from typing import Any, Final

import orjson

from gatewright.controllers.events import admission_events
from gatewright.controllers.kinds import EVENT, NAMESPACE
from gatewright.kube.client import Client
from gatewright.kube.errors import ApiError, Unreachable
from gatewright.telemetry.log import Log

__all__ = ["Requests"]

LINE_MAX: Final = 1 << 20
#: Questions to the API server at one time.
AT_ONCE: Final = 32
#: Seconds for one; the webhook's own deadline is 3.
WITHIN: Final = 2.0
#: Results that wait to become Events; more are dropped.
WAITING: Final = 1000


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
        self.results: asyncio.Queue[dict[str, Any]] = asyncio.Queue(WAITING)
        self.dropped = 0

    async def run(self, client: Client) -> None:
        """Never ends by itself; cancel it."""
        self.client = client
        server = await asyncio.start_unix_server(
            self.serve, sock=self.sock.dup(), limit=LINE_MAX
        )
        async with server, asyncio.TaskGroup() as group:
            group.create_task(self.write_events(client))
            await server.serve_forever()

    async def write_events(self, client: Client) -> None:
        """One at a time: a storm of denials is not to become a storm of writes."""
        while True:
            said = await self.results.get()
            now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            events = admission_events(
                said["fields"],
                said["message"],
                home=said["home"],
                involved=said["involved"],
                now=now,
            )
            for event in events:
                try:
                    await self.write_event(client, event)
                except (ApiError, Unreachable) as error:
                    self.dropped += 1
                    if self.dropped in (1, 100, 10_000):
                        self.log.warning(
                            "event not written", error=str(error), so_far=self.dropped
                        )

    async def write_event(self, client: Client, event: dict[str, Any]) -> None:
        """Write an Event, or count on in the one that is there."""
        name, home = event["metadata"]["name"], event["metadata"]["namespace"]
        try:
            await client.create(EVENT, event, home)
        except ApiError as error:
            if not error.exists:
                raise
            there = orjson.loads(await client.get(EVENT, name, home))
            change = {
                "count": int(there.get("count") or 1) + 1,
                "lastTimestamp": event["lastTimestamp"],
            }
            await client.patch(EVENT, change, name, home)

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            if not self.friend(writer.get_extra_info("socket")):
                self.log.error("a stranger connected to the lookups")
                return
            question = orjson.loads(await reader.readline())
            if "results" in question:
                for said in question["results"]:
                    if self.results.full():
                        self.dropped += 1
                    else:
                        self.results.put_nowait(said)
                return
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

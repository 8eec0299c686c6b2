"""Readiness as a condition of our own Pod: what `/readyz` says, where kubectl shows it.

Pods may name it as a readiness gate.  It is written when it changes, by a patch that
leaves all other conditions alone.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Final

from gatewright.controllers.kinds import POD
from gatewright.kube.client import STRATEGIC_PATCH, Client
from gatewright.kube.errors import ApiError, Unreachable
from gatewright.telemetry.log import Log

__all__ = ["CONDITION", "Readiness", "Teller"]

CONDITION: Final = "gatewright.dev/policies-ready"
AGAIN_AFTER: Final = 5.0
#: What a condition's message may come to; the API server takes 32 KiB.
LONGEST: Final = 2048


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether decisions can be taken; `message` names what is waited for."""

    ready: bool
    message: str = ""


@dataclass(slots=True)
class Teller:
    """`tell` from any thread; `run` in the loop of the link."""

    pod: str
    namespace: str
    log: Log
    wanted: Readiness | None = None
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    loop: asyncio.AbstractEventLoop | None = None
    problem: str = ""

    def tell(self, readiness: Readiness) -> None:
        """What the condition is to say from now on."""
        if readiness == self.wanted:
            return
        self.wanted = readiness
        if self.loop is not None:
            self.loop.call_soon_threadsafe(self.moved.set)

    async def run(self, client: Client) -> None:
        """Never ends by itself; cancel it."""
        self.loop = asyncio.get_running_loop()
        written: Readiness | None = None
        changed = ""
        while True:
            wanted = self.wanted
            if wanted is None or wanted == written:
                try:
                    async with asyncio.timeout(AGAIN_AFTER):
                        await self.moved.wait()
                except TimeoutError:
                    pass
                self.moved.clear()
                continue
            if written is None or written.ready != wanted.ready:
                changed = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            if await self.write(client, wanted, changed):
                written = wanted
            else:
                await asyncio.sleep(AGAIN_AFTER)

    async def write(self, client: Client, wanted: Readiness, changed: str) -> bool:
        """Whether it could be written."""
        condition = {
            "type": CONDITION,
            "status": "True" if wanted.ready else "False",
            "reason": "Decides" if wanted.ready else "Waits",
            "message": wanted.message[:LONGEST],
            "lastTransitionTime": changed,
        }
        try:
            await client.patch(
                POD,
                {"status": {"conditions": [condition]}},
                self.pod,
                self.namespace,
                part="status",
                content_type=STRATEGIC_PATCH,
            )
        except (ApiError, Unreachable) as error:
            if str(error) != self.problem:
                self.problem = str(error)
                self.log.warning(
                    "the condition of our Pod can't be written; it is tried again",
                    error=self.problem,
                )
            return False
        self.problem = ""
        return True

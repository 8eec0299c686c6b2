"""Generations as they come from the policy process, mapped and held.

When the policy process goes away what is held stays in use; its successor is
connected to as soon as it listens.
"""

from __future__ import annotations

import asyncio
import gc
import os
import socket
from typing import Any, Final

from gatewright.app import channel
from gatewright.app.feed import Feed
from gatewright.app.generation import Generation
from gatewright.app.settings import Limits
from gatewright.engine.limits import Limits as EngineLimits
from gatewright.telemetry.board import Board
from gatewright.telemetry.log import Log

__all__ = ["Subscription"]

KEEP: Final = 3  # generations, for requests that began under an older one


class Subscription:
    """`slot`: the subscriber's row of the board; `address`: that of the policy
    process.  `held`: the generations by number; `loaded`: there is one; `failed`: one
    could not be taken, so this process must not decide any more."""

    def __init__(
        self, *, board: Board, slot: int, address: str, limits: Limits, log: Log
    ) -> None:
        self.board = board
        self.slot = slot
        self.address = address
        self.limits = limits
        self.log = log
        self.held: dict[int, Generation] = {}
        self.loaded = asyncio.Event()
        self.feed = Feed()
        self.failed = False

    def current(self) -> Generation | None:
        """The generation in force, None if it is not held."""
        return self.held.get(self.board.word(Board.GENERATION))

    async def follow(self) -> None:
        """Hear of generations from the policy process, and from its successor."""
        loop = asyncio.get_running_loop()
        pause = 0.02
        while not self.failed:
            try:
                sock = channel.connect(self.address)
            except OSError:
                await asyncio.sleep(pause)
                pause = min(1.0, pause * 2)
                continue
            pause = 0.02
            sock.setblocking(False)
            ended = loop.create_future()
            loop.add_reader(sock.fileno(), self.hear, sock, ended)
            await ended
            loop.remove_reader(sock.fileno())
            sock.close()

    def hear(self, sock: socket.socket, ended: asyncio.Future[Any]) -> None:
        try:
            got = channel.receive(sock)
        except BlockingIOError:
            return
        except OSError:
            got = None
        if got is None:
            if not ended.done():
                ended.set_result(None)
            return
        packet, fd = got
        number = int(packet.get("prepare", -1))
        try:
            if fd is None:
                self.feed.note(packet)
                return
            if number < 0:
                self.feed.take(packet, fd)
                return
            self.prepare(number, fd)
        except Exception as error:  # noqa: BLE001 - whatever is wrong, this process must not decide by it
            self.failed = True
            self.log.error("generation refused", generation=number, error=str(error))
            channel.send(
                sock, {"slot": self.slot, "refused": number, "error": str(error)}
            )
            ended.set_result(None)
            return
        finally:
            if fd is not None:
                os.close(fd)
        channel.send(sock, {"slot": self.slot, "ready": number})
        self.loaded.set()

    def prepare(self, number: int, fd: int) -> None:
        if number in self.held:
            return
        limits = EngineLimits(steps=self.limits.steps, memory=self.limits.memory)
        self.held[number] = Generation.map(
            number, fd, limits=limits, inventory=self.feed.replica
        )
        in_force = self.board.word(Board.GENERATION)
        for old in sorted(self.held)[:-KEEP]:
            if old != in_force:
                del self.held[old]
        gc.collect()
        gc.freeze()

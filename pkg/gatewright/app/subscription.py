"""Generations as they come from the policy process, mapped and held.

What comes is taken over in a thread of its own, in order, so that requests are decided
meanwhile.  When the policy process goes away what is held stays in use; its successor
is connected to as soon as it listens.
"""

from __future__ import annotations

import asyncio
import gc
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from gatewright.app import channel
from gatewright.app.feed import Feed
from gatewright.app.generation import Generation
from gatewright.app.settings import Settings
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
        self,
        settings: Settings,
        *,
        board: Board,
        slot: int,
        address: str,
        log: Log,
    ) -> None:
        self.board = board
        self.slot = slot
        self.address = address
        self.limits = EngineLimits(
            steps=settings.limits.steps, memory=settings.limits.memory
        )
        self.http = settings.http
        self.log = log
        self.held: dict[int, Generation] = {}
        self.loaded = asyncio.Event()
        self.feed = Feed()
        self.latest: Generation | None = None
        self.failed = False
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="generations")

    def current(self) -> Generation | None:
        """The generation in force, None if it is not held."""
        return self.held.get(self.board.word(Board.GENERATION))

    async def equipped(self) -> None:
        """Returns when the generation in force is held, so that requests can be
        decided.  What comes first may be one that is not in force yet."""
        await self.loaded.wait()
        while self.current() is None:
            await asyncio.sleep(0.005)

    async def follow(self) -> None:
        """Hear of generations from the policy process, and from its successor."""
        pause = 0.02
        while not self.failed:
            try:
                sock = channel.connect(self.address)
            except OSError:
                await asyncio.sleep(pause)
                pause = min(1.0, pause * 2)
                continue
            pause = 0.02
            try:
                while await self.hear(sock):
                    pass
            finally:
                sock.close()

    async def hear(self, sock: socket.socket) -> bool:
        """Take the next packet; false when there are no more, or it is no good."""
        loop = asyncio.get_running_loop()
        sock.setblocking(False)
        try:
            got = await received(sock)
        except OSError:
            got = None
        if got is None:
            return False
        packet, fd = got
        try:
            number = await loop.run_in_executor(self.thread, self.take, packet, fd)
        except Exception as error:  # noqa: BLE001 - whatever is wrong, this process must not decide by it
            self.failed = True
            number = int(packet.get("prepare", -1))
            self.log.error("generation refused", generation=number, error=str(error))
            return self.say(sock, {"refused": number, "error": str(error)}) and False
        if number is None:
            return True
        self.loaded.set()
        return self.say(sock, {"ready": number})

    def say(self, sock: socket.socket, packet: channel.Packet) -> bool:
        try:
            channel.send(sock, {"slot": self.slot, **packet})
        except OSError:  # the policy process has gone meanwhile
            return False
        return True

    def take(self, packet: channel.Packet, fd: int | None) -> int | None:
        """Take a packet over; the number of a generation that is held now."""
        try:
            if self.feed.take(packet, fd):
                return None
            number = int(packet["prepare"])
            if number not in self.held:
                self.prepare(number, int(packet["policies"]), fd)
            return number
        finally:
            if fd is not None:
                os.close(fd)

    def prepare(self, number: int, policies: int, fd: int | None) -> None:
        """Hold another generation: of an image, or of policies that are open."""
        feed = self.feed
        gc.collect()  # all that has lived is frozen, so this is quick
        if fd is not None:
            made = Generation.map(
                number,
                fd,
                limits=self.limits,
                http=self.http,
                inventory=feed.replica,
                namespaces=feed.namespaces,
                before=self.latest,
            )
            made.policies = policies
        else:
            latest = self.latest
            if latest is None or latest.policies != policies:
                raise ValueError(f"the policies of generation {policies} are not held")
            made = latest.followed_by(
                number, view=feed.view(), namespaces=feed.namespaces
            )
        self.held[number] = self.latest = made
        in_force = self.board.word(Board.GENERATION)
        for old in sorted(self.held)[:-KEEP]:
            if old != in_force:
                self.held.pop(old).retire()
        feed.replica.sweep()
        gc.freeze()


async def received(sock: socket.socket) -> tuple[channel.Packet, int | None] | None:
    """The next packet, None at the end.  Raises OSError."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            return channel.receive(sock)
        except BlockingIOError:
            pass
        readable = loop.create_future()
        loop.add_reader(sock.fileno(), readable.set_result, None)
        try:
            await readable
        finally:
            loop.remove_reader(sock.fileno())

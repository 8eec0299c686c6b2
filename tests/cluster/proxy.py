"""What kube-proxy does for one Service: connections to its address go to its pods.

Each connection goes to the next target in turn; one that does not answer is passed
over, as a pod that is not ready would be.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Sequence

Address = tuple[str, int]


class Proxy:
    """Listens at `address`, in a thread of its own, from `start` to `stop`."""

    def __init__(self, address: Address, targets: Sequence[Address] = ()) -> None:
        self.address = address
        self.targets = list(targets)
        self.turn = 0
        self.connections = 0
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.listening = threading.Event()
        self.error: OSError | None = None

    def start(self) -> None:
        self.thread.start()
        self.listening.wait(10)
        if self.error is not None:
            raise self.error

    def stop(self) -> None:
        if self.thread.is_alive():
            self.loop.call_soon_threadsafe(self.ended.set)
            self.thread.join(10)

    def run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_until_complete(self.serve())
        finally:
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.close()

    async def serve(self) -> None:
        self.ended = asyncio.Event()
        self.open: set[asyncio.Task[None]] = set()
        try:
            listener = socket.create_server(self.address, backlog=512)
        except OSError as error:
            self.error = error
            self.listening.set()
            return
        listener.setblocking(False)
        # Not asyncio.start_server: one that closes between an accept and its transport
        # leaves the socket open.
        self.loop.add_reader(listener, self.accept, listener)
        self.listening.set()
        await self.ended.wait()
        self.loop.remove_reader(listener)
        listener.close()
        await asyncio.sleep(0.05)  # a task that was never begun cannot close its socket
        for task in self.open:
            task.cancel()
        await asyncio.gather(*self.open)
        await asyncio.sleep(0.05)  # the loop drops what they aborted

    def accept(self, listener: socket.socket) -> None:
        try:
            near, _ = listener.accept()
        except BlockingIOError:
            return  # the client went away again
        task = self.loop.create_task(self.connect(near))
        self.open.add(task)
        task.add_done_callback(self.open.discard)

    async def connect(self, near: socket.socket) -> None:
        self.connections += 1
        made: list[asyncio.StreamWriter] = []
        try:
            reader, writer = await asyncio.open_connection(sock=near)
            made.append(writer)
            far = await self.dial()
            if far is not None:
                made.append(far[1])
                await asyncio.gather(pump(reader, far[1]), pump(far[0], writer))
            # A close waits for what is still to be sent, which nobody may ever read.
            for one in made:
                one.close()
                with contextlib.suppress(OSError):
                    await one.wait_closed()
        except asyncio.CancelledError:
            pass
        finally:
            for one in made:
                one.transport.abort()
            if not made:
                near.close()

    async def dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        for _ in range(len(self.targets)):
            self.turn += 1
            target = self.targets[self.turn % len(self.targets)]
            with contextlib.suppress(OSError):
                return await asyncio.open_connection(*target)
        return None


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass  # the other side is gone, so is this one
    finally:
        writer.close()

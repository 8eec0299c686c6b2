"""What kube-proxy does for one Service: connections to its address go to its pods.

Each connection goes to the next target in turn; one that does not answer is passed
over, as a pod that is not ready would be.
"""

from __future__ import annotations

import asyncio
import contextlib
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
        self.open: dict[asyncio.Task[None], list[asyncio.StreamWriter]] = {}
        try:
            server = await asyncio.start_server(self.accept, *self.address, backlog=512)
        except OSError as error:
            self.error = error
            self.listening.set()
            return
        self.listening.set()
        await self.ended.wait()
        server.close()
        await asyncio.sleep(0)  # what was accepted begins
        writers = [writer for both in self.open.values() for writer in both]
        tasks = list(self.open)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # A loop that ends before a connection does would leave its socket open.
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0.05)

    async def accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.open[task] = both = [writer]
        self.connections += 1
        try:
            far = await self.dial()
            if far is not None:
                both.append(far[1])
                await asyncio.gather(pump(reader, far[1]), pump(far[0], writer))
        except asyncio.CancelledError:
            pass
        finally:
            del self.open[task]
            for one in both:
                one.close()

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

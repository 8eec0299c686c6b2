"""Keys to be looked at, each by one at a time, with back-off.

A key that is added while it waits is looked at once; one that is added while it is
being looked at is looked at again.  A look that fails is repeated after a pause that
grows, with chance in it, so that replicas which disturbed each other part.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Generic, TypeVar

from gatewright.kube.errors import ApiError, Unreachable

__all__ = ["WorkQueue"]

Key = TypeVar("Key", bound=Hashable)

FIRST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 30.0
AT_ONCE: Final = 8


class WorkQueue(Generic[Key]):
    """`look` is called with each key; ApiError and Unreachable mean: again, later.
    `failed` hears of those that fail again after a first repetition."""

    def __init__(
        self,
        look: Callable[[Key], Awaitable[None]],
        *,
        failed: Callable[[Key, Exception], None] = lambda *_: None,
    ) -> None:
        self.look = look
        self.failed = failed
        self.waiting: dict[Key, None] = {}
        self.busy: set[Key] = set()
        self.tries: dict[Key, int] = {}
        self.later: dict[Key, asyncio.TimerHandle] = {}
        self.some = asyncio.Event()
        self.failures = 0

    def add(self, key: Key) -> None:
        """Look at a key soon, whatever pause it is in."""
        handle = self.later.pop(key, None)
        if handle is not None:
            handle.cancel()
        self.waiting[key] = None
        self.some.set()

    def depth(self) -> int:
        """How many keys wait, those in a pause included."""
        return len(self.waiting) + len(self.later)

    async def run(self) -> None:
        """Never ends by itself; cancel it."""
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self.work())

    async def work(self) -> None:
        while True:
            key = await self.next()
            self.busy.add(key)
            try:
                await self.look(key)
            except (ApiError, Unreachable) as error:
                self.failures += 1
                least = error.retry_after if isinstance(error, ApiError) else 0.0
                self.again(key, least)
                # A race that was lost once is nothing to speak of.
                if self.tries.get(key, 0) in (2, 8):
                    self.failed(key, error)
            else:
                self.tries.pop(key, None)
            finally:
                self.busy.discard(key)
                self.some.set()

    async def next(self) -> Key:
        while True:
            for key in self.waiting:
                if key not in self.busy:
                    del self.waiting[key]
                    return key
            self.some.clear()
            await self.some.wait()

    def again(self, key: Key, least: float) -> None:
        if key in self.waiting:
            return
        tries = self.tries[key] = self.tries.get(key, -1) + 1
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(tries, 12))
        pause = max(least, pause * random.uniform(0.5, 1.5))  # noqa: S311 - parts replicas, hides nothing
        loop = asyncio.get_running_loop()
        self.later[key] = loop.call_later(pause, self.add, key)

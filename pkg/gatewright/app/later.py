"""Decisions that begin on a thread, since even their beginning takes a while."""

from __future__ import annotations

from collections.abc import Callable

from gatewright.webhook.decisions import Answer, Work

__all__ = ["Later"]


class Later:
    """A request that is begun by the second `advance`, which runs on a thread of the
    pool; the first one, on the event loop, does nothing."""

    __slots__ = ("begin", "generation", "put_off", "work")

    def __init__(self, generation: int, begin: Callable[[], Work]) -> None:
        self.generation = generation
        self.begin = begin
        self.put_off = False
        self.work: Work | None = None

    def advance(self, steps: int) -> bool:
        if not self.put_off:
            self.put_off = True
            return False
        if self.work is None:
            self.work = self.begin()
        return self.work.advance(steps)

    def answer(self) -> Answer:
        assert self.work is not None
        return self.work.answer()

    def close(self) -> None:
        if self.work is not None:
            self.work.close()

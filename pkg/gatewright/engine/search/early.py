"""How a search ends before it has tried everything."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from gatewright.engine.errors import EvalError

__all__ = ["Early", "Outcome", "Then", "unwrapped"]


class Early:
    """One solution was enough.

    `deferred`: for a caller further up, so loops in between go on.  `inner` is what
    the continuation itself had ended with.
    """

    __slots__ = ("deferred", "inner")

    def __init__(self, inner: Early | None, *, deferred: bool) -> None:
        self.inner = inner
        self.deferred = deferred


#: None: everything was tried.
Outcome: TypeAlias = Early | EvalError | None
#: Called for each solution.
Then: TypeAlias = Callable[[], Outcome]


def unwrapped(end: Outcome) -> Outcome:
    """What is left of an end once the rule that wanted one solution is done."""
    return end.inner if type(end) is Early else end

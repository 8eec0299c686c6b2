"""What an evaluation may use."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of one evaluation, or of one batch of calls for a review.

    `steps`: instructions that one call may take (a core does about 200 million a
    second; a builtin counts more by the memory that it takes).  `memory`: bytes of
    the arena, the review included.  `seconds`: how long it may take, None for any
    time; looked at every 20,000 steps.
    """

    steps: int = 1_000_000_000
    memory: int = 1 << 30
    seconds: float | None = None

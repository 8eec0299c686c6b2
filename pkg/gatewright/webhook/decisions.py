"""What the edge asks of whoever decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

__all__ = ["Answer", "Decider", "Event", "Status", "Work"]

Status: TypeAlias = Literal["allow", "deny", "error", "unknown", "success", "skip", ""]


@dataclass(frozen=True, slots=True)
class Event:
    """A line for the log: its message and fields (names and numbers only)."""

    message: str
    fields: Mapping[str, Any]


class Answer(NamedTuple):
    """A decision, taken.

    `body` goes out with HTTP status 200.  `status` is what the request counts as
    in Gatekeeper's metrics, empty when it does not count.  `not_evaluated`:
    constraints that were left out because they went over their budget.
    """

    body: bytes
    status: Status = ""
    dry_run: bool = False
    events: tuple[Event, ...] = ()
    not_evaluated: int = 0


class Work(Protocol):
    """A decision being taken, under one generation."""

    @property
    def generation(self) -> int:
        """The number of the generation that decides."""
        ...

    def advance(self, steps: int) -> bool:
        """Go on for about `steps`; true when `answer` is ready.  May be called
        from another thread than before, but from one at a time."""
        ...

    def answer(self) -> Answer: ...

    def close(self) -> None:
        """Give back what the decision held, finished or not."""
        ...


class Decider(Protocol):
    """Decides requests under the generation in force."""

    def start(
        self, endpoint: str, body: bytes, content_type: str | None
    ) -> Work | None:
        """Begin with a request to `admit`, `mutate` or `admitlabel`; None when no
        generation can be used now, so that nothing may be guessed."""
        ...

    def too_large(self) -> Answer:
        """The answer to a body over the limit."""
        ...

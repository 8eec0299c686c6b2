"""Where policies come from: what the policy process asks of a folder or a cluster.

A source is looked at again and again.  When it says that something changed, its
objects are taken over; what can't be used is shown to it, and it may take that back;
in the end it hears what came of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from gatewright.app.installation import Fault, Installation
from gatewright.app.ledger import ObjectKey

__all__ = ["Outcome", "Source", "Trouble"]


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is not in force as written, or not read: a `file`, an `object`
    or a `kind`, why, and since when (unix time; 0: not known).  `message` is what
    the log says of it."""

    what: str
    name: str
    error: str
    since: float = 0.0
    message: str = "policy file not taken over; its last good state stays in force"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a change: the faults of objects, and mutators in conflict.
    `committed`: all workers decide by it."""

    faults: Mapping[ObjectKey, Fault]
    conflicts: Mapping[ObjectKey, str]
    committed: bool


class Source(Protocol):
    """See the module.  Times are seconds of the steady clock unless they are said to
    be unix times."""

    @property
    def wakes(self) -> Sequence[int]:
        """Descriptors that become readable when there is something to look at."""
        ...

    @property
    def complete(self) -> bool:
        """Whether all that is to be known before the first decision is known."""
        ...

    def look(self, now: float) -> bool:
        """Look; true if `objects` may have changed, or referential data."""
        ...

    def objects(self) -> Mapping[ObjectKey, Any]:
        """All policies and Namespaces, as they are to be in force."""
        ...

    def feed(self, installation: Installation, took: Callable[[float], None]) -> None:
        """Put referential data that come apart from `objects`; `took` hears the
        seconds of each."""
        ...

    def reject(self, faults: Mapping[ObjectKey, Fault], *, now: float) -> bool:
        """Hear which objects can't be used; true if that changes `objects`."""
        ...

    def accept(self, installation: Installation) -> None:
        """Hear that the rest is taken over; it may want more from elsewhere now."""
        ...

    def settled(self, installation: Installation, outcome: Outcome) -> None:
        """Hear what came of it all."""
        ...

    def problem(self) -> str:
        """Why the source as a whole can't be read now; empty when it can."""
        ...

    def waiting(self) -> Sequence[Trouble]:
        """What is waited for before the first decision."""
        ...

    def troubles(self) -> Sequence[Trouble]:
        """What is not in force as written, or not read."""
        ...

    def show(self, *, ready: bool, problem: str) -> None:
        """Show others whether decisions can be taken; `problem` as that of `problem`."""
        ...

    def synced(self) -> Mapping[str, tuple[int, int]]:
        """How many objects of referential data are held, and are not, by kind."""
        ...

    def cached(self) -> Sequence[tuple[str, str, str, str]]:
        """The kinds of referential data (group, version, kind) that the generation in
        force was to hold, and why it does not hold all of one; blank where it does."""
        ...

    def measure(self, gauge: Callable[[str, float], None]) -> None:
        """Set gauges, by the names of their metrics."""
        ...

    def undecided(self, *, mutation: bool) -> None:
        """Hear that requests got no verdict, or were not mutated, since this was
        called last."""
        ...

    def leave(self) -> None:
        """Hear that this pod is about to end, and answers until then."""
        ...

    def close(self) -> None:
        """Let go what others wait for; nothing is asked afterwards."""
        ...

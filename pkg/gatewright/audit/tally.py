"""Violations per constraint: all are counted, the first ones kept."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = ["Found", "Tally", "Violation", "truncated"]

#: Bytes of a message that are kept, as Gatekeeper does.
MESSAGE_MAX = 256
_ELLIPSIS = b"..."

Key = tuple[str, str]


class Violation(NamedTuple):
    """One entry of `status.violations`; their order decides which are kept."""

    group: str
    version: str
    kind: str
    namespace: str
    name: str
    message: str
    action: str
    scoped: tuple[str, ...] = ()


@dataclass(slots=True)
class Found:
    """What was found of one constraint; `kept` are the smallest, in order."""

    total: int = 0
    kept: list[Violation] = field(default_factory=list)


class Tally:
    """Violations by constraint (kind and name), `limit` of each kept."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.found: dict[Key, Found] = {}
        self.actions: dict[str, int] = {}

    def add(self, key: Key, violation: Violation) -> None:
        """Count one."""
        found = self.found.setdefault(key, Found())
        found.total += 1
        self._keep(found, violation)
        action = violation.action
        self.actions[action] = self.actions.get(action, 0) + 1

    def merge(self, other: Tally) -> None:
        """Take in what another counted."""
        for key, theirs in other.found.items():
            found = self.found.setdefault(key, Found())
            found.total += theirs.total
            for violation in theirs.kept:
                self._keep(found, violation)
        for action, count in other.actions.items():
            self.actions[action] = self.actions.get(action, 0) + count

    def of(self, key: Key) -> Found:
        """What was found of a constraint."""
        return self.found.get(key) or Found()

    @property
    def total(self) -> int:
        """All violations."""
        return sum(one.total for one in self.found.values())

    def listed(self, key: Key) -> Iterator[Violation]:
        """Those kept of a constraint as its status lists them: the greatest first."""
        return reversed(self.of(key).kept)

    def _keep(self, found: Found, violation: Violation) -> None:
        if len(found.kept) < self.limit:
            insort(found.kept, violation)
        elif self.limit and violation < found.kept[-1]:
            insort(found.kept, violation)
            found.kept.pop()


def truncated(message: str) -> str:
    """At most 256 bytes of a message; a character cut in two reads as U+FFFD for
    each of its bytes, as Go writes it."""
    data = message.encode("utf-8", "surrogateescape")
    if len(data) > MESSAGE_MAX:
        data = data[: MESSAGE_MAX - len(_ELLIPSIS)] + _ELLIPSIS
    text = data.decode("utf-8", "surrogateescape")
    return "".join("\ufffd" if "\udc80" <= char <= "\udcff" else char for char in text)

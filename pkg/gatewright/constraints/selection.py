"""Which constraints a review is held against: decided ahead as far as it can be.

Kind and namespace of an object decide nearly always, so a snapshot remembers what
they select: constraints that match for certain, as one ready `Lineup`, and those that
must also look at labels, names or the namespace's own labels.  Of these the ones
whose selector asks for a label that the object lacks are never looked at, so that a
thousand of them cost nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gatewright.constraints import actions
from gatewright.constraints.constraint import Constraint
from gatewright.engine.arrivals import Roster
from gatewright.k8s.selectors import Selector
from gatewright.match.block import Matcher
from gatewright.match.subject import NamespaceFacts, Subject

__all__ = ["Candidate", "Head", "Lineup", "Selection"]

#: What the engine puts before a message: rank of the action, parts of the answer that
#: take the line (1 denials, 2 warnings), `[name] `.
Head = tuple[int, int, bytes]

_RANKS: Final = {
    name: rank
    for rank, name in enumerate(
        sorted((actions.DENY, actions.DRYRUN, actions.SCOPED, actions.WARN))
    )
}
_PARTS: Final = {actions.DENY: 1, actions.WARN: 2, actions.DRYRUN: 0}


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A constraint that objects of some kind can match, at some enforcement point.

    `matcher` is None when there is nothing left to match; `unconditional` when the
    constraint has no match block at all.  `operations` is None for all of them.
    `action` and `scoped` are what a violation leads to; `head` is None where the
    answer has no line for it.
    """

    constraint: Constraint
    policy: int
    parameters: int
    matcher: Matcher | None
    unconditional: bool
    operations: frozenset[str] | None
    action: str
    scoped: tuple[str, ...]
    head: Head | None


def head_of(name: str, action: str, scoped: Sequence[str]) -> Head | None:
    """Return the head of a constraint's lines, None if its action is unknown."""
    if action == actions.SCOPED:
        known = [_PARTS[one] for one in scoped if one in _PARTS]
        parts = (1 in known) | 2 * (2 in known) if known else None
    else:
        parts = _PARTS.get(action)
    if parts is None:
        return None
    return _RANKS[action], parts, f"[{name}] ".encode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True, eq=False)
class Lineup:
    """Constraints that match, in order, and what the engine wants to know of them.

    `calls` are pairs of policy and parameters; `roster` has them as the engine likes
    them, with the heads of their lines.
    """

    candidates: Sequence[Candidate]
    calls: Sequence[tuple[int, int]]
    roster: Roster

    @classmethod
    def of(cls, candidates: Sequence[Candidate]) -> Lineup:
        """Return the lineup of these candidates."""
        calls = [(one.policy, one.parameters) for one in candidates]
        return cls(candidates, calls, Roster(calls, [one.head for one in candidates]))


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """What kind and namespace select.

    `entries` are in order; `certain` is the lineup of those at the places `sure`.
    Of the others those at `open` are always asked, and by `labelled` those that want
    one of some labels.
    """

    entries: tuple[Candidate, ...]
    certain: Lineup
    sure: tuple[int, ...]
    open: tuple[int, ...]
    labelled: Mapping[tuple[str, str], tuple[int, ...]]

    @property
    def whole(self) -> bool:
        """Whether nothing but kind and namespace is asked."""
        return not self.open and not self.labelled

    @classmethod
    def of(
        cls,
        candidates: Iterable[Candidate],
        subject: Subject,
        namespace: NamespaceFacts | None,
        operation: str | None,
    ) -> Selection:
        """Return what an object's kind and namespace select of candidates of its kind.

        The subject stands for all of its kind and namespace.
        """
        entries: list[Candidate] = []
        sure: list[int] = []
        asked: list[int] = []
        labelled: dict[tuple[str, str], list[int]] = {}
        for one in candidates:
            wanted, matcher = one.operations, one.matcher
            if wanted is not None and operation is not None and operation not in wanted:
                continue
            if matcher is not None and not matcher.matches_place(subject, namespace):
                continue
            place = len(entries)
            entries.append(one)
            if matcher is None or matcher.settled:
                sure.append(place)
                continue
            labels = _wanted(matcher)
            if labels is None:
                asked.append(place)
            for label in labels or ():
                labelled.setdefault(label, []).append(place)
        return cls(
            tuple(entries),
            Lineup.of([entries[place] for place in sure]),
            tuple(sure),
            tuple(asked),
            {label: tuple(places) for label, places in labelled.items()},
        )

    def places(self, subjects: Sequence[Subject]) -> Sequence[int]:
        """Return the places of those to ask, in order."""
        labelled = self.labelled
        if not labelled:
            return self.open
        found: set[int] = set()
        for subject in subjects:
            for label in subject.labels.items():
                if label in labelled:
                    found.update(labelled[label])
        return sorted(found.union(self.open)) if found else self.open

    def with_places(self, places: Sequence[int]) -> Lineup:
        """Return the lineup of the certain ones and those at some places."""
        if not places:
            return self.certain
        entries = self.entries
        return Lineup.of([entries[place] for place in sorted((*self.sure, *places))])


def _wanted(matcher: Matcher) -> list[tuple[str, str]] | None:
    # Labels of which an object must have one, if there is such a set
    selector = matcher.label_selector
    if isinstance(selector, Selector):
        for one in selector.requirements:
            if one.operator == "In":
                return [(one.key, value) for value in one.values]
    return None

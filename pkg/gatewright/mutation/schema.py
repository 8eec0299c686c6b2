"""Which mutators contradict each other about an object's shape.

Every mutator with `applyTo` says something of the objects it knows: that a node
is an object, a list with a certain key, a set or a string.  An Assign says
nothing of its location's end.  Where two say different things of one node of one
kind (and operation), all of them are disabled, the newest no more than the rest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from gatewright.mutation.mutator import Mutator, MutatorId
from gatewright.mutation.path import Field, Items, Path

__all__ = ["conflict_text", "conflicts"]

#: (group, version, kind, operation, step, step, ...)
Place: TypeAlias = tuple[str, ...]


def node_types(path: Path, leaf: str | None) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each node of a path with its known type; unknown ones are left out."""
    place: tuple[str, ...] = ()
    for index, node in enumerate(path):
        following = path[index + 1] if index + 1 < len(path) else None
        if isinstance(node, Field):
            place = (*place, node.name)
            if isinstance(following, Items):
                yield place, f"List[{following.key}]"
            elif following is not None:
                yield place, "Object"
            elif leaf is not None:
                yield place, leaf
        else:
            place = (*place, "[]")
            if following is not None:
                yield place, "Object"


def conflicts(mutators: Iterable[Mutator]) -> dict[MutatorId, tuple[MutatorId, ...]]:
    """For each mutator in conflict, all mutators of its conflicts, in order."""
    said: dict[Place, dict[str, set[MutatorId]]] = defaultdict(dict)
    for mutator in mutators:
        for entry in mutator.apply_to or ():
            for head in heads(entry.groups, entry.versions, entry.kinds):
                for operation in entry.operations:
                    for place, kind in node_types(mutator.path, mutator.leaf):
                        known = said[(*head, operation, *place)]
                        known.setdefault(kind, set()).add(mutator.id)
    out: dict[MutatorId, set[MutatorId]] = defaultdict(set)
    for kinds in said.values():
        if len(kinds) > 1:
            everyone = set().union(*kinds.values())
            for one in everyone:
                out[one] |= everyone
    return {one: tuple(sorted(others)) for one, others in out.items()}


def heads(
    groups: Iterable[str], versions: Iterable[str], kinds: Iterable[str]
) -> Iterator[tuple[str, str, str]]:
    for group in groups:
        for version in versions:
            for kind in kinds:
                yield group, version, kind


def conflict_text(others: Iterable[MutatorId]) -> str:
    """The status message of a mutator in conflict (`ErrConflictingSchema`)."""
    ids = ",".join(map(str, others))
    return f"the following mutators have conflicting schemas: [{ids}]"

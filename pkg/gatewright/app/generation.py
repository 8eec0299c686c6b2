"""One generation as a worker holds it: opened from shared memory, read only."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable

from gatewright.constraints.exclusion import MUTATION
from gatewright.constraints.namespaces import NamespaceError, NamespaceLookup
from gatewright.constraints.snapshot import Snapshot
from gatewright.engine.basedata import Replica
from gatewright.engine.limits import Limits
from gatewright.engine.reviews import Reviewer
from gatewright.match.block import Matcher, compile_match
from gatewright.match.subject import NamespaceFacts, Subject
from gatewright.mutation.documents import edits_of
from gatewright.mutation.mutator import parse_mutator
from gatewright.mutation.review import MutationContext, NamespaceMissing
from gatewright.mutation.system import MutatorSystem

__all__ = ["Generation"]


class Generation:
    """Policies of one number: snapshot, mutators, and idle reviewers.

    Raises what `Snapshot` and `parse_mutator` raise when the memory is no good.
    """

    def __init__(
        self,
        number: int,
        buffer: object,
        *,
        limits: Limits,
        inventory: Replica | None = None,
    ) -> None:
        self.number = number
        self.snapshot = Snapshot(buffer, inventory=inventory)
        self.limits = limits
        self.mutators: MutatorSystem[Matcher] = MutatorSystem.build(
            [parse_mutator(one) for one in self.snapshot.extra.get("mutators", ())],
            compile_match=compile_match,
        )
        self.edits = edits_of(mutator for mutator, _ in self.mutators.active)
        self._idle: list[Reviewer] = []

    @classmethod
    def map(
        cls, number: int, fd: int, *, limits: Limits, inventory: Replica | None = None
    ) -> Generation:
        """Map sealed memory; the descriptor stays the caller's.

        Its inventory is the epoch that the replica has now.
        """
        size = os.fstat(fd).st_size
        memory = mmap.mmap(fd, size, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ)
        return cls(number, memory, limits=limits, inventory=inventory)

    def take(self) -> Reviewer:
        """A reviewer for one request; `give` it back when it is done."""
        try:
            return self._idle.pop()
        except IndexError:
            return self.snapshot.evaluation(self.limits)

    def give(self, reviewer: Reviewer) -> None:
        """Take back a reviewer that has nothing under way."""
        self._idle.append(reviewer)

    def mutation_context(
        self,
        *,
        own_account: str,
        new_id: Callable[[], str],
        annotate: bool,
        log: bool = False,
        namespaces: NamespaceLookup | None = None,
    ) -> MutationContext:
        """What a mutation request is judged by under this generation; `namespaces`
        is asked instead of its own."""
        lookup = namespaces or self.snapshot.namespaces

        def excluded(subject: Subject) -> bool:
            name = subject.name if subject.is_namespace else subject.namespace
            return self.snapshot.exclusions.excludes(MUTATION, name)

        def namespace(name: str) -> NamespaceFacts:
            try:
                return lookup.find(name).facts
            except NamespaceError as error:
                raise NamespaceMissing(name) from error

        return MutationContext(
            system=self.mutators,
            own_account=own_account,
            excluded=excluded,
            namespace=namespace,
            new_id=new_id,
            annotate=annotate,
            log=log,
            edits=self.edits,
        )

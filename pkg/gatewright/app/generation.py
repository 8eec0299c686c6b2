"""One generation as a worker holds it: opened from shared memory, read only.

A change of policies brings an image, which is opened; a change of data brings another
epoch of the inventory, or Namespaces, for the policies that are open already.
"""

from __future__ import annotations

import copy
import mmap
import os
from collections.abc import Callable

from gatewright.constraints.exclusion import MUTATION
from gatewright.constraints.namespaces import (
    NamespaceError,
    NamespaceLookup,
    Namespaces,
)
from gatewright.constraints.snapshot import Snapshot
from gatewright.engine.basedata import Replica, View
from gatewright.engine.library.context import HttpPolicy
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
    """Policies and data of one number: snapshot, mutators, and idle reviewers.

    `policies`: the number of the generation whose image this is; `before`: one that
    may have read much of it already.  Raises what
    `Snapshot` and `parse_mutator` raise when the memory is no good.
    """

    def __init__(
        self,
        number: int,
        buffer: object,
        *,
        limits: Limits,
        http: HttpPolicy = HttpPolicy(),  # noqa: B008 - immutable
        inventory: Replica | None = None,
        namespaces: Namespaces | None = None,
        before: Generation | None = None,
    ) -> None:
        self.number = self.policies = number
        opened = Snapshot(
            buffer,
            inventory=inventory,
            before=None if before is None else before.snapshot,
        )
        self.snapshot: Snapshot = opened.at(
            str(number),
            view=opened.view,
            namespaces=opened.namespaces if namespaces is None else namespaces,
        )
        self.limits = limits
        self.http = http
        self.mutators: MutatorSystem[Matcher] = MutatorSystem.build(
            [parse_mutator(one) for one in self.snapshot.extra.get("mutators", ())],
            compile_match=compile_match,
        )
        self.edits = edits_of(mutator for mutator, _ in self.mutators.active)
        self._idle: list[Reviewer] = []
        #: Of generations that are over, without data; all of an image share them.
        self._spare: list[Reviewer] = []
        self._over = False

    @classmethod
    def map(
        cls,
        number: int,
        fd: int,
        *,
        limits: Limits,
        http: HttpPolicy,
        inventory: Replica | None = None,
        namespaces: Namespaces | None = None,
        before: Generation | None = None,
    ) -> Generation:
        """Map sealed memory; the descriptor stays the caller's.

        Its inventory is the epoch that the replica has now.
        """
        size = os.fstat(fd).st_size
        memory = mmap.mmap(fd, size, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ)
        return cls(
            number,
            memory,
            limits=limits,
            http=http,
            inventory=inventory,
            namespaces=namespaces,
            before=before,
        )

    def followed_by(
        self, number: int, *, view: View | None, namespaces: Namespaces
    ) -> Generation:
        """The same policies with other data."""
        out = copy.copy(self)
        out.number = number
        out.snapshot = self.snapshot.at(str(number), view=view, namespaces=namespaces)
        out._idle = []  # noqa: SLF001 - a copy of this
        out._over = False  # noqa: SLF001 - a copy of this
        return out

    def retire(self) -> None:
        """No request begins under it any more: its reviewers are for its successors,
        and keep no old data."""
        self._over = True
        while self._idle:
            self._free(self._idle.pop())

    def take(self) -> Reviewer:
        """A reviewer for one request; `give` it back when it is done."""
        try:
            return self._idle.pop()
        except IndexError:
            pass
        try:
            reviewer = self._spare.pop()
        except IndexError:
            return self.snapshot.evaluation(self.limits, http=self.http)
        reviewer.pin(self.snapshot.view)
        return reviewer

    def give(self, reviewer: Reviewer) -> None:
        """Take back a reviewer that has nothing under way."""
        if self._over:
            self._free(reviewer)
        else:
            self._idle.append(reviewer)

    def _free(self, reviewer: Reviewer) -> None:
        reviewer.pin(None)
        self._spare.append(reviewer)

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

"""The ordered set of mutators, applied until nothing changes.

Mutators run in the order of their ids (kind, then name), pass after pass, until
a pass leaves the object as it was; at most one pass more than there are
mutators.  Those whose schemas conflict are left out, all sides of a conflict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from gatewright.mutation.errors import ApplyError
from gatewright.mutation.mutator import Mutator, MutatorId
from gatewright.mutation.schema import conflict_text, conflicts
from gatewright.mutation.setters import Facts, same
from gatewright.mutation.traverse import Walk

__all__ = ["MatchFailed", "Mutation", "MutatorSystem", "Target"]

MUTATION_ID: str = "gatekeeper.sh/mutation-id"
MUTATIONS: str = "gatekeeper.sh/mutations"

M = TypeVar("M")
M_contra = TypeVar("M_contra", contravariant=True)


class MatchFailed(Exception):
    """A `match` block could not be decided for this object."""


class Target(Protocol[M_contra]):
    """The object under mutation, as the caller knows it.

    `gvk` is (group, version, kind); `operation` may be empty (unknown).
    """

    @property
    def gvk(self) -> tuple[str, str, str]: ...

    @property
    def operation(self) -> str: ...

    @property
    def facts(self) -> Facts: ...

    @property
    def shown(self) -> str:
        """`group kind namespace name`, for errors."""
        ...

    def matches(self, match: M_contra, obj: Any) -> bool:
        """Does the object, as it is now, fall under `match`?  Raises MatchFailed."""
        ...


@dataclass(frozen=True, slots=True)
class Mutation:
    """The outcome: the object (the same one if nothing changed) and, for each
    pass that changed something, the mutators that did."""

    object: Any
    passes: tuple[tuple[Mutator, ...], ...] = ()

    @property
    def applied(self) -> str:
        """The unique mutators as `Kind//name:generation, ...`, sorted."""
        names = {
            f"{one.id.kind}//{one.id.name}:{one.generation}"
            for each in self.passes
            for one in each
        }
        return ", ".join(sorted(names))

    def annotated(self, mutation_id: str) -> Any:
        """The object with the two annotations of `--mutation-annotations`."""
        metadata = self.object.get("metadata") or {}
        annotations = metadata.get("annotations") or {}
        added = {MUTATION_ID: mutation_id, MUTATIONS: self.applied}
        return {
            **self.object,
            "metadata": {**metadata, "annotations": {**annotations, **added}},
        }


@dataclass(frozen=True, slots=True)
class MutatorSystem(Generic[M]):
    """Immutable: `active` in order with their compiled match, `disabled` with
    the reason."""

    active: tuple[tuple[Mutator, M], ...]
    disabled: Mapping[MutatorId, str] = field(default_factory=dict)

    @classmethod
    def build(
        cls, mutators: Iterable[Mutator], *, compile_match: Callable[[Any], M]
    ) -> MutatorSystem[M]:
        ordered = sorted(mutators, key=lambda mutator: mutator.id)
        disabled = {
            one: conflict_text(others) for one, others in conflicts(ordered).items()
        }
        active = tuple(
            (mutator, compile_match(mutator.match))
            for mutator in ordered
            if mutator.id not in disabled
        )
        return cls(active, disabled)

    def mutate(self, obj: Any, target: Target[M], *, mutation_id: str) -> Mutation:
        """Apply every mutator that matches until nothing changes.

        `mutation_id` names the mutation in errors.  Raises ApplyError.
        """
        candidates = [
            (mutator, match)
            for mutator, match in self.active
            if mutator.applies(target.gvk, target.operation)
        ]
        passes: list[tuple[Mutator, ...]] = []
        current = obj
        for _ in range(len(self.active) + 1):
            before = current
            changed: list[Mutator] = []
            for mutator, match in candidates:
                after = self.apply(mutator, match, current, target, mutation_id)
                if after is not current:
                    changed.append(mutator)
                    current = after
            if current is before or same(current, before):
                return Mutation(before if not passes else current, tuple(passes))
            passes.append(tuple(changed))
        raise ApplyError(
            f"mutation not converging: mutation {mutation_id} not converging for "
            f"{target.shown}"
        )

    def apply(
        self, mutator: Mutator, match: M, obj: Any, target: Target[M], mutation_id: str
    ) -> Any:
        try:
            if not target.matches(match, obj):
                return obj
        except MatchFailed as error:
            raise ApplyError(
                f"matching for mutator {mutator.id} failed for {target.shown}: {error}"
            ) from error
        walk = Walk(
            mutator.path,
            tests=mutator.tests,
            setter=mutator.setter,
            facts=target.facts,
        )
        try:
            return walk.apply(obj)
        except ApplyError as error:
            raise ApplyError(
                f"mutation {mutation_id} for mutator {mutator.id} failed for "
                f"{target.shown}: {error}"
            ) from error

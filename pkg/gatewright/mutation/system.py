"""The ordered set of mutators, applied until nothing changes.

Mutators run in the order of their ids (kind, then name), pass after pass, until
a pass leaves the object as it was; at most one pass more than there are
mutators.  Those whose schemas conflict are left out, all sides of a conflict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Protocol, TypeVar

from gatewright.mutation.errors import ApplyError
from gatewright.mutation.mutator import Mutator, MutatorId
from gatewright.mutation.schema import conflict_text, conflicts
from gatewright.mutation.setters import Facts, same
from gatewright.mutation.traverse import Walk

__all__ = ["Form", "MatchFailed", "Mutation", "MutatorSystem", "Target"]

MUTATION_ID: str = "gatekeeper.sh/mutation-id"
MUTATIONS: str = "gatekeeper.sh/mutations"

M = TypeVar("M")
M_contra = TypeVar("M_contra", contravariant=True)


#: Kinds of objects whose mutators are remembered; anyone may name new ones.
KNOWN_KINDS: Final = 1024


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


class Form(Protocol):
    """How an object under mutation is held; `Plain`: as JSON data."""

    def apply(self, mutator: Mutator, obj: Any, facts: Facts) -> Any:
        """The object mutated, the same one if nothing changes; None if nothing is set.

        Raises ApplyError.
        """
        ...

    def same(self, a: Any, b: Any) -> bool:
        """True if two objects are equal."""
        ...


class Plain:
    """Objects as dict, list, str, ...: what any other form is held against."""

    __slots__ = ()

    def apply(self, mutator: Mutator, obj: Any, facts: Facts) -> Any:
        walk = Walk(
            mutator.path, tests=mutator.tests, setter=mutator.setter, facts=facts
        )
        return walk.apply(obj)

    def same(self, a: Any, b: Any) -> bool:
        return same(a, b)


PLAIN: Final = Plain()


@dataclass(frozen=True, slots=True)
class Mutation:
    """The outcome: the object (the same one if nothing changed) and, for each
    pass that changed something, the mutators that set their value, were it the one
    that was there: Gatekeeper counts these too."""

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

    def annotations(self, mutation_id: str) -> dict[str, str]:
        """The two annotations of `--mutation-annotations`."""
        return {MUTATION_ID: mutation_id, MUTATIONS: self.applied}

    def annotated(self, mutation_id: str) -> Any:
        """The object with these annotations."""
        metadata = self.object.get("metadata") or {}
        annotations = metadata.get("annotations") or {}
        added = self.annotations(mutation_id)
        return {
            **self.object,
            "metadata": {**metadata, "annotations": {**annotations, **added}},
        }


@dataclass(frozen=True, slots=True)
class MutatorSystem(Generic[M]):
    """`active` in order with their compiled match, `disabled` with the reason;
    `by_kind` remembers `candidates`."""

    active: tuple[tuple[Mutator, M], ...]
    disabled: Mapping[MutatorId, str] = field(default_factory=dict)
    by_kind: dict[tuple[tuple[str, str, str], str], tuple[tuple[Mutator, M], ...]] = (
        field(default_factory=dict, repr=False, compare=False)
    )

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

    def candidates(
        self, gvk: tuple[str, str, str], operation: str
    ) -> tuple[tuple[Mutator, M], ...]:
        """The mutators that are for objects of this kind, in order."""
        key = (gvk, operation)
        found = self.by_kind.get(key)
        if found is None:
            if len(self.by_kind) >= KNOWN_KINDS:
                self.by_kind.clear()
            found = self.by_kind[key] = tuple(
                one for one in self.active if one[0].applies(gvk, operation)
            )
        return found

    def mutate(
        self,
        obj: Any,
        target: Target[M],
        *,
        mutation_id: str,
        form: Form = PLAIN,
    ) -> Mutation:
        """Apply every mutator that matches until nothing changes.

        `obj` is held in `form`; `mutation_id` names the mutation in errors.  Raises
        ApplyError, and what the form raises.
        """
        candidates = self.candidates(target.gvk, target.operation)
        passes: list[tuple[Mutator, ...]] = []
        current = obj
        for _ in range(len(self.active) + 1):
            before = current
            changed: list[Mutator] = []
            for mutator, match in candidates:
                try:
                    if not target.matches(match, current):
                        continue
                    after = form.apply(mutator, current, target.facts)
                except MatchFailed as error:
                    raise ApplyError(
                        f"matching for mutator {mutator.id} failed for "
                        f"{target.shown}: {error}"
                    ) from error
                except ApplyError as error:
                    raise ApplyError(
                        f"mutation {mutation_id} for mutator {mutator.id} failed for "
                        f"{target.shown}: {error}"
                    ) from error
                if after is not None:
                    changed.append(mutator)
                    current = after
            if current is before or form.same(current, before):
                return Mutation(before if not passes else current, tuple(passes))
            passes.append(tuple(changed))
        raise ApplyError(
            f"mutation not converging: mutation {mutation_id} not converging for "
            f"{target.shown}"
        )

"""Objects as the mutators of an input leave them.

Reviews are of objects as they were written, but gator shows them as they are after
its preparations for expansion, which mutate them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final
from uuid import uuid4

from gatewright.gator.policies import GatorError
from gatewright.k8s import gvk, meta
from gatewright.match.block import Matcher, compile_match
from gatewright.match.subject import NamespaceFacts
from gatewright.mutation.errors import ApplyError, MutatorError
from gatewright.mutation.mutator import parse_mutator
from gatewright.mutation.review import ObjectTarget
from gatewright.mutation.setters import Facts
from gatewright.mutation.system import MutatorSystem

__all__ = ["Mutators"]

_GROUP: Final = "mutations.gatekeeper.sh"
_KINDS: Final = ("Assign", "AssignMetadata", "ModifySet", "AssignImage")


def _is_mutator(obj: Mapping[str, Any]) -> bool:
    named = gvk.gvk_of(obj)
    return named.group == _GROUP and named.kind in _KINDS


class Mutators:
    """The mutators of an input; raises GatorError."""

    def __init__(self, objects: Iterable[Mapping[str, Any]]) -> None:
        resources = [obj for obj in objects if _is_mutator(obj)]
        try:
            mutators = [parse_mutator(dict(obj), defaults=False) for obj in resources]
        except MutatorError as error:
            raise GatorError(
                f"error creating expander: error parsing resources: {error}"
            ) from error
        self._system: MutatorSystem[Matcher] = MutatorSystem.build(
            mutators, compile_match=lambda match: compile_match(match or {})
        )

    def applied(
        self, obj: dict[str, Any], namespace: NamespaceFacts | None
    ) -> dict[str, Any]:
        """Return an object mutated, or as it is; raise GatorError."""
        if not self._system.active:
            return obj
        named, name, home = gvk.gvk_of(obj), meta.name_of(obj), meta.namespace_of(obj)
        target = ObjectTarget(
            gvk=(named.group, named.version, named.kind),
            operation="",
            facts=Facts(name, home),
            shown=f"{named.group} {named.kind} {home} {name}",
            namespace=namespace,
            home=home,
        )
        try:
            out: dict[str, Any] = self._system.mutate(
                obj, target, mutation_id=str(uuid4())
            ).object
        except ApplyError as error:
            raise GatorError(
                f"expanding resource {name}: error mutating base resource {name}: {error}"
            ) from error
        return out

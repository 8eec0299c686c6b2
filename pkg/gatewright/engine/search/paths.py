"""What a ref finds in a value, step by step.

`values` of a step are terms: parts of a literal with variables in it are read in
the bindings of that literal.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from gatewright.engine.search.bindings import Bindings
from gatewright.engine.search.early import Early, Outcome, Then
from gatewright.engine.search.terms import NODES, equal, is_collection
from gatewright.engine.values import UNDEFINED, Set, pairs
from gatewright.rego import ast

if TYPE_CHECKING:
    from gatewright.engine.search.steps import Evaluation

__all__ = ["Path", "Walk"]


class Walk:
    """A ref to be walked: `ref` is read in `where`, `goal` in `goal_where`."""

    __slots__ = ("e", "goal", "goal_where", "ref", "where")

    def __init__(
        self,
        e: Evaluation,
        ref: list[Any],
        where: Bindings,
        goal: Any,
        goal_where: Bindings,
    ) -> None:
        self.e = e
        self.ref = ref
        self.where = where
        self.goal = goal
        self.goal_where = goal_where


class Path(Walk):
    """A ref walked in a term."""

    __slots__ = ()

    def walk(self, place: int, term: Any, of: Bindings, then: Then) -> Outcome:
        """Go on with the part of the ref at a place, in a term read in `of`."""
        if place == len(self.ref):
            return self.e.unify(term, self.goal, then, of, self.goal_where)
        key = self.where.plug(self.ref[place])
        if type(key) in NODES:
            return self._each(place, term, of, then)
        return self._one(place, term, of, key, then)

    def _one(
        self, place: int, term: Any, of: Bindings, key: Any, then: Then
    ) -> Outcome:
        found, where = self._get(term, of, key)
        if found is UNDEFINED:
            return None
        return self.walk(place + 1, found, where, then)

    def _get(self, term: Any, of: Bindings, key: Any) -> tuple[Any, Bindings]:
        get = self.e.search.get
        kind = type(term)
        if kind not in NODES:
            return UNDEFINED if type(key) in NODES else get(term, key), of
        if kind is ast.Array:
            found = get(term.items, key)
            return (found, of) if found is UNDEFINED else of.apply(found)
        if kind is ast.Set:
            for item in term.items:
                if _same(of.plug(item), key):
                    return key, of
        if kind is ast.Object:
            for name, item in term.items:
                if _same(of.plug(name), key):
                    return of.apply(item)
        return UNDEFINED, of

    def _each(self, place: int, term: Any, of: Bindings, then: Then) -> Outcome:
        e, part = self.e, self.ref[place]
        late: Early | None = None
        for key in self._keys(place, term):

            def go(key: Any = key) -> Outcome:
                return self._one(place, term, of, of.plug(key), then)

            end = e.unify(key, part, go, of, self.where)
            if end is None:
                continue
            if type(end) is not Early or not end.deferred:
                return end
            late = late or end
        return late

    def _keys(self, place: int, term: Any) -> Iterator[Any]:
        kind = type(term)
        if kind is list:
            yield from range(len(term))
        elif kind is ast.Array:
            yield from range(len(term.items))
        elif kind is Set:
            wanted: Any = UNDEFINED
            if place == len(self.ref) - 1:
                wanted = self.goal_where.plug(self.goal)
            if wanted is UNDEFINED or type(wanted) in NODES:
                yield from term.items
            elif self.e.search.member(term, wanted) is not UNDEFINED:
                yield wanted
        elif kind is ast.Set:
            yield from term.items
        elif kind is ast.Object:
            yield from (key for key, _ in term.items)
        elif is_collection(term):
            yield from (key for key, _ in pairs(term))


def _same(a: Any, b: Any) -> bool:
    """Whether two keys are equal; what is open is equal to itself alone."""
    if type(a) in NODES or type(b) in NODES:
        return type(a) is type(b) and bool(a == b)
    return equal(a, b)

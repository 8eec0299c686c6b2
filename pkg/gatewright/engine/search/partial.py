"""Rules that make sets and objects, a key at a time where the key is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gatewright.engine.errors import CONFLICT_ERROR
from gatewright.engine.search.bindings import Bindings
from gatewright.engine.search.early import Outcome, Then
from gatewright.engine.search.events import Op
from gatewright.engine.search.paths import Path
from gatewright.engine.search.ruleindex import Found
from gatewright.engine.search.stack import error_at
from gatewright.engine.search.terms import NODES, Definition, equal, value_key
from gatewright.engine.values import UNDEFINED, Set, Value, make_object
from gatewright.rego import ast

if TYPE_CHECKING:
    from gatewright.engine.search.documents import Tree
    from gatewright.engine.search.steps import Evaluation

__all__ = ["Partial"]

#: In a cache's key, a variable: any value.
_OPEN: Final = ("open",)


class _Branch:
    """An object under construction; its leaves are values or `_Leaves`."""

    def __init__(self) -> None:
        self.entries: dict[Any, tuple[Value, Any]] = {}

    def value(self) -> Value:
        return make_object(
            (key, item.value() if isinstance(item, (_Branch, _Leaves)) else item)
            for key, item in self.entries.values()
        )


class _Leaves:
    """A set under construction."""

    def __init__(self) -> None:
        self.items: dict[Any, Value] = {}

    def add(self, value: Value) -> bool:
        """Add a value; whether it was there."""
        mark = value_key(value)
        there = mark in self.items
        if not there:
            self.items[mark] = value
        return there

    def value(self) -> Value:
        return Set(self.items.values())


class _Result:
    """What the definitions have given so far."""

    def __init__(self, place: int, *, is_set: bool) -> None:
        self.place = place
        self.whole: Any = _Leaves() if is_set else _Branch()
        self.visited: list[tuple[Any, ...]] = []

    def add(self, definition: Definition, where: Bindings) -> tuple[Outcome, bool]:
        """Add one solution; whether it was there already."""
        if isinstance(self.whole, _Leaves):
            return None, self.whole.add(where.plug(definition.key))
        path = [where.plug(part) for part in definition.ref[self.place + 1 :]]
        conflict = error_at(
            definition.node.head.loc, CONFLICT_ERROR, "object keys must be unique"
        )
        marks = tuple(map(value_key, path))
        if any(
            len(seen) < len(marks) and marks[: len(seen)] == seen
            for seen in self.visited
        ):
            return conflict, False
        self.visited.append(marks)
        branch = self.whole
        for key, mark in zip(path[:-1], marks[:-1], strict=True):
            if mark not in branch.entries:
                branch.entries[mark] = (key, _Branch())
            branch = branch.entries[mark][1]
            if not isinstance(branch, _Branch):
                return conflict, False
        last = branch.entries.get(marks[-1])
        if definition.many:
            if last is None:
                last = branch.entries[marks[-1]] = (path[-1], _Leaves())
            if not isinstance(last[1], _Leaves):
                return conflict, False
            return None, last[1].add(where.plug(definition.key))
        value = where.plug(definition.value)
        if last is None:
            branch.entries[marks[-1]] = (path[-1], value)
            return None, False
        if isinstance(last[1], (_Branch, _Leaves)) or not equal(last[1], value):
            return conflict, False
        return None, True


class Partial:
    """A ref at rules that make a set or an object."""

    __slots__ = ("e", "found", "place", "tree")

    def __init__(self, tree: Tree, found: Found) -> None:
        self.e = tree.e
        self.tree = tree
        self.found = found
        self.place = tree.place

    def evaluate(self, then: Then) -> Outcome:
        tree = self.tree
        if len(tree.ref) == self.place + 1:
            key = self._key(self.place + 1)
            cache = self.e.search.cache[-1]
            if key not in cache:
                end, value = self._all()
                if end is not None:
                    return end
                cache[key] = value
            return self.e.unify(
                cache[key], tree.goal, then, tree.where, tree.goal_where
            )
        if not self.found.rules and self.found.default is None:
            return None
        return self._some(then)

    def _key(self, end: int) -> tuple[Any, ...]:
        return ("data", *map(value_key, self.tree.plugged[1:end]))

    def _result(self) -> _Result:
        is_set = self.found.many and self.found.ground
        return _Result(self.place, is_set=is_set)

    def _all(self) -> tuple[Outcome, Value]:
        """Everything that the definitions give."""
        result = self._result()
        for definition in self.found.rules:
            child = self.e.child(definition.body)
            child.emit(Op.ENTER, definition)

            def solved(inner: Evaluation, rule: Definition = definition) -> Outcome:
                inner.leave(rule)
                end, _ = result.add(rule, inner.bindings)
                if end is None:
                    inner.emit(Op.REDO, rule)
                return end

            end = child.run(solved)
            if end is not None:
                return end, UNDEFINED
        return None, result.whole.value()

    def _rest(self, place: int, value: Value, then: Then) -> Outcome:
        tree = self.tree
        path = Path(self.e, tree.ref, tree.where, tree.goal, tree.goal_where)
        return path.walk(place, value, tree.where, then)

    def _some(self, then: Then) -> Outcome:
        """The part of it that the ref asks for."""
        tree, cache = self.tree, self.e.search.cache[-1]
        whole = self._key(self.place + 1)
        if whole in cache:
            return self._rest(self.place + 1, cache[whole], then)
        if type(tree.where.plug(tree.ref[self.place + 1])) is ast.Var:
            end, value = self._all()
            if end is not None:
                return end
            cache[whole] = value
            return self._rest(self.place + 1, value, then)
        hit, key, path = self._hint(whole)
        if hit is not None:
            return self._rest(self.place + len(path) + 1, cache[hit], then)
        result = self._result()
        for definition in self.found.rules:
            end = self._matching(definition, result)
            if end is not None:
                return end
        value = result.whole.value()
        if key is not None:
            found = self.e.search.find(value, path)
            if found is not UNDEFINED:
                cache[key] = found
        return self._rest(self.place + 1, value, then)

    def _hint(
        self, whole: tuple[Any, ...]
    ) -> tuple[tuple[Any, ...] | None, tuple[Any, ...] | None, list[Value]]:
        """The key under which the part is kept, or would be; and its path.

        Known parts of the ref after an open one narrow what is evaluated, so they
        are a part of the key without being one of the path.
        """
        tree, cache = self.tree, self.e.search.cache[-1]
        longest = 0
        for rule in self.found.rules:
            longest = max(longest, len(rule.ref) + rule.many)
        path: list[Value] = []
        key = whole
        scope: list[Any] = []
        for part in tree.ref[self.place + 1 : min(longest, len(tree.ref))]:
            plugged = tree.where.plug(part)
            known = type(plugged) not in NODES
            if known and not scope:
                path.append(plugged)
                key = (*key, value_key(plugged))
            else:
                if not path:
                    break
                scope.append(value_key(plugged) if known else _OPEN)
            mark = (*key, ("scope", *scope)) if scope else key
            if mark in cache:
                return mark, None, path
        while scope and scope[-1] is _OPEN:
            scope.pop()
        if not path:
            return None, None, path
        return None, ((*key, ("scope", *scope)) if scope else key), path

    def _matching(self, definition: Definition, result: _Result) -> Outcome:
        """What one definition gives under the parts of the ref that are known."""
        child = self.e.child(definition.body)
        child.emit(Op.ENTER, definition)

        def solved(inner: Evaluation) -> Outcome:
            inner.leave(definition)
            end, there = result.add(definition, inner.bindings)
            if end is None:
                if there:
                    inner.emit(Op.DUPLICATE, definition)
                inner.emit(Op.REDO, definition)
            return end

        def matched() -> Outcome:
            child.defined = True
            return child.run(solved)

        end = self._head(definition, child, self.place + 1, matched)
        if end is None and not child.defined:
            child.emit(Op.FAIL, definition)
        return end

    def _head(
        self, definition: Definition, child: Evaluation, place: int, then: Then
    ) -> Outcome:
        """Unify the rest of the ref with the head's."""
        tree, head = self.tree, definition.ref
        where = child.bindings
        if place < len(tree.ref) and place < len(head):

            def rest() -> Outcome:
                return self._head(definition, child, place + 1, then)

            return child.unify(tree.ref[place], head[place], rest, tree.where, where)
        if definition.many and place < len(tree.ref) and len(head) <= len(tree.ref):
            key = definition.key
            return child.unify(tree.ref[place], key, then, tree.where, where)
        return then()

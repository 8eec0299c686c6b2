"""`data`: base documents and rules as one tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewright.engine.search import virtual
from gatewright.engine.search.base import merged, resolve
from gatewright.engine.search.bindings import Bindings
from gatewright.engine.search.early import Early, Outcome, Then
from gatewright.engine.search.paths import Walk
from gatewright.engine.search.terms import (
    NODES,
    build,
    is_collection,
    node_key,
    value_key,
)
from gatewright.engine.values import UNDEFINED, Set, Value, make_object, pairs
from gatewright.rego import ast
from gatewright.rego.rule_tree import RuleNode

if TYPE_CHECKING:
    from gatewright.engine.search.steps import Evaluation

__all__ = ["Tree"]


class Tree(Walk):
    """A ref that starts with `data`.

    `plugged` are its parts as far as they are known by now.
    """

    __slots__ = ("node", "place", "plugged")

    def __init__(
        self,
        e: Evaluation,
        ref: list[Any],
        where: Bindings,
        goal: Any,
        goal_where: Bindings,
    ) -> None:
        super().__init__(e, ref, where, goal, goal_where)
        self.plugged = list(ref)
        self.place = 1
        self.node: RuleNode | None = e.search.program.tree

    def walk(self, then: Then) -> Outcome:
        """Go on with the next part of the ref."""
        if self.place == len(self.ref):
            end, value = self._extent()
            if end is not None or value is UNDEFINED:
                return end
            return self.e.unify(self.goal, value, then, self.goal_where, self.where)
        key = self.where.plug(self.ref[self.place])
        if type(key) in NODES:
            return self._each(then)
        return self._one(key, then)

    def _one(self, key: Value, then: Then) -> Outcome:
        self.plugged[self.place] = key
        search = self.e.search
        path = self.plugged[1 : self.place + 1]
        node = None
        if not search.replaced(path) and self.node is not None:
            node = self.node.children.get(node_key(key))
            if node is not None and node.rules:
                found = virtual.Virtual(self, node)
                return found.evaluate(then)
        below = Tree.__new__(Tree)
        for name in ("e", "ref", "where", "goal", "goal_where", "plugged"):
            setattr(below, name, getattr(self, name))
        below.place = self.place + 1
        below.node = node
        return below.walk(then)

    def _each(self, then: Then) -> Outcome:
        e, part = self.e, self.ref[self.place]
        document = resolve(e, self.plugged[1 : self.place])
        keys = _keys(document)
        late: Early | None = None
        for key in keys:

            def go(key: Value = key) -> Outcome:
                return self._one(key, then)

            end = e.unify(key, part, go, self.where, self.where)
            if end is None:
                continue
            if type(end) is not Early or not end.deferred:
                return end
            late = late or end
        if late is not None or self.node is None:
            return late
        known = {value_key(key) for key in keys}
        for child in self.node.sorted_children():
            key = _plain_key(child.key)
            if value_key(key) in known:
                continue

            def descend(key: Value = key) -> Outcome:
                return self._one(key, then)

            end = e.unify(key, part, descend, self.where, self.where)
            if end is not None:
                return end
        return None

    def _extent(self) -> tuple[Outcome, Value]:
        """The value of everything at this place."""
        base = resolve(self.e, self.plugged[1:])
        if self.node is None:
            return None, base
        end, rules = self._leaves(self.plugged, self.node)
        if end is not None:
            return end, UNDEFINED
        return None, rules if base is UNDEFINED else merged(base, rules)

    def _leaves(self, path: list[Any], node: RuleNode) -> tuple[Outcome, Value]:
        e = self.e
        found: list[tuple[Value, Value]] = []
        for child in node.sorted_children():
            if child.hide:
                continue
            key = _plain_key(child.key)
            below = [*path, key]
            value: Value = UNDEFINED
            if child.rules:
                out = ast.Var("$leaf")

                def keep(out: ast.Var = out) -> Outcome:
                    nonlocal value
                    value = e.bindings.plug(out)
                    return None

                end = e.unify(ast.Ref(below), out, keep)
            else:
                end, value = self._leaves(below, child)
            if end is not None:
                return end, UNDEFINED
            if value is UNDEFINED:
                continue
            if found and value_key(found[-1][0]) == value_key(key):
                # Two spellings of a number are two children and one key.
                first, before = found.pop()
                key, value = first, _union(before, value)
                if value is UNDEFINED:
                    return None, UNDEFINED
            found.append((key, value))
        return None, make_object(found)


def _keys(value: Value) -> list[Value]:
    if isinstance(value, list):
        return list(range(len(value)))
    if isinstance(value, Set):
        return list(value.items)
    if value is not UNDEFINED and is_collection(value):
        return [key for key, _ in pairs(value)]
    return []


def _union(one: Value, other: Value) -> Value:
    """Two objects as one; UNDEFINED where both have a value that is none."""
    if any(isinstance(v, (list, Set)) or not is_collection(v) for v in (one, other)):
        return UNDEFINED
    entries = {value_key(key): (key, item) for key, item in pairs(one)}
    for key, item in pairs(other):
        mark = value_key(key)
        if mark in entries:
            item = _union(entries[mark][1], item)
            if item is UNDEFINED:
                return UNDEFINED
        entries[mark] = (key, item)
    return make_object(entries.values())


def _plain_key(term: Any) -> Value:
    key = build(term)
    return key.name if type(key) is ast.Var else key

"""Making two terms equal, in every way there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewright.engine.errors import CONFLICT_ERROR
from gatewright.engine.search import documents
from gatewright.engine.search.bindings import Bindings
from gatewright.engine.search.early import Outcome, Then
from gatewright.engine.search.events import Op
from gatewright.engine.search.paths import Path
from gatewright.engine.search.stack import error_at
from gatewright.engine.search.terms import NODES, Comprehension, equal, value_key
from gatewright.engine.values import UNDEFINED, Set, make_object, pairs
from gatewright.rego import ast

if TYPE_CHECKING:
    from gatewright.engine.search.steps import Evaluation

__all__ = ["unify"]


def unify(
    e: Evaluation, a: Any, b: Any, of_a: Bindings, of_b: Bindings, then: Then
) -> Outcome:
    """Call `then` for each way to make `a` (read in `of_a`) and `b` equal."""
    a, of_a = of_a.apply(a)
    b, of_b = of_b.apply(b)
    telling = e.search.unifications
    if telling:
        e.emit(Op.UNIFY, (a, b))
    kind_a, kind_b = type(a), type(b)
    plain_a, plain_b = kind_a not in NODES, kind_b not in NODES
    if plain_a and plain_b and not (telling and kind_a in (list, dict)):
        return then() if equal(a, b) else None
    if kind_a is ast.Ref:
        return _ref(e, a, b, of_a, of_b, then)
    if kind_b is ast.Ref:
        return _ref(e, b, a, of_b, of_a, then)
    if kind_a is Comprehension:
        return _comprehension(e, a, b, of_a, of_b, then)
    if kind_b is Comprehension:
        return _comprehension(e, b, a, of_b, of_a, then)
    if kind_a is ast.Var:
        if kind_b is ast.Var and of_a is of_b and a.name == b.name:
            return then()
        return _bound(a.name, b, of_a, of_b, then)
    if kind_b is ast.Var:
        return _bound(b.name, a, of_b, of_a, then)
    left, right = _items(a), _items(b)
    if left is not None and right is not None:
        if len(left) != len(right):
            return None
        return _each(e, left, right, of_a, of_b, then)
    if _is_object(a) and _is_object(b):
        return _objects(e, a, b, of_a, of_b, then)
    if isinstance(a, (Set, ast.Set)) and isinstance(b, (Set, ast.Set)):
        a, b = of_a.plug(a), of_b.plug(b)
        if type(a) not in NODES and type(b) not in NODES:
            return then() if equal(a, b) else None
        return then() if type(a) is type(b) and a == b else None
    return None


def _bound(name: str, term: Any, where: Bindings, of: Bindings, then: Then) -> Outcome:
    where.bind(name, term, of)
    end = then()
    where.free(name)
    return end


def _items(term: Any) -> list[Any] | None:
    if type(term) is list:
        return term
    return term.items if type(term) is ast.Array else None


def _each(
    e: Evaluation,
    left: list[Any],
    right: list[Any],
    of_a: Bindings,
    of_b: Bindings,
    then: Then,
    place: int = 0,
) -> Outcome:
    if place == len(left):
        return then()

    def rest() -> Outcome:
        return _each(e, left, right, of_a, of_b, then, place + 1)

    return unify(e, left[place], right[place], of_a, of_b, rest)


def _is_object(term: Any) -> bool:
    return type(term) in (dict, ast.Object) or hasattr(term, "pairs")


def _objects(
    e: Evaluation, a: Any, b: Any, of_a: Bindings, of_b: Bindings, then: Then
) -> Outcome:
    left, right = _entries(a, of_a), _entries(b, of_b)
    if left is None or right is None or left.keys() != right.keys():
        return None
    keys = list(left)
    return _each(
        e, [left[key] for key in keys], [right[key] for key in keys], of_a, of_b, then
    )


def _entries(term: Any, of: Bindings) -> dict[Any, Any] | None:
    if type(term) is not ast.Object:
        return {value_key(key): item for key, item in pairs(term)}
    out = {}
    for key, item in term.items:
        key = of.plug(key)
        if type(key) in NODES:
            return None
        out[value_key(key)] = item
    return out


def _ref(
    e: Evaluation, ref: ast.Ref, goal: Any, of: Bindings, of_goal: Bindings, then: Then
) -> Outcome:
    parts: Any = ref.terms
    head = parts[0]
    if type(head) is ast.Var and head.name == "data":
        return documents.Tree(e, parts, of, goal, of_goal).walk(then)
    if type(head) is ast.Var and head.name == "input":
        if e.input is UNDEFINED:
            return None
        return Path(e, parts, of, goal, of_goal).walk(1, e.input, of, then)
    term, where = of.apply(head)
    if term is head and type(head) is ast.Var:
        return None
    return Path(e, parts, of, goal, of_goal).walk(1, term, where, then)


# Comprehensions -------------------------------------------------------------


def _comprehension(
    e: Evaluation,
    term: Comprehension,
    goal: Any,
    of: Bindings,
    of_goal: Bindings,
    then: Then,
) -> Outcome:
    keys = e.search.program.keys_of(term)
    if keys is not None:
        end, value = _gathered(e, term, keys)
        if end is not None:
            return end
        if value is not UNDEFINED:
            return unify(e, value, goal, of, of_goal, then)
    gather = _Gather(term)
    child = e.closure(term.body)
    end = child.whole(gather.add)
    if end is not None:
        return end
    return unify(e, gather.value(), goal, of, of_goal, then)


class _Gather:
    """The elements of a comprehension as they come."""

    def __init__(self, term: Comprehension, *, strict: bool = True) -> None:
        self.term = term
        self.strict = strict
        self.items: list[Any] = []
        self.entries: dict[Any, tuple[Any, Any]] = {}

    def add(self, e: Evaluation) -> Outcome:
        item = e.bindings.plug(self.term.term)
        if self.term.kind != "object":
            self.items.append(item)
            return None
        key = e.bindings.plug(self.term.key)
        # In a group, what comes from outside of the comprehension is still open.
        mark = value_key(key) if type(key) not in NODES else ("open", repr(key))
        known = self.entries.get(mark)
        if self.strict and known is not None and not equal(known[1], item):
            loc = self.term.node.key.loc
            return error_at(loc, CONFLICT_ERROR, "object keys must be unique")
        self.entries[mark] = (key, item)
        return None

    def value(self) -> Any:
        items, kind = self.items, self.term.kind
        entries = list(self.entries.values())
        if not self.strict:
            if any(type(one) in NODES for one in items):
                return (ast.Array if kind == "array" else ast.Set)(items)
            if any(type(one) in NODES for entry in entries for one in entry):
                return ast.Object(entries)
        if kind == "array":
            return items
        if kind == "set":
            return Set(items)
        return make_object(entries)


def _gathered(
    e: Evaluation, term: Comprehension, keys: list[str]
) -> tuple[Outcome, Any]:
    """The result for what the outer variables hold now; UNDEFINED if none came."""
    if e.gathered is None:
        e.gathered = [{}]
    results = e.gathered[-1].get(id(term.node))
    if results is None:
        groups: dict[Any, _Gather] = {}
        child = e.child(term.body)

        def add(inner: Evaluation) -> Outcome:
            mark = tuple(value_key(inner.bindings.plug(ast.Var(key))) for key in keys)
            group = groups.setdefault(mark, _Gather(term, strict=False))
            return group.add(inner)

        end = child.whole(add)
        if end is not None:
            return end, UNDEFINED
        results = {mark: group.value() for mark, group in groups.items()}
        e.gathered[-1][id(term.node)] = results
    mark = tuple(value_key(e.bindings.plug(ast.Var(key))) for key in keys)
    return None, results.get(mark, UNDEFINED)

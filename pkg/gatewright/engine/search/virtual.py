"""Rules as documents: complete ones, and those that make sets and objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewright.engine.errors import CONFLICT_ERROR, EvalError
from gatewright.engine.search.base import resolve
from gatewright.engine.search.bindings import Bindings
from gatewright.engine.search.conflicts import Conflicts
from gatewright.engine.search.definitions import each_definition
from gatewright.engine.search.early import Outcome, Then, unwrapped
from gatewright.engine.search.events import Op
from gatewright.engine.search.partial import Partial
from gatewright.engine.search.paths import Path
from gatewright.engine.search.ruleindex import ARGUMENTS, UNKNOWN, Found
from gatewright.engine.search.stack import error_at
from gatewright.engine.search.terms import Definition, equal, value_key
from gatewright.engine.values import UNDEFINED, Value
from gatewright.rego.rule_tree import RuleNode

if TYPE_CHECKING:
    from gatewright.engine.search.documents import Tree
    from gatewright.engine.search.steps import Evaluation

__all__ = ["Virtual", "look_up"]


def look_up(
    e: Evaluation,
    node: RuleNode,
    ref: list[Any],
    args: list[Any] | None,
) -> Found:
    """The definitions at a node that may hold; tells of it."""
    search = e.search
    index = search.program.index(node)

    def value(wanted: list[Any]) -> Value:
        head, *path = wanted
        if head is ARGUMENTS:
            if args is None or path[0] >= len(args):
                return UNKNOWN
            return e.bindings.plug(args[path[0]])
        if head.name == "input":
            return UNDEFINED if e.input is UNDEFINED else search.find(e.input, path)
        return resolve(e, path)

    if search.indexing:
        found = index.lookup(value)
    else:
        found = index.everything()
    found.early_exit = found.early_exit and search.early_exit
    count = len(found.rules)
    early = ", early exit" if found.early_exit else ""
    message = f"(matched {count} rule{'' if count == 1 else 's'}{early})"
    e.emit(Op.INDEX, e.step, message, list(ref))
    return found


class Virtual:
    """The rules that a ref has come to."""

    __slots__ = ("e", "found", "node", "place", "tree")

    def __init__(self, tree: Tree, node: RuleNode) -> None:
        self.e = tree.e
        self.tree = tree
        self.node = node
        self.place = tree.place

    def evaluate(self, then: Then) -> Outcome:
        tree = self.tree
        ref = tree.plugged[: self.place + 1]
        self.found = look_up(self.e, self.node, ref, None)
        if self.found.many or not self.found.ground:
            return Partial(tree, self.found).evaluate(then)
        return self._complete(then)

    def _complete(self, then: Then) -> Outcome:
        found = self.found
        first = found.rules[0] if found.rules else found.default
        if first is None or first.args is not None:
            return None
        cache = self.e.search.cache[-1]
        key = ("data", *map(value_key, self.tree.plugged[1 : self.place + 1]))
        if key in cache:
            value = cache[key]
            if value is UNDEFINED:
                return None
            return self._rest(value, self.tree.where, then)

        def one(definition: Definition, before: Value) -> tuple[Outcome, Value]:
            return self._definition(definition, before, key, then)

        end, nothing = each_definition(found, one, self._conflict)
        if nothing:
            cache[key] = UNDEFINED
        return unwrapped(end)

    def _definition(
        self, definition: Definition, before: Value, key: Any, then: Then
    ) -> tuple[Outcome, Value]:
        e = self.e
        child = e.child(definition.body)
        child.one = self.found.early_exit
        child.emit(Op.ENTER, definition)
        result: Value = UNDEFINED

        def solved(inner: Evaluation) -> Outcome:
            nonlocal result, before
            inner.leave(definition)
            result = inner.bindings.plug(definition.value)
            if before is not UNDEFINED:
                if not equal(before, result):
                    return _conflict(definition)
                inner.emit(Op.REDO, definition)
                return None
            before = result
            e.search.cache[-1][key] = result
            term, where = inner.bindings.apply(definition.value)
            end = self._rest(term, where, then)
            if end is None:
                inner.emit(Op.REDO, definition)
            return end

        return child.run(solved), result

    def _rest(self, term: Any, where: Bindings, then: Then) -> Outcome:
        tree = self.tree
        path = Path(self.e, tree.ref, tree.where, tree.goal, tree.goal_where)
        return path.walk(self.place + 1, term, where, then)

    def _conflict(self, end: Outcome, definition: Definition) -> Outcome:
        if not isinstance(end, EvalError):
            return end

        def produce(other: Definition, conflicts: Conflicts) -> tuple[bool, Outcome]:
            child = self.e.child(other.body)
            child.one = self.found.early_exit
            return conflicts.evaluate(child, other)

        return Conflicts.listed(
            end, definition, self.found, produce, errors=self.e.search.errors
        )


def _conflict(definition: Definition) -> EvalError:
    text = f"rule {definition.path_text} produced conflicting values"
    return error_at(definition.loc, CONFLICT_ERROR, text)

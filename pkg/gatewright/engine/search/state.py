"""What the steps of one query share.

A `Program` is a compiled policy as the search reads it, good for any number of
queries; a `Search` is one query under way.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from gatewright.engine.binding import Binding
from gatewright.engine.errors import CANCEL_ERROR, EvalError
from gatewright.engine.library.context import Context
from gatewright.engine.library.operands import short_integer
from gatewright.engine.limits import Limits
from gatewright.engine.search.events import Listener
from gatewright.engine.search.ruleindex import RuleIndex
from gatewright.engine.search.terms import Definition, node_key, value_key
from gatewright.engine.values import UNDEFINED, Number, Set, Value
from gatewright.plan.comprehensions import comprehension_keys
from gatewright.rego import ast
from gatewright.rego.compiled import Compiled
from gatewright.rego.rule_tree import RuleNode
from gatewright.rego.stages.walk import is_ground, rules_of

if TYPE_CHECKING:
    from gatewright.builtins.declarations import Builtin

__all__ = ["Program", "Search"]

#: Steps between two looks at the clock.
_STRETCH: Final = 256


class Program:
    """A compiled policy, and what is found out about it while it is searched."""

    def __init__(self, compiled: Compiled, binding: Binding) -> None:
        self.tree = compiled.rule_tree
        self.builtins: Mapping[str, Builtin] = compiled.builtins
        self.binding = binding
        self.compiled = compiled
        self._definitions: dict[int, Definition] = {}
        self._indexes: dict[int, RuleIndex] = {}
        self._keys: dict[int, list[str]] = {}
        for module in compiled.modules.values():
            for rule in rules_of(module):
                args = rule.head.args or []
                self._keys.update(comprehension_keys(rule.body, args, compiled.arity))

    def query_keys(self, body: ast.Body) -> None:
        """Take in the comprehensions of a query."""
        self._keys.update(comprehension_keys(body, [], self.compiled.arity))

    def keys_of(self, comprehension: Any) -> list[str] | None:
        """The variables that a comprehension's results are kept by, if any."""
        return self._keys.get(id(comprehension.node))

    def definition(self, rule: ast.Rule) -> Definition:
        found = self._definitions.get(id(rule))
        if found is None:
            found = self._definitions[id(rule)] = Definition(rule)
        return found

    def node(self, path: Sequence[Value]) -> RuleNode | None:
        """The node below `data` at a path of values."""
        node = self.tree
        for key in path:
            below = node.children.get(node_key(key))
            if below is None:
                return None
            node = below
        return node

    def index(self, node: RuleNode) -> RuleIndex:
        """The index of the rules at a node."""
        found = self._indexes.get(id(node))
        if found is None:
            chains: list[list[Definition]] = []
            rules = node.rules
            if not all(map(_is_ground, rules)):
                # What lies below is a part of the same document.
                rules = [rule for inner in node.walk() for rule in inner.rules]
            for rule in rules:
                chain, branch = [], rule
                while branch is not None:
                    chain.append(self.definition(branch))
                    branch = branch.else_  # type: ignore[assignment]
                chains.append(chain)
            found = self._indexes[id(node)] = RuleIndex(chains, self.is_virtual)
        return found

    def is_virtual(self, ref: list[Any]) -> bool:
        """Whether a ref leads to rules, through them or to a package."""
        if getattr(ref[0], "name", "") != "data":
            return False
        node = self.tree
        for part in ref[1:]:
            below = node.children.get(node_key(part))
            if below is None:
                return False
            if below.rules:
                return True
            node = below
        return True

    def is_function(self, ref: Any) -> bool:
        """Whether a ref (in the search's form) names a function or a builtin."""
        if type(ref) is not ast.Ref or type(ref.terms[0]) is not ast.Var:
            return False
        if ref.terms[0].name == "data":
            node = self.node(ref.terms[1:]) if _plain(ref) else None
            return node is not None and any(rule.head.args for rule in node.rules)
        return dotted(ref) in self.builtins


def _is_ground(rule: ast.Rule) -> bool:
    return all(map(is_ground, rule.head.reference.terms[1:]))


def _plain(ref: Any) -> bool:
    return all(isinstance(part, str) for part in ref.terms[1:])


def dotted(ref: Any) -> str:
    """`data.a.f` for a ref in the search's form."""
    head, *rest = ref.terms
    return ".".join([head.name, *map(str, rest)])


class Search:
    """One query under way.

    `data` holds the base documents.  `indexing` and `early_exit` switch those
    off, which changes the steps and nothing else.  `unifications`: somebody wants
    to know of them.
    """

    def __init__(
        self,
        program: Program,
        *,
        data: Value,
        context: Context | None = None,
        limits: Limits = Limits(),  # noqa: B008 - immutable
        listeners: Sequence[Listener] = (),
        indexing: bool = True,
        early_exit: bool = True,
        unifications: bool = False,
        remembered: dict[Any, Any] | None = None,
    ) -> None:
        self.program = program
        self.data = data
        self.context = Context() if context is None else context
        self.listeners = list(listeners)
        self.indexing = indexing
        self.early_exit = early_exit
        self.unifications = unifications
        self.errors: list[EvalError] = []
        #: What builtins gave that need not give the same twice.
        self.remembered: dict[Any, Any] = {} if remembered is None else remembered
        self.cache: list[dict[Any, Any]] = [{}]
        self.targets: list[list[tuple[Any, ...]]] = []
        self._mocks: list[list[dict[str, Any]]] = [[]]
        self._members: dict[int, tuple[Set, dict[Any, Value]]] = {}
        self._last_id = -1
        self._steps = limits.steps
        self._deadline = 0
        if limits.seconds is not None:
            self._deadline = time.monotonic_ns() + int(limits.seconds * 1e9)

    def next_id(self) -> int:
        """A number for a body that is entered."""
        self._last_id += 1
        return self._last_id

    def stopped(self) -> EvalError | None:
        """Counts a step; the error that ends the query when it may take no more."""
        self._steps -= 1
        if self._steps < 0:
            return EvalError(CANCEL_ERROR, "evaluation took more steps than it may")
        look = self._deadline and not self._steps % _STRETCH
        if look and time.monotonic_ns() > self._deadline:
            return EvalError(CANCEL_ERROR, "context deadline exceeded")
        return None

    # Replacements by `with`

    def mocked(self, name: str) -> Any:
        """What a function is replaced by: UNDEFINED if it is not."""
        for frame in reversed(self._mocks[-1]):
            if name in frame:
                return frame[name]
        return UNDEFINED

    def push_mocks(self, frame: dict[str, Any]) -> None:
        self._mocks[-1].append(frame)

    def pop_mocks(self) -> None:
        self._mocks[-1].pop()

    def hide_mocks(self) -> None:
        """Inside of a replacement nothing is replaced."""
        self._mocks.append([])

    def show_mocks(self) -> None:
        self._mocks.pop()

    def replaced(self, path: Sequence[Value]) -> bool:
        """Whether a path of `data` lies at or below one that `with` replaced."""
        if not self.targets:
            return False
        key = ("data", *map(value_key, path))
        return any(
            key[: len(target)] == target for frame in self.targets for target in frame
        )

    # Values

    def member(self, value: Set, item: Value) -> Value:
        """The element of a set equal to a value; UNDEFINED when there is none."""
        found = self._members.get(id(value))
        if found is None or found[0] is not value:
            table = {value_key(one): one for one in value.items}
            found = self._members[id(value)] = (value, table)
        return found[1].get(value_key(item), UNDEFINED)

    def get(self, value: Value, key: Value) -> Value:
        """The element of a collection under a key; UNDEFINED when there is none."""
        kind = type(value)
        if kind is dict:
            return value.get(key, UNDEFINED) if type(key) is str else UNDEFINED
        if kind is list:
            if type(key) is Number:
                key = short_integer(key.text)
            if type(key) is int and 0 <= key < len(value):
                return value[key]
            return UNDEFINED
        if kind is Set:
            # As it was asked for: 2 though the element is 2.0.
            return UNDEFINED if self.member(value, key) is UNDEFINED else key
        if hasattr(value, "pairs"):
            wanted = value_key(key)
            for one, item in value.pairs:
                if value_key(one) == wanted:
                    return item
        return UNDEFINED

    def find(self, value: Value, path: Sequence[Value]) -> Value:
        """The value at a path; UNDEFINED when there is none."""
        for key in path:
            value = self.get(value, key)
            if value is UNDEFINED:
                break
        return value

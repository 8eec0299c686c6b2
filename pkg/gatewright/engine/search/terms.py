"""Rules and bodies as the search reads them.

A ground constant is its value; everything else is a node: variables, refs and
collections of the syntax tree (with their parts in this form), comprehensions,
bodies.  So a term is a value unless its type is in `NODES`.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Final

from gatewright.engine.values import (
    Number,
    Object,
    Set,
    Value,
    integer_text,
    make_object,
)
from gatewright.rego import ast
from gatewright.rego.printer import ref_text
from gatewright.rego.rule_tree import number_key
from gatewright.rego.stages.walk import is_ground

__all__ = [
    "NODES",
    "Body",
    "Comprehension",
    "Definition",
    "Step",
    "build",
    "equal",
    "is_collection",
    "node_key",
    "step_kind",
    "value_key",
]

_ABSENT: Final = object()


class Comprehension:
    """`kind` is `array`, `set` or `object`; `term` the element or value."""

    __slots__ = ("body", "key", "kind", "loc", "node", "term")

    def __init__(self, node: Any) -> None:
        self.node = node
        self.loc = node.loc
        self.body = Body(node.body)
        self.key: Any = None
        if type(node) is ast.ObjectComprehension:
            self.kind = "object"
            self.key, self.term = build(node.key), build(node.value)
        else:
            self.kind = "array" if type(node) is ast.ArrayComprehension else "set"
            self.term = build(node.term)


NODES: Final = frozenset(
    {ast.Var, ast.Ref, ast.Array, ast.Set, ast.Object, Comprehension}
)


def _number(text: str) -> Value:
    try:
        whole = int(text)
    except ValueError:
        return Number(text)
    return whole if str(whole) == text else Number(text)


def build(term: Any) -> Any:
    """A term of the tree in the search's form."""
    kind = type(term)
    if kind is ast.String:
        return term.value
    if kind is ast.Var:
        return term
    if kind is ast.Ref:
        return ast.Ref([build(part) for part in term.terms], term.loc)
    if kind is ast.Number:
        return _number(term.text)
    if kind is ast.Boolean:
        return term.value
    if kind is ast.Null:
        return None
    if kind is ast.Array or kind is ast.Set:
        items = [build(item) for item in term.items]
        if any(type(item) in NODES for item in items):
            return kind(items, term.loc)
        return items if kind is ast.Array else Set(items)
    if kind is ast.Object:
        pairs = [(build(key), build(value)) for key, value in term.items]
        if any(type(part) in NODES for pair in pairs for part in pair):
            return ast.Object(pairs, term.loc)
        return make_object(pairs)
    return Comprehension(term)


# Steps ----------------------------------------------------------------------

TERM, EQUALITY, CALL, EVERY, NOT, AND, OR, NOTHING = range(8)


def step_kind(expr: ast.Expr) -> int:
    """Which of the kinds above an expression is."""
    terms = expr.terms
    if expr.negated_body is not None:
        return NOT
    if type(terms) is list:
        operator = terms[0].terms  # type: ignore[union-attr]
        alone = len(operator) == 1 and getattr(operator[0], "name", "") == "eq"
        return EQUALITY if alone else CALL
    if type(terms) is ast.Every:
        return EVERY
    if type(terms) is ast.Logical:
        return AND if terms.op == "and" else OR
    return NOTHING if type(terms) is ast.SomeDecl else TERM


class Step:
    """One expression.  `parts` depends on `kind`."""

    __slots__ = (
        "index",
        "kind",
        "loc",
        "negated",
        "node",
        "opposite",
        "parts",
        "with_",
    )

    def __init__(self, node: ast.Expr, *, negated: bool | None = None) -> None:
        self.node = node
        self.loc = node.loc
        self.index = node.index
        self.negated = node.negated if negated is None else negated
        self.with_ = node.with_
        self.kind = step_kind(node)
        self.opposite: Body | None = None
        self.parts: Any
        terms: Any = node.terms
        if self.kind in (EQUALITY, CALL):
            self.parts = [build(term) for term in terms]
        elif self.kind == EVERY:
            self.parts = self._every(terms)
        elif self.kind == NOT:
            self.parts = Body(node.negated_body or [])
        elif self.kind in (AND, OR):
            self.parts = (Body(terms.left), Body(terms.right))
        else:
            self.parts = None if self.kind == NOTHING else build(terms)

    def _every(self, every: ast.Every) -> tuple[Any, Body, Body]:
        """The domain, the body that goes through it, and the body proper."""
        loc = every.domain.loc
        key = ast.Var("$every", loc) if every.key is None else every.key
        entry = ast.Ref([every.domain, key], loc)
        through = ast.Expr(
            [ast.Ref([ast.Var("eq", loc)], loc), entry, every.value], loc=loc
        )
        return build(every.domain), Body([through]), Body(every.body)

    def complement(self) -> Body:
        """The body that a negation negates."""
        if self.opposite is None:
            node = self.node
            plain = ast.Expr(
                node.terms,
                negated=not node.negated,
                generated=node.generated,
                negated_body=node.negated_body,
                loc=node.loc,
                explicit_body=node.explicit_body,
            )
            self.opposite = Body([plain])
        return self.opposite


class Body:
    """A conjunction of steps, made when they are first needed."""

    __slots__ = ("_steps", "loc", "node")

    def __init__(self, node: Sequence[ast.Expr]) -> None:
        self.node = node
        self.loc = node[0].loc if node else ast.NO_LOCATION
        self._steps: list[Step] | None = None

    @property
    def steps(self) -> list[Step]:
        if self._steps is None:
            self._steps = [Step(expr) for expr in self.node]
        return self._steps


class Definition:
    """A rule or one of its else branches.

    `ref`: its whole path from `data`.  `args`: None for what is no function.
    `many`: it adds `key` to a set.
    """

    __slots__ = ("args", "body", "key", "loc", "many", "node", "ref", "value")

    def __init__(self, node: ast.Rule) -> None:
        head = node.head
        package = [] if node.module is None else node.module.package.path.terms
        first, *rest = head.reference.terms
        name = ast.String(first.name, first.loc) if type(first) is ast.Var else first
        self.node = node
        self.loc = node.loc
        self.body = Body(node.body)
        self.ref = [build(term) for term in (*package, name, *rest)]
        self.args: list[Any] | None = None
        if head.args:
            self.args = [build(arg) for arg in head.args]
        self.many = head.value is None
        self.key = None if head.key is None else build(head.key)
        self.value: Any = _ABSENT if head.value is None else build(head.value)

    @property
    def path_text(self) -> str:
        """The path as Rego text, up to the first variable."""
        package = (
            [] if self.node.module is None else self.node.module.package.path.terms
        )
        first, *rest = self.node.head.reference.terms
        name = ast.String(first.name) if type(first) is ast.Var else first
        ground = itertools.takewhile(is_ground, rest)
        return ref_text([*package, name, *ground])

    @property
    def shown_value(self) -> Any:
        """The value, or the element of a set."""
        return self.key if self.value is _ABSENT else self.value


# Values ---------------------------------------------------------------------


def is_collection(value: Value) -> bool:
    """Whether a value has elements."""
    return isinstance(value, (list, dict, Set, Object))


def value_key(value: Value) -> Any:
    """A hashable form, as `term_key` gives it: equal exactly for equal values."""
    kind = type(value)
    if kind is str:
        return value
    if kind is bool:
        return ("b", value)
    if kind is int:
        return ("n", value)
    if value is None:
        return ("z",)
    if kind is Number:
        return ("n", number_key(value.text))
    if kind is list:
        return ("a", tuple(map(value_key, value)))
    if kind is Set:
        return ("t", frozenset(map(value_key, value.items)))
    pairs = value.items() if kind is dict else value.pairs
    return ("o", frozenset((value_key(key), value_key(item)) for key, item in pairs))


def node_key(value: Value) -> Any:
    """Under which a node of the rule tree has the child of a value: its `child_key`."""
    kind = type(value)
    if kind is Number:
        return ("n", value.text)
    return ("n", integer_text(value)) if kind is int else value_key(value)


def equal(a: Value, b: Value) -> bool:
    """Whether two values are equal in Rego."""
    if a is b:
        return True
    kind = type(a)
    if kind is type(b):
        if kind is str or kind is int or kind is bool:
            return bool(a == b)
        if kind is list:
            return len(a) == len(b) and all(map(equal, a, b))
        if kind is dict:
            return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
        return bool(value_key(a) == value_key(b))
    numbers = (int, Number)
    if isinstance(a, numbers) and isinstance(b, numbers):
        return kind is not bool and type(b) is not bool and value_key(a) == value_key(b)
    return False

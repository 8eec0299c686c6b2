"""The rule tree: every rule at the longest ground prefix of its reference.

`data.a.b[x].c` lives at the node `data -> a -> b`, next to a plain `data.a.b`;
what lies below a node with variables is decided at run time.  The root's key is
the variable `data`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from gatewright.rego import ast, order

__all__ = ["RuleNode", "child_key", "number_key", "term_key"]


def number_key(text: str) -> Hashable:
    """The numeric value of a number literal: equal for `1`, `1.0` and `1e0`."""
    mantissa, _, exponent = text.lower().partition("e")
    if exponent and len(exponent.lstrip("+-0")) > 5:
        return text
    value = Fraction(mantissa)
    if exponent:
        value *= Fraction(10) ** int(exponent)
    return value.numerator if value.denominator == 1 else value


def term_key(term: Any) -> Hashable:
    """A hashable form of a term, equal exactly when the ground values are equal.

    A string's key is its `str`; every other kind is a tagged tuple, so keys of
    different kinds never collide (`true`, `1` and `"1"` are three keys).
    Variables and refs get keys too (by name and by parts); closures and calls
    are keyed by identity.
    """
    kind = type(term)
    if kind is ast.String:
        return term.value
    if kind is ast.Number:
        return ("n", number_key(term.text))
    if kind is ast.Boolean:
        return ("b", term.value)
    if kind is ast.Null:
        return ("z",)
    if kind is ast.Var:
        return ("v", term.name)
    if kind is ast.Ref:
        return ("r", tuple(map(term_key, term.terms)))
    if kind is ast.Array:
        return ("a", tuple(map(term_key, term.items)))
    if kind is ast.Set:
        return ("t", frozenset(map(term_key, term.items)))
    if kind is ast.Object:
        items = {term_key(k): term_key(v) for k, v in term.items}
        return ("o", frozenset(items.items()))
    return ("i", id(term))


def child_key(term: Any) -> Hashable:
    """Under which a node has the child that a term names.

    As `term_key`, but numbers go by their spelling: `p[0]` is no way to a rule
    `p[0.0]` (OPA's tree is a map of Go values).
    """
    return ("n", term.text) if type(term) is ast.Number else term_key(term)


@dataclass(slots=True, eq=False)
class RuleNode:
    """One node of the tree.

    `key` is the term that leads here (the root's is `Var data`), `rules` the
    definitions whose longest ground prefix ends exactly here, in module order,
    `children` the nodes below by `child_key` of their key.  `hide` marks a node
    that enumeration of its parent leaves out (`data.system`).
    """

    key: ast.Term
    rules: list[ast.Rule] = field(default_factory=list)
    children: dict[Hashable, RuleNode] = field(default_factory=dict)
    hide: bool = False

    def child(self, term: ast.Term) -> RuleNode | None:
        """The child under `term`, or None."""
        return self.children.get(child_key(term))

    def find(self, ref: ast.Ref | Sequence[ast.Term]) -> RuleNode | None:
        """The node at a ground ref that starts with `data`, called on the root."""
        terms = ref.terms if isinstance(ref, ast.Ref) else ref
        node = self
        for term in terms[1:]:
            below = node.children.get(child_key(term))
            if below is None:
                return None
            node = below
        return node

    def sorted_children(self) -> list[RuleNode]:
        """Children in the order OPA walks them: by kind, then by value."""
        by_term = {id(node.key): node for node in self.children.values()}
        keys = order.sorted_terms(node.key for node in by_term.values())
        return [by_term[id(key)] for key in keys]

    def walk(self) -> Iterator[RuleNode]:
        """The node and everything below it, parents first."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(reversed(node.children.values()))

    def size(self) -> int:
        """How many rules are defined at this node or below."""
        return sum(len(node.rules) for node in self.walk())

"""Which variables occur in a tree, and which an expression binds.

A collector adds the names it meets to a set; collectors differ in what they
skip, as OPA's do:

- `all_vars` skips nothing;
- `safety_vars` skips operators of calls and everything inside closures: what an
  expression needs or binds itself;
- `output_vars` skips the head of refs: what enumerating a ref binds;
- `pattern_vars` skips heads of refs, object keys and closures: what unifying a
  pattern binds;
- `operand_vars` skips sets as well: what operands of a call bind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias

from gatewright.rego import ast
from gatewright.rego.stages.walk import (
    COMPREHENSIONS,
    collector,
    is_equality,
    is_ground,
)

__all__ = [
    "all_vars",
    "body_outputs",
    "expr_outputs",
    "operand_vars",
    "output_vars",
    "pattern_vars",
    "safety_vars",
    "scope_vars",
    "term_vars",
    "unify",
]

Names: TypeAlias = set[str]
Arity: TypeAlias = Callable[[ast.Ref], int]
Collector: TypeAlias = Callable[[Any, Names], None]


# What a collector takes up: heads of refs, what calls call and `with` replaces,
# closures and templates, sets, keys of objects.
_REF_HEAD, _CALL_HEAD, _CLOSURES, _SETS, _OBJECT_KEYS = 1, 2, 4, 8, 16
_ALL: Final = 31


collect_all: Final[Collector] = collector(_ALL)
collect_safety: Final[Collector] = collector(_ALL - _CALL_HEAD - _CLOSURES)
collect_scope: Final[Collector] = collector(_ALL - _CALL_HEAD)
collect_output: Final[Collector] = collector(_ALL - _REF_HEAD)
collect_pattern: Final[Collector] = collector(
    _ALL - _REF_HEAD - _OBJECT_KEYS - _CLOSURES
)
collect_operand: Final[Collector] = collector(_CALL_HEAD)
collect_no_closures: Final[Collector] = collector(_ALL - _CLOSURES)


def all_vars(node: Any) -> Names:
    """Every variable of a node, operators and closures included."""
    out: Names = set()
    collect_all(node, out)
    return out


def term_vars(*terms: ast.Term | None) -> Names:
    """Every variable of some terms."""
    out: Names = set()
    for term in terms:
        if term is not None:
            collect_all(term, out)
    return out


def safety_vars(node: Any) -> Names:
    """The variables that matter for the order of a body's expressions."""
    out: Names = set()
    collect_safety(node, out)
    return out


def scope_vars(node: Any) -> Names:
    """Every variable but operators of calls."""
    out: Names = set()
    collect_scope(node, out)
    return out


def output_vars(node: Any) -> Names:
    """Every variable but the heads of refs."""
    out: Names = set()
    collect_output(node, out)
    return out


def pattern_vars(node: Any) -> Names:
    """What unification with a known value binds."""
    out: Names = set()
    collect_pattern(node, out)
    return out


def operand_vars(nodes: Iterable[Any]) -> Names:
    """What operands of a call need (inputs) or bind (outputs)."""
    out: Names = set()
    for node in nodes:
        collect_operand(node, out)
    return out


# What an expression binds ---------------------------------------------------


def _ref_safe(ref: ast.Ref, safe: Names) -> bool:
    head = ref.terms[0]
    if type(head) is ast.Var:
        return head.name in safe
    return safety_vars(head) <= safe


def _term_outputs(node: Any, safe: Names, out: Names) -> None:
    """Add what enumerating the refs in a node binds, given what is bound."""
    kind = type(node)
    if kind is ast.Ref:
        if not _ref_safe(node, safe):
            return
        if not is_ground(node):
            for term in node.terms[1:]:
                collect_output(term, out)
        for term in node.terms:
            _term_outputs(term, safe, out)
    elif kind is ast.Array or kind is ast.Set:
        for item in node.items:
            _term_outputs(item, safe, out)
    elif kind is ast.Object:
        for key, value in node.items:
            _term_outputs(key, safe, out)
            _term_outputs(value, safe, out)
    elif kind is ast.Call:
        _term_outputs(node.operator, safe, out)
        for arg in node.args:
            _term_outputs(arg, safe, out)


def _expr_term_outputs(expr: ast.Expr, safe: Names, out: Names) -> None:
    terms = expr.terms
    if type(terms) is list:
        for term in terms:
            _term_outputs(term, safe, out)
    else:
        _term_outputs(terms, safe, out)
    for with_ in expr.with_:
        _term_outputs(with_.target, safe, out)
        _term_outputs(with_.value, safe, out)


def equality_outputs(expr: ast.Expr, safe: Names) -> Names:
    """What `left = right` binds, given what is bound before it."""
    terms = expr.terms
    assert type(terms) is list
    if len(terms) != 3:
        return safe
    bound: Names = set()
    _expr_term_outputs(expr, safe, bound)
    bound |= safe
    if expr.from_assignment:
        # The left side of `:=` is output only: it must not make the right side
        # safe by unifying backwards.
        bound -= all_vars(terms[1])
    bound |= unify(bound, terms[1], terms[2])
    return bound - safe


def _call_outputs(expr: ast.Expr, arity: int, safe: Names) -> Names:
    terms = expr.terms
    assert type(terms) is list
    out: Names = set()
    _expr_term_outputs(expr, safe, out)
    inputs = arity + 1
    if inputs >= len(terms):
        return out
    # The operator's ref has its head skipped with the heads of other refs.
    if operand_vars(terms[:inputs]) - out - safe:
        return set()
    return out | operand_vars(terms[inputs:])


def expr_outputs(expr: ast.Expr, arity: Arity, safe: Names) -> Names:
    """The variables that evaluating one expression binds.

    `safe` holds what is bound before; negations, `with` on unbound values and
    logical operators bind nothing.
    """
    if expr.negated or expr.negated_body is not None:
        return set()
    for with_ in expr.with_:
        if not safety_vars(with_) <= safe:
            return set()
    terms = expr.terms
    kind = type(terms)
    if kind is list:
        if is_equality(expr):
            return equality_outputs(expr, safe)
        count = arity(terms[0])  # type: ignore[arg-type,index]
        return set() if count < 0 else _call_outputs(expr, count, safe)
    if kind is ast.Logical:
        return set()
    out: Names = set()
    if kind is ast.Every:
        _term_outputs(terms.domain, safe, out)  # type: ignore[union-attr]
    else:
        _expr_term_outputs(expr, safe, out)
    return out


def body_outputs(body: Iterable[ast.Expr], arity: Arity, safe: Names) -> Names:
    """What a body binds beyond `safe`, evaluated in order."""
    bound = set(safe)
    for expr in body:
        bound |= expr_outputs(expr, arity, bound)
    return bound - safe


# Unification ----------------------------------------------------------------


class _Unifier:
    """Variables that unifying two terms binds, dependencies between unbound
    ones included (`x = [y, z]` binds x once y and z are bound)."""

    __slots__ = ("bound", "safe", "waiting")

    def __init__(self, safe: Names) -> None:
        self.safe = safe
        self.bound: Names = set()
        self.waiting: dict[str, Names] = {}

    def known(self, name: str) -> bool:
        return name in self.safe or name in self.bound

    def mark(self, name: str) -> None:
        self.bound.add(name)
        for other in self.waiting.pop(name, ()):
            self.mark(other)
        for other, needed in list(self.waiting.items()):
            if name in needed and other in self.waiting:
                needed.discard(name)
                if not needed:
                    self.mark(other)

    def mark_all(self, term: Any) -> None:
        for name in pattern_vars(term):
            self.mark(name)

    def wait(self, name: str, for_: str) -> None:
        self.waiting.setdefault(name, set()).add(for_)

    def var_with_collection(self, name: str, term: Any) -> None:
        if self.known(name):
            self.mark_all(term)
            return
        missing = pattern_vars(term) - self.safe - self.bound
        if not missing:
            self.mark(name)
        for other in missing:
            self.wait(name, other)

    def value_safe(self, term: Any) -> bool:
        if type(term) is ast.Ref:
            return _ref_safe(term, self.safe)
        return safety_vars(term) <= self.safe

    def unify(self, left: Any, right: Any) -> None:
        kind, other = type(left), type(right)
        if kind is ast.Var:
            if other is ast.Var:
                if self.known(right.name):
                    self.mark(left.name)
                elif self.known(left.name):
                    self.mark(right.name)
                else:
                    self.wait(left.name, right.name)
                    self.wait(right.name, left.name)
            elif other is ast.Array or other is ast.Object:
                self.var_with_collection(left.name, right)
            elif other is ast.Ref or other is ast.Call:
                if self.value_safe(right):
                    self.mark(left.name)
            else:
                self.mark(left.name)
        elif kind is ast.Ref or kind is ast.Call:
            if self.value_safe(left):
                self.bind_side(right)
        elif kind in COMPREHENSIONS:
            if other is ast.Var:
                self.mark(right.name)
            elif (kind is ast.ArrayComprehension and other is ast.Array) or (
                kind is ast.ObjectComprehension and other is ast.Object
            ):
                self.mark_all(right)
        elif kind is ast.Array or kind is ast.Object:
            self.collection(left, right)
        elif other is ast.Var:
            self.mark(right.name)

    def bind_side(self, term: Any) -> None:
        kind = type(term)
        if kind is ast.Var:
            self.mark(term.name)
        elif kind is ast.Array or kind is ast.Object:
            self.mark_all(term)

    def collection(self, left: Any, right: Any) -> None:
        kind, other = type(left), type(right)
        if other is ast.Var:
            self.var_with_collection(right.name, left)
        elif other is ast.Ref or other is ast.Call:
            if self.value_safe(right):
                self.mark_all(left)
        elif kind is ast.Array and other in COMPREHENSIONS:
            self.mark_all(left)
        elif kind is other and len(left.items) == len(right.items):
            if kind is ast.Array:
                for one, two in zip(left.items, right.items, strict=True):
                    self.unify(one, two)
            else:
                for key, value in left.items:
                    for key2, value2 in right.items:
                        if key == key2:
                            self.unify(value, value2)


def unify(safe: Names, left: ast.Term, right: ast.Term) -> Names:
    """The variables bound by `left = right` when those in `safe` are known."""
    unifier = _Unifier(safe)
    unifier.unify(left, right)
    return unifier.bound

"""RewriteExprTerms: nested calls become expressions of their own.

    p := f(g(x)) + 1  ->  p := c if { g(x, a); f(a, b); plus(b, 1, c) }

What is hoisted out of a negated expression stands before it.  `every` gets its
domain in a variable; collections and calls at the head of a ref do too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gatewright.rego import ast
from gatewright.rego.order import resort
from gatewright.rego.stages.heads import append_to_body
from gatewright.rego.stages.resolve import copy_term
from gatewright.rego.stages.state import State, VarGenerator, left
from gatewright.rego.stages.walk import COMPREHENSIONS, rules_of

__all__ = ["ExprExpander", "rewrite_expr_terms"]


class ExprExpander:
    """Expands in place.  `subjects`: the term a generated variable stands for."""

    __slots__ = ("gen", "subjects")

    def __init__(self, gen: VarGenerator, subjects: dict[str, Any]) -> None:
        self.gen = gen
        self.subjects = subjects

    def body(self, body: ast.Body) -> ast.Body:
        out: ast.Body = []
        for expr in body:
            self.expr(expr, out)
        for i, expr in enumerate(out):
            expr.index = i
        return out

    def expr(self, expr: ast.Expr, out: ast.Body) -> None:
        """Append the expression to `out`, after what it needs."""
        for with_ in expr.with_:
            with_.value = self.term(with_.value, out)
        terms = expr.terms
        kind = type(terms)
        if expr.negated_body is not None:
            expr.negated_body = self.body(expr.negated_body)
        elif kind is list:
            start = len(out)
            for i in range(1, len(terms)):  # type: ignore[arg-type]
                terms[i] = self.term(terms[i], out)  # type: ignore[index]
            if expr.with_:
                for extra in out[start:]:
                    extra.with_ = expr.with_
        elif kind is ast.Every:
            self.every(expr, terms, out)  # type: ignore[arg-type]
        elif kind is ast.Logical:
            terms.left = self.body(terms.left)  # type: ignore[union-attr]
            terms.right = self.body(terms.right)  # type: ignore[union-attr]
        else:
            start = len(out)
            expr.terms = self.term(terms, out)
            if expr.with_:
                for extra in out[start:]:
                    extra.with_ = expr.with_
        out.append(expr)

    def every(self, expr: ast.Expr, every: ast.Every, out: ast.Body) -> None:
        bind = self.gen.bind(every.domain)
        bind.with_ = expr.with_
        every.domain = left(bind)
        self.expr(bind, out)
        every.body = self.body(every.body)

    def term(self, term: Any, out: ast.Body) -> Any:
        """The term without calls; appends the calls to `out`."""
        handler = _TERM.get(type(term))
        return term if handler is None else handler(self, term, out)

    def call(self, term: ast.Call, out: ast.Body) -> ast.Var:
        args = [self.term(arg, out) for arg in term.args]
        result = self.gen.var(term.loc)
        out.append(
            ast.Expr([term.operator, *args, result], generated=True, loc=term.loc)
        )
        return ast.Var(result.name, term.loc)

    def ref(self, term: ast.Ref, out: ast.Body) -> ast.Ref:
        terms = term.terms
        for i, part in enumerate(terms):
            if type(part) is ast.Call:
                call = copy_term(part)
                result = terms[i] = self.call(part, out)
                self.subjects[result.name] = call
            else:
                terms[i] = self.term(part, out)
        subject = terms[0]
        kind = type(subject)
        if kind in COMPREHENSIONS or kind in _COLLECTIONS:
            bind = self.gen.bind(subject)
            out.append(bind)
            first = terms[0] = left(bind)
            self.subjects[first.name] = copy_term(subject)
        return term

    def items(self, term: Any, out: ast.Body) -> Any:
        term.items = [self.term(item, out) for item in term.items]
        if type(term) is ast.Set:
            resort(term)
        return term

    def object(self, term: ast.Object, out: ast.Body) -> ast.Object:
        term.items = [
            (self.term(key, out), self.term(value, out)) for key, value in term.items
        ]
        resort(term)
        return term

    def comprehension(self, term: Any, _: ast.Body) -> Any:
        extra: ast.Body = []
        if type(term) is ast.ObjectComprehension:
            term.key = self.term(term.key, extra)
            term.value = self.term(term.value, extra)
        else:
            term.term = self.term(term.term, extra)
        term.body = self.body(append_to_body(term.body, extra))
        return term


_COLLECTIONS = frozenset({ast.Array, ast.Object, ast.Set})

_TERM: dict[type, Callable[[ExprExpander, Any, ast.Body], Any]] = {
    ast.Call: ExprExpander.call,
    ast.Ref: ExprExpander.ref,
    ast.Array: ExprExpander.items,
    ast.Set: ExprExpander.items,
    ast.Object: ExprExpander.object,
    **dict.fromkeys(COMPREHENSIONS, ExprExpander.comprehension),
}


def rewrite_expr_terms(state: State) -> None:
    """RewriteExprTerms over all rules; calls in heads go to the end of bodies."""
    expander = ExprExpander(state.gen, state.subjects)
    for module in state.modules.values():
        for rule in rules_of(module):
            head = rule.head
            extra: ast.Body = []
            if head.args:
                head.args = [expander.term(arg, extra) for arg in head.args]
            if head.key is not None:
                head.key = expander.term(head.key, extra)
            if head.value is not None:
                head.value = expander.term(head.value, extra)
            rule.body = expander.body(append_to_body(rule.body, extra))

"""RewriteEquals and RewriteDynamicTerms.

RewriteEquals turns the statement `x == y` into `x = y`, which is the same once
both sides are known to be bound.

RewriteDynamicTerms gives refs and comprehensions in operands a variable each:

    f(data.x, [input.y])  ->  a = data.x; b = input.y; f(a, [b])
"""

from __future__ import annotations

from typing import Any

from gatewright.rego import ast
from gatewright.rego.order import resort
from gatewright.rego.stages.state import State, VarGenerator, left
from gatewright.rego.stages.walk import (
    COMPREHENSIONS,
    SCALARS,
    exprs_in,
    is_equality,
    operator_name,
    rules_of,
)

__all__ = ["DynamicRewriter", "rewrite_dynamic_terms", "rewrite_equals"]


def rewrite_equals(state: State) -> None:
    """RewriteEquals over all modules."""
    if "equal" not in state.features:
        return
    for module in state.modules.values():
        for expr in exprs_in(module):
            terms = expr.terms
            if (
                type(terms) is list
                and len(terms) == 3
                and operator_name(expr) == "equal"
            ):
                loc = terms[0].loc
                terms[0] = ast.Ref([ast.Var("eq", loc)], loc)


class DynamicRewriter:
    """Rewrites bodies; `subjects` records what each new variable stands for."""

    __slots__ = ("gen", "subjects")

    def __init__(self, gen: VarGenerator, subjects: dict[str, Any]) -> None:
        self.gen = gen
        self.subjects = subjects

    def body(self, body: ast.Body) -> ast.Body:
        out: ast.Body = []
        for expr in body:
            terms = expr.terms
            kind = type(terms)
            if expr.negated_body is not None:
                expr.negated_body = self.body(expr.negated_body)
            elif kind is list:
                if not is_equality(expr):
                    for i in range(1, len(terms)):  # type: ignore[arg-type]
                        terms[i] = self.operand(expr, terms[i], out)  # type: ignore[index]
                elif len(terms) == 3:  # type: ignore[arg-type]
                    terms[1] = self.side(expr, terms[1], out)  # type: ignore[index]
                    terms[2] = self.side(expr, terms[2], out)  # type: ignore[index]
            elif kind is ast.Every:
                terms.domain = self.operand(expr, terms.domain, out)  # type: ignore[union-attr]
                terms.body = self.body(terms.body)  # type: ignore[union-attr]
            elif kind is ast.Logical:
                terms.left = self.body(terms.left)  # type: ignore[union-attr]
                terms.right = self.body(terms.right)  # type: ignore[union-attr]
            else:
                expr.terms = self.side(expr, terms, out)
            expr.index = len(out)
            out.append(expr)
        return out

    def side(self, expr: ast.Expr, term: Any, out: ast.Body) -> Any:
        """A side of an equality, or a lone term: a ref or closure may stay."""
        kind = type(term)
        if kind is ast.Ref:
            terms = term.terms
            for i in range(1, len(terms)):
                terms[i] = self.operand(expr, terms[i], out)
            return term
        if kind in COMPREHENSIONS:
            term.body = self.body(term.body)
            return term
        return self.operand(expr, term, out)

    def operand(self, expr: ast.Expr, term: Any, out: ast.Body) -> Any:
        """An operand of a call: refs and closures are hoisted out of it."""
        kind = type(term)
        if kind is ast.Var or kind in SCALARS:
            return term
        if kind is ast.Ref:
            terms = term.terms
            for i in range(1, len(terms)):
                terms[i] = self.operand(expr, terms[i], out)
            return self.hoist(expr, term, out)
        if kind in COMPREHENSIONS:
            term.body = self.body(term.body)
            return self.hoist(expr, term, out)
        if kind is ast.Object:
            term.items = [
                (self.operand(expr, key, out), self.operand(expr, value, out))
                for key, value in term.items
            ]
            resort(term)
        elif kind is ast.Array or kind is ast.Set:
            term.items = [self.operand(expr, item, out) for item in term.items]
            if kind is ast.Set:
                resort(term)
        return term

    def hoist(self, expr: ast.Expr, term: Any, out: ast.Body) -> ast.Var:
        bind = self.gen.bind(term)
        bind.with_ = expr.with_
        bind.index = len(out)
        out.append(bind)
        var = left(bind)
        self.subjects[var.name] = term
        return var


def rewrite_dynamic_terms(state: State) -> None:
    """RewriteDynamicTerms over all rules."""
    rewriter = DynamicRewriter(state.gen, state.subjects)
    for module in state.modules.values():
        for rule in rules_of(module):
            rule.body = rewriter.body(rule.body)

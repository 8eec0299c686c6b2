"""Heads: RewriteRuleHeadRefs and RewriteRefsInHead.

p[input.x] contains input.y if q
->  p[__local0__] contains __local1__ if {
q; __local0__ = input.x; __local1__ = input.y }
"""

from __future__ import annotations

from collections.abc import Iterable

from gatewright.rego import ast
from gatewright.rego.rule_tree import term_key
from gatewright.rego.stages.state import State, left
from gatewright.rego.stages.walk import SCALARS, requires_eval, rules_of

__all__ = [
    "append_to_body",
    "is_empty_body",
    "rewrite_refs_in_head",
    "rewrite_rule_head_refs",
]


def is_empty_body(body: ast.Body) -> bool:
    """True for the body `true`, written or not."""
    if len(body) != 1:
        return False
    terms = body[0].terms
    return type(terms) is ast.Boolean and terms.value and body[0].negated_body is None


def append_to_body(body: ast.Body, exprs: Iterable[ast.Expr]) -> ast.Body:
    """The body with expressions appended; they replace a lone `true`."""
    extra = list(exprs)
    if not extra:
        return body
    start = len(body)
    for i, expr in enumerate(extra):
        expr.index = start + i
    if start == 1 and is_empty_body(body):
        extra[0].index = 0
        return extra
    body.extend(extra)
    return body


def rewrite_rule_head_refs(state: State) -> None:
    """RewriteRuleHeadRefs: parts of a head's ref are scalars or variables."""
    gen = state.gen
    for module in state.modules.values():
        for rule in module.rules:
            terms = rule.head.reference.terms
            if len(terms) == 1:
                continue
            for i in range(1, len(terms)):
                term = terms[i]
                if type(term) is ast.Var or type(term) in SCALARS:
                    continue
                expr = gen.bind(term)
                key = rule.head.key
                if (
                    i == len(terms) - 1
                    and key is not None
                    and term_key(key) == term_key(term)
                ):
                    rule.head.key = left(expr)
                terms[i] = left(expr)
                rule.body = append_to_body(rule.body, [expr])


def rewrite_refs_in_head(state: State) -> None:
    """RewriteRefsInHead: key, value and parameters need no evaluation."""
    gen = state.gen
    for module in state.modules.values():
        for rule in rules_of(module):
            head = rule.head
            if requires_eval(head.key):
                expr = gen.bind(head.key)  # type: ignore[arg-type]
                head.key = left(expr)
                rule.body = append_to_body(rule.body, [expr])
            if requires_eval(head.value):
                expr = gen.bind(head.value)  # type: ignore[arg-type]
                head.value = left(expr)
                rule.body = append_to_body(rule.body, [expr])
            args = head.args or ()
            for i, arg in enumerate(args):
                if requires_eval(arg):
                    expr = gen.bind(arg)
                    args[i] = left(expr)  # type: ignore[index]
                    rule.body = append_to_body(rule.body, [expr])

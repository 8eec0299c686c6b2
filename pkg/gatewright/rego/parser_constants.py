"""From a query to a rule: `p := 1`, `p.q = 2`, `p["x"]`, `f(x) = y`, `p.a.b`.

A statement without braces or `if` reads as a query.  In a module it has to be a
definition; what it defines depends on the shape of its only expression.
"""

from __future__ import annotations

from gatewright.builtins.declarations import TABLE
from gatewright.rego import ast, printer
from gatewright.rego.parser_rules import true_body

__all__ = ["NotARule", "rule_of"]


class NotARule(Exception):
    """The statement defines nothing; the message says why."""


def rule_of(body: ast.Body) -> ast.Rule:
    """Return the rule that a bare query in a module stands for.

    Raises `NotARule` with OPA's message.
    """
    if len(body) != 1:
        raise NotARule("multiple expressions cannot be used for rule head")
    expr = body[0]
    if expr.with_:
        raise NotARule("expressions using with keyword cannot be used for rule head")
    if expr.negated:
        raise NotARule("negated expressions cannot be used for rule head")
    terms = expr.terms
    if isinstance(terms, ast.SomeDecl):
        raise NotARule("'some' declarations cannot be used for rule head")
    if isinstance(terms, ast.Every | ast.Logical) or expr.negated_body is not None:
        raise NotARule("expression cannot be used for rule head")
    if not isinstance(terms, list):
        if not isinstance(terms, ast.Ref):
            raise NotARule(f"{printer.value_name(terms)} cannot be used for rule name")
        return _bare_ref(terms)
    operator, *args = terms
    name = printer.term_text(operator)
    if name in ("eq", "assign"):
        if len(args) < 2:
            raise NotARule("assignment requires two operands")
        rule = _equation(args[0], args[1])
        rule.head.assign = name == "assign"
        rule.loc = rule.head.loc = expr.loc
        return rule
    if name in TABLE:
        raise NotARule("rule name conflicts with built-in function")
    return _bare_call(operator, args)


def _bare_ref(ref: ast.Ref) -> ast.Rule:
    terms = ref.terms
    if len(terms) == 1:
        raise NotARule("refs cannot be used for rule head")
    _check_head(ref)
    if len(terms) == 2:
        head = ast.Head(ast.Ref([terms[0]], terms[0].loc), key=terms[1], loc=ref.loc)
    else:
        value = ast.Boolean(True, ref.loc)
        head = ast.Head(ref, value=value, generated_value=True, loc=ref.loc)
    return ast.Rule(head, true_body(ref.loc), loc=ref.loc)


def _bare_call(operator: ast.Term, args: list[ast.Term]) -> ast.Rule:
    if not args:
        raise NotARule("rule argument list must take at least one argument")
    assert isinstance(operator, ast.Ref)
    _check_head(operator)
    loc = operator.loc
    head = ast.Head(operator, args=args, value=ast.Boolean(True, loc), loc=loc)
    return ast.Rule(head, true_body(loc), loc=loc)


def _equation(lhs: ast.Term, rhs: ast.Term) -> ast.Rule:
    """Return the rule of `lhs = rhs`: a function, an object's entry or a constant."""
    if isinstance(lhs, ast.Call) and isinstance(lhs.operator.terms[0], ast.Var):
        head = ast.Head(lhs.operator, args=list(lhs.args), value=rhs)
    elif isinstance(lhs, ast.Ref):
        _check_head(lhs)
        entry = len(lhs.terms) == 2
        key = lhs.terms[1] if entry else None
        head = ast.Head(lhs, value=rhs, shows_name=entry, shown_key=key)
    elif isinstance(lhs, ast.Var):
        head = ast.Head(ast.Ref([lhs], lhs.loc), value=rhs)
    else:
        kind = printer.value_name(lhs)
        raise NotARule(f"{kind} cannot be used for rule name")
    return ast.Rule(head, true_body(rhs.loc), generated_body=True)


def _check_head(ref: ast.Ref) -> None:
    if not isinstance(ref.terms[0], ast.Var):
        raise NotARule(f"invalid rule head: {printer.ref_text(ref)}")

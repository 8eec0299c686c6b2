"""Bodies: expression after expression.

`not`, `every` and existence leave inner loops at the first success: they jump
out, and the loops' registers are set anew when they are entered again.
"""

from __future__ import annotations

from collections.abc import Sequence

from gatewright.plan import calls, joins, literals, lookups, overrides, terms, unify
from gatewright.plan.frame import Frame, is_constant
from gatewright.rego import ast

__all__ = ["plan_body", "plan_expr"]


def plan_body(f: Frame, body: Sequence[ast.Expr]) -> None:
    """Plan a body; afterwards the frame is at its (next) solution."""
    left = list(body)
    done = 0
    under_way: list[tuple[int, joins.Join]] = []
    while left:
        join = joins.analyse(f, left, 0)
        lookup = lookups.analyse(f, left) if join is None else None
        if lookup is not None:
            lookup.plan(f, left[0].loc)
            left[:1] = lookup.rest
            done += not lookup.rest
        elif join is None:
            plan_expr(f, left.pop(0))
            done += 1
        else:
            f.at(left[0].loc)
            left[:1] = join.loop.rest
            join.plan(f)
            under_way.append((done + join.after, join))
        while under_way and under_way[-1][0] < done:
            under_way.pop()[1].close(f)


def plan_expr(f: Frame, expr: ast.Expr) -> None:
    """Plan one expression with all its modifiers."""
    f.at(expr.loc)
    if expr.with_:
        overrides.plan_with(f, expr)
    else:
        plan_bare(f, expr)


def plan_bare(f: Frame, expr: ast.Expr) -> None:
    """Plan an expression without its `with` modifiers."""
    if expr.negated_body is not None:
        _not(f, expr.negated_body)
    elif expr.negated:
        positive = ast.Expr(expr.terms, index=expr.index, loc=expr.loc)
        _not(f, [positive])
    else:
        _plain(f, expr)


def _not(f: Frame, body: Sequence[ast.Expr]) -> None:
    outer, holds = f.fail, f.b.label()
    with f.nested(holds):
        plan_body(f, body)
        f.jump(outer)
    f.b.place(holds)


def _exists(f: Frame, body: Sequence[ast.Expr], yes: int, no: int) -> None:
    with f.nested(no):
        plan_body(f, body)
        f.jump(yes)


def _plain(f: Frame, expr: ast.Expr) -> None:
    match expr.terms:
        case list(parts):
            calls.plan_call_expr(f, parts, expr.loc)
        case ast.SomeDecl(symbols):
            if len(symbols) == 1 and isinstance(symbols[0], ast.Call):
                _some_in(f, symbols[0])
        case ast.Every() as every:
            _every(f, every)
        case ast.Logical(op, left, right):
            if op == "and":
                for side in (left, right):
                    yes = f.b.label()
                    _exists(f, side, yes, f.fail)
                    f.b.place(yes)
            else:
                yes, other = f.b.label(), f.b.label()
                _exists(f, left, yes, other)
                f.b.place(other)
                _exists(f, right, yes, f.fail)
                f.b.place(yes)
        case ast.Call() as call:
            calls.plan_call_expr(f, [call.operator, *call.args], expr.loc)
        case term:
            value = terms.plan_term(f, term)
            if is_constant(value):
                constant = f.term_of(value)
                if isinstance(constant, ast.Boolean) and not constant.value:
                    f.jump(f.fail)
            else:
                f.emit("TRUE", value, f.fail)


def _some_in(f: Frame, call: ast.Call) -> None:
    """`some k, v in xs`, not rewritten: patterns unified with each element."""
    *patterns, domain = call.args
    collection = terms.plan_term(f, domain)
    key, value = f.loop(collection, key=len(patterns) == 2, value=True)
    if len(patterns) == 2:
        unify.unify_value(f, patterns[0], key)
    unify.unify_value(f, patterns[-1], value)


def _every(f: Frame, every: ast.Every) -> None:
    domain = f.register(literals.first_of_equal(f, every.domain))
    outer, done = f.fail, f.b.label()
    iterator, value = f.b.block(2), f.b.register()
    key = -1 if every.key is None else f.b.register()
    f.emit("ITER", iterator, domain, outer)
    head = f.b.here()
    f.emit("NEXT", iterator, key, value, done)
    with f.nested(outer):
        f.once = False
        if every.key is not None:
            unify.unify_value(f, every.key, key)
        unify.unify_value(f, every.value, value)
        plan_body(f, every.body)
        f.jump(head)
    f.b.place(done)

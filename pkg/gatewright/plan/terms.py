"""Terms: to an operand that holds the value.

Planning a term may bind variables (those in the brackets of refs) and open
loops; what is undefined goes to the frame's `fail`.
"""

from __future__ import annotations

from collections.abc import Sequence

from gatewright.plan import bodies, calls, refs
from gatewright.plan.frame import Frame, Operand, PlanError
from gatewright.rego import ast

__all__ = ["plan_block", "plan_into", "plan_term"]


def plan_term(f: Frame, term: ast.Term) -> Operand:
    """Plan the value of a term."""
    known = f.known(term)
    if known is not None:
        return known
    return _plan(f, term, None)


def plan_into(f: Frame, term: ast.Term, dest: int) -> int:
    """Plan the value of a term into a given register."""
    known = f.known(term)
    if known is None:
        known = _plan(f, term, dest)
    return f.put(known, dest)


def plan_block(f: Frame, terms: Sequence[ast.Term]) -> int:
    """Plan the values of terms into consecutive registers; the first of them."""
    operands = [f.env.get(t.name) if isinstance(t, ast.Var) else None for t in terms]
    if operands:
        first = operands[0]
        if (
            first is not None
            and first >= 0
            and operands == list(range(first, first + len(terms)))
        ):
            return first
    base = f.b.block(max(1, len(terms)))  # even an empty block is somewhere
    for place, term in enumerate(terms):
        plan_into(f, term, base + place)
    return base


def _plan(f: Frame, term: ast.Term, dest: int | None) -> Operand:
    match term:
        case ast.Ref():
            return refs.plan_ref(f, term, dest)
        case ast.Var(name):
            if name in ("input", "data"):
                return refs.plan_ref(f, ast.Ref([term], term.loc), dest)
            raise PlanError(f"variable {name} has no value here", term.loc)
        case ast.Array(items):
            return _composite(f, "ARR", items, dest)
        case ast.Set(items):
            return _composite(f, "SET", items, dest)
        case ast.Object(pairs):
            parts = [part for pair in pairs for part in pair]
            base = plan_block(f, parts)
            out = f.b.register() if dest is None else dest
            f.emit("OBJ", out, base, len(pairs))
            return out
        case ast.ArrayComprehension(head, body):
            _gather(f, term, body, head)
            builder = f.b.register()
            f.emit("ANEW", builder)
            end = f.b.label()
            with f.nested(end):
                bodies.plan_body(f, body)
                f.emit("AADD", builder, f.register(plan_term(f, head)))
                f.jump(f.fail)
            return _done(f, builder, end, dest)
        case ast.SetComprehension(head, body):
            _gather(f, term, body, head)
            builder = f.b.register()
            f.emit("SNEW", builder)
            end = f.b.label()
            with f.nested(end):
                bodies.plan_body(f, body)
                f.emit("SADD", builder, f.register(plan_term(f, head)))
                f.jump(f.fail)
            return _done(f, builder, end, dest)
        case ast.ObjectComprehension(key, value, body):
            _gather(f, term, body, key, value)
            builder = f.b.register()
            f.emit("ONEW", builder)
            end = f.b.label()
            with f.nested(end):
                bodies.plan_body(f, body)
                place = term.loc if key.loc is ast.NO_LOCATION else key.loc
                where = f.planner.tables.location(place)
                key_register = f.register(plan_term(f, key))
                value_register = f.register(plan_term(f, value))
                f.emit("OADD", builder, key_register, value_register, where)
                f.jump(f.fail)
            return _done(f, builder, end, dest)
        case ast.Call():
            return calls.plan_call(f, term.operator, term.args, term.loc, dest)
    raise PlanError(f"{type(term).__name__} where a term is evaluated", term.loc)


def _gather(f: Frame, term: ast.Term, body: ast.Body, *head: ast.Term) -> None:
    """Meet the errors that a comprehension has for other values of outer variables,
    where OPA evaluates it for all of them."""
    free = f.planner.gathered(term, body, head)
    if not free:
        return
    end, mark = f.b.label(), f.b.mark()
    spelled = dict(f.spelled)
    try:
        with f.nested(end):
            for name in free:
                f.env.pop(name, None)
            bodies.plan_body(f, body)
            for part in head:
                plan_term(f, part)
            f.jump(f.fail)
    except PlanError:
        # Something needs what is free: then OPA has an error of its own here.
        f.b.rewind(mark)
    f.spelled = spelled
    f.b.place(end)


def _composite(
    f: Frame, name: str, items: Sequence[ast.Term], dest: int | None
) -> Operand:
    base = plan_block(f, items)
    out = f.b.register() if dest is None else dest
    f.emit(name, out, base, len(items))
    return out


def _done(f: Frame, builder: int, end: int, dest: int | None) -> Operand:
    f.b.place(end)
    out = f.b.register() if dest is None else dest
    f.emit("DONE", out, builder)
    return out

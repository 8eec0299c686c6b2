"""Calls: operators, builtins, user functions, and their replacements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gatewright.ir.opcodes import RELATIONS
from gatewright.plan import hoisting, terms, unify
from gatewright.plan.constants import same
from gatewright.plan.frame import Frame, Operand, PlanError, is_constant
from gatewright.rego import ast
from gatewright.rego.stages.walk import dotted_name

__all__ = ["plan_call", "plan_call_expr"]

_RELATION: Final = {name: number for number, name in enumerate(RELATIONS)}
#: The relation that holds when the operands are exchanged.
_MIRRORED: Final = {
    "equal": "equal",
    "neq": "neq",
    "lt": "gt",
    "lte": "gte",
    "gt": "lt",
    "gte": "lte",
}
_UNIFY: Final = frozenset({"eq", "assign"})


def is_user(operator: ast.Ref) -> bool:
    """Whether the operator is a function of some module."""
    head = operator.terms[0]
    return isinstance(head, ast.Var) and head.name == "data"


def bare(name: str) -> str:
    """The name under which calls whose result nothing takes are replaced."""
    return f"{name} alone"


def plan_call_expr(f: Frame, parts: Sequence[ast.Term], loc: ast.Location) -> None:
    """Plan a call as an expression of a body: `[operator, operand, ...]`."""
    operator, *args = parts
    assert isinstance(operator, ast.Ref)
    name = dotted_name(operator)
    if name in _UNIFY and not f.planner.mocked(name):
        unify.unify_terms(f, args[0], args[1])
        return
    if name in _RELATION and len(args) == 2 and not f.planner.mocked(name):
        _test(f, name, args)
        return
    if name == "internal.member_2" and len(args) == 2 and _member(f, *args):
        return
    arity, void, _ = f.planner.signature(operator, loc)
    if len(args) == arity + 1:
        value = plan_call(f, operator, args[:arity], loc, None)
        given = args[arity]
        unify.unify_value(f, given, value)
        if isinstance(given, ast.Var) and f.env.get(given.name) == value:
            hoisting.note(f, given, ast.Call(operator, args[:arity], loc))
        return
    value = plan_call(f, operator, args, loc, None, taken=False)
    if not void:
        f.emit("TRUE", f.register(value), f.fail)


def plan_call(
    f: Frame,
    operator: ast.Ref,
    args: Sequence[ast.Term],
    loc: ast.Location,
    dest: int | None,
    *,
    taken: bool = True,
) -> Operand:
    """Plan a call without output operand; the operand of its result.

    `taken`: something takes the result, more than whether it holds.
    """
    name = dotted_name(operator)
    mocked = f.planner.mocked(name)
    if name in _UNIFY and not mocked:
        unify.unify_terms(f, args[0], args[1])
        return f.constant(ast.Boolean(True))
    out = f.b.register() if dest is None else dest
    if name in _RELATION and not mocked:
        left = f.register(terms.plan_term(f, args[0]))
        right = f.register(terms.plan_term(f, args[1]))
        f.emit("CMP", out, _RELATION[name], left, right)
        return out
    where = f.at(loc)
    arity, void, relation = f.planner.signature(operator, loc)
    if len(args) != arity:
        raise PlanError(f"{name} called with {len(args)} operands, not {arity}", loc)
    once = hoisting.hoisted(f, operator, args, loc)
    if once is not None:
        f.emit("RULE", out, once, f.fail)
        return out
    base = terms.plan_block(f, args)
    join = None
    if mocked:
        none, join = f.b.label(), f.b.label()
        assumed = not taken and f.planner.assumed(name)
        slot = f.planner.tables.mock(bare(name) if assumed else name)
        f.emit("MOCKED", out, slot, base, len(args), f.fail, none, where)
        f.jump(join)
        f.b.place(none)
    if is_user(operator) and not args:
        f.emit("RULE", out, f.planner.user_function(operator, loc), f.fail)
    elif is_user(operator):
        f.emit("CALL", out, f.planner.user_function(operator, loc), base, f.fail)
    else:
        builtin = f.planner.tables.builtin(name)
        f.emit("BUILTIN", out, builtin, base, len(args), f.fail, where)
    if join is not None:
        f.b.place(join)
    if relation:
        _, out = f.loop(out, key=False, value=True)
    elif void:
        return f.constant(ast.Boolean(True))
    return out


def _member(f: Frame, needle: ast.Term, haystack: ast.Term) -> bool:
    """`x in {...}` of a constant set is a look-up; False: it is no such set."""
    members = f.known(haystack)
    if members is None or not is_constant(members):
        return False
    if not isinstance(f.term_of(members), ast.Set):
        return False
    key = f.register(terms.plan_term(f, needle))
    f.emit("DOT", f.b.register(), f.register(members), key, f.fail)
    return True


def _test(f: Frame, name: str, args: Sequence[ast.Term]) -> None:
    """A comparison as an expression."""
    left, right = terms.plan_term(f, args[0]), terms.plan_term(f, args[1])
    if name == "equal":
        unify.require_equal(f, left, right)
        return
    if is_constant(left) and is_constant(right):
        if name == "neq":
            if same(f.term_of(left), f.term_of(right)):
                f.jump(f.fail)
            return
        left = f.register(left)
    if is_constant(left):
        left, right, name = right, left, _MIRRORED[name]
    if is_constant(right):
        f.emit("CMPKJ", _RELATION[name], left, ~right, f.fail)
    elif name == "neq":
        f.emit("NEQ", left, right, f.fail)
    else:
        f.emit("CMPJ", _RELATION[name], left, right, f.fail)

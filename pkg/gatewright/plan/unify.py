"""Unification, decided while planning.

Which variables are bound is known at every point, so `=` becomes look-ups,
tests and bindings.  Pairs are worked off in any order that makes progress: in
`[x, y] = [y, 1]`, `y` first.  Arrays and the values of objects are taken apart;
keys of objects must be known, sets are compared as wholes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from gatewright.plan import hoisting, literals, terms
from gatewright.plan.constants import same
from gatewright.plan.frame import Frame, Operand, is_constant
from gatewright.rego import ast
from gatewright.rego.rule_tree import term_key

__all__ = ["require_equal", "unify_terms", "unify_value"]


@dataclass(frozen=True, slots=True)
class _Value:
    """A side that is evaluated already."""

    operand: Operand


_Side: TypeAlias = ast.Term | _Value


def unify_terms(f: Frame, a: ast.Term, b: ast.Term) -> None:
    """Plan `a = b`."""
    _work(f, [(a, b)])


def unify_value(f: Frame, pattern: ast.Term, value: Operand) -> None:
    """Plan the unification of a pattern with a value."""
    _work(f, [(pattern, _Value(value))])


def _work(f: Frame, pairs: list[tuple[_Side, _Side]]) -> None:
    while pairs:
        waiting: list[tuple[_Side, _Side]] = []
        progress = False
        while pairs:
            a, b = pairs.pop(0)
            parts = _step(f, a, b)
            if parts is None:
                waiting.append((a, b))
            else:
                progress = True
                pairs[:0] = parts
        if waiting and not progress:
            # Keys and members that have no value yet equal nothing, as in OPA.
            f.never(*(t for pair in waiting for t in pair if not isinstance(t, _Value)))
            return
        pairs = waiting


def _step(f: Frame, a: _Side, b: _Side) -> list[tuple[_Side, _Side]] | None:
    """Plan one pair: the pairs it leaves, or None if it must wait."""
    if _is_unbound(f, a):
        return _bind(f, a, b)
    if _is_unbound(f, b):
        return _bind(f, b, a)
    if _ready(f, a) and _ready(f, b):
        require_equal(f, _value(f, a), _value(f, b))
        return []
    if isinstance(a, ast.Array | ast.Object) and isinstance(b, ast.Array | ast.Object):
        return _decompose(f, a, b)
    # One side is a pattern with unbound variables, or a ref that iterates.
    if isinstance(a, ast.Ref | ast.Call) or (
        _ready(f, a) and not isinstance(a, _Value)
    ):
        return [(_Value(_value(f, a)), b)]
    if isinstance(b, ast.Ref | ast.Call) or (
        _ready(f, b) and not isinstance(b, _Value)
    ):
        return [(a, _Value(_value(f, b)))]
    if isinstance(a, _Value):
        return _destructure(f, b, a.operand)
    if isinstance(b, _Value):
        return _destructure(f, a, b.operand)
    return None


def _is_unbound(f: Frame, side: _Side) -> bool:
    return (
        isinstance(side, ast.Var)
        and side.name not in f.env
        and side.name not in ("input", "data")
    )


def _ready(f: Frame, side: _Side) -> bool:
    return isinstance(side, _Value) or not f.unbound(side)


def _value(f: Frame, side: _Side) -> Operand:
    if isinstance(side, _Value):
        return side.operand
    return terms.plan_term(f, side)


def _bind(f: Frame, var: _Side, side: _Side) -> list[tuple[_Side, _Side]] | None:
    assert isinstance(var, ast.Var)
    if not _ready(f, side) and not isinstance(side, ast.Ref | ast.Call):
        return None
    value = _value(f, side)
    if var.name in f.env:  # the ref itself bound it: x = input[x]
        return [(var, _Value(value))]
    f.bind(var, value)
    if not isinstance(side, _Value):
        literals.note(f, var, side)
        hoisting.note(f, var, side)
    return []


def require_equal(f: Frame, a: Operand, b: Operand) -> None:
    """Fail unless two operands are equal."""
    if a == b:
        return
    if is_constant(a) and is_constant(b):
        if not same(f.term_of(a), f.term_of(b)):
            f.jump(f.fail)
    elif is_constant(b):
        f.emit("EQK", a, ~b, f.fail)
    elif is_constant(a):
        f.emit("EQK", b, ~a, f.fail)
    else:
        f.emit("EQ", a, b, f.fail)


def _decompose(
    f: Frame, a: ast.Array | ast.Object, b: ast.Array | ast.Object
) -> list[tuple[_Side, _Side]] | None:
    """Two literals, at least one of them with unbound variables."""
    if isinstance(a, ast.Array) and isinstance(b, ast.Array):
        if len(a.items) == len(b.items):
            return list(zip(a.items, b.items, strict=True))
    elif isinstance(a, ast.Object) and isinstance(b, ast.Object):
        left, right = _constant_keys(f, a), _constant_keys(f, b)
        if left is None or right is None:
            if _ready(f, a):
                return [(_Value(_value(f, a)), b)]
            if _ready(f, b):
                return [(a, _Value(_value(f, b)))]
            return None
        if left.keys() == right.keys():
            return [(left[key], right[key]) for key in left]
    f.never(a, b)
    return []


def _constant_keys(f: Frame, term: ast.Object) -> dict[object, ast.Term] | None:
    out: dict[object, ast.Term] = {}
    for key, value in term.items:
        operand = f.known(key)
        if operand is None or not is_constant(operand):
            return None
        out[term_key(f.term_of(operand))] = value
    return out


def _destructure(
    f: Frame, pattern: _Side, value: Operand
) -> list[tuple[_Side, _Side]] | None:
    parts: list[tuple[_Side, _Side]] = []
    if isinstance(pattern, ast.Array):
        source = f.register(value)
        f.emit("ARRLEN", source, len(pattern.items), f.fail)
        for place, item in enumerate(pattern.items):
            if isinstance(item, ast.Var) and item.name.startswith("$"):
                f.env.setdefault(item.name, f.constant(ast.Null()))
                continue
            out = f.b.register()
            index = ast.Number(str(place))
            f.emit("DOTK", out, source, ~f.constant(index), f.fail)
            parts.append((item, _Value(out)))
        return parts
    if isinstance(pattern, ast.Object):
        if any(f.unbound(key) for key, _ in pattern.items):
            return None
        source = f.register(value)
        f.emit("OBJLEN", source, len(pattern.items), f.fail)
        for key, item in pattern.items:
            operand = terms.plan_term(f, key)
            out = f.b.register()
            if is_constant(operand):
                f.emit("DOTK", out, source, ~operand, f.fail)
            else:
                f.emit("DOT", out, source, operand, f.fail)
            parts.append((item, _Value(out)))
        return parts
    assert isinstance(pattern, ast.Set)
    f.never(pattern)
    return parts

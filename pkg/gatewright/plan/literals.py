"""Collections written with variables as keys or members.

OPA binds such a literal as it is written: its elements are walked in the order of the
text (a variable comes after every constant), one that stands there twice is met
twice, and of equal keys the first counts.  Only where the whole is asked for is it a
value, in which equal keys are one and the last counts.

    [e | x := "a"; some e in {x, "b", "a"}]     is ["a", "b", "a"]

So a variable that holds such a literal remembers it, and refs into it start there.
"""

from __future__ import annotations

from collections.abc import Sequence

from gatewright.plan import refs, terms, unify
from gatewright.plan.constants import is_ground, same
from gatewright.plan.frame import Frame, Operand, is_constant
from gatewright.rego import ast

__all__ = ["first_of_equal", "note", "walk_literal"]


def note(f: Frame, var: ast.Var, term: ast.Term) -> None:
    """Remember what a variable was bound to, if it matters."""
    literal = _literal(f, term)
    if literal is not None and _matters(f, literal):
        f.spelled[var.name] = (f.env[var.name], literal)


def walk_literal(
    f: Frame, term: ast.Term, steps: Sequence[ast.Term], dest: int | None
) -> Operand | None:
    """Plan a ref into such a literal, None where it leads into no such one."""
    literal = _literal(f, term)
    for place, step in enumerate(steps):
        if literal is None:
            return None
        operand = f.known(step)
        if operand is None and f.computed(step):
            return None
        below = None
        if operand is not None and is_constant(operand):
            below = _below(literal, f.term_of(operand))
        if below is None and _is_open(literal):
            if operand is None:
                return _each(f, literal, steps[place:], dest)
            if isinstance(literal, ast.Set):
                return None
            found = first_of_equal(f, literal)
            return refs.Cursor(f, found).walk(steps[place:], dest)
        if below is None:
            return None
        literal = _literal(f, below)
        if literal is None or place == len(steps) - 1:
            part = terms.plan_term(f, below)
            return refs.Cursor(f, part).walk(steps[place + 1 :], dest)
    return None


def first_of_equal(f: Frame, term: ast.Term) -> Operand:
    """The value of a term; an object literal has the first of the values of equal
    keys."""
    literal = _literal(f, term)
    if isinstance(literal, ast.Object) and _is_open(literal):
        term = ast.Object(literal.items[::-1], literal.loc)
    return terms.plan_term(f, term)


def _literal(f: Frame, term: ast.Term) -> ast.Term | None:
    if isinstance(term, ast.Array | ast.Object | ast.Set):
        return term
    if isinstance(term, ast.Var) and term.name in f.spelled:
        operand, literal = f.spelled[term.name]
        if f.env.get(term.name) == operand:
            return literal
    return None


def _is_open(literal: ast.Term) -> bool:
    """Whether elements may turn out to be equal, or in another order."""
    if isinstance(literal, ast.Set):
        return len(literal.items) > 1 and not all(map(is_ground, literal.items))
    if isinstance(literal, ast.Object):
        keys = [key for key, _ in literal.items]
        return len(keys) > 1 and not all(map(is_ground, keys))
    return False


def _matters(f: Frame, literal: ast.Term) -> bool:
    """Whether an open literal is in it."""
    if _is_open(literal):
        return True
    parts: Sequence[ast.Term] = ()
    if isinstance(literal, ast.Array):
        parts = literal.items
    elif isinstance(literal, ast.Object):
        parts = [value for _, value in literal.items]
    return any(
        below is not None and _matters(f, below)
        for below in (_literal(f, part) for part in parts)
    )


def _below(literal: ast.Term, key: ast.Term) -> ast.Term | None:
    """The part under a constant key, None where that is not known or none is."""
    if isinstance(literal, ast.Array):
        places = {str(place): item for place, item in enumerate(literal.items)}
        return places.get(key.text) if isinstance(key, ast.Number) else None
    if isinstance(literal, ast.Object):
        for name, value in literal.items:
            if not is_ground(name):
                break
            if same(name, key):
                return value
    return None


def _each(
    f: Frame, literal: ast.Term, steps: Sequence[ast.Term], dest: int | None
) -> Operand:
    """Walk the elements as they are written."""
    step, *rest = steps
    if isinstance(literal, ast.Object):
        names = ast.Array([key for key, _ in literal.items], literal.loc)
        whole = f.register(first_of_equal(f, literal))
    else:
        assert isinstance(literal, ast.Set)
        names = ast.Array(literal.items, literal.loc)
        whole = -1
    _, key = f.loop(terms.plan_term(f, names), key=False, value=True)
    if isinstance(step, ast.Var):
        f.bind(step, key)
    else:
        unify.unify_value(f, step, key)
    value = key
    if whole >= 0:
        value = f.b.register()
        f.emit("DOT", value, whole, key, f.fail)
    return refs.Cursor(f, value).walk(rest, dest)

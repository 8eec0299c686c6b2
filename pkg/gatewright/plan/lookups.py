"""Look-ups: a loop in a loop that wants something equal.

    some u in input.users
    some g in input.groups
    u.group == g.name

The inner loop goes through the same collection again for each `u`.  The evaluator
finds the elements whose part (`g.name`) equals a value that the loop does not change
(`u.group`), by a table from the second time on (`internal.matching`), in the order of
the collection.  The comparison that follows is planned as ever.

Elements that are compared themselves (`xs[_] == x`) are left to the loop: it is two
instructions a round, and most lists of that kind are short.

Only where nothing can be told apart: the comparison is the next expression, and both
of its sides are steps from a value that is there, which no error can come of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gatewright.plan import calls, refs, terms
from gatewright.plan.frame import Frame, is_constant
from gatewright.plan.passes import leaves_out
from gatewright.plan.purity import MATCHING, MATCHING_KEYS
from gatewright.rego import ast
from gatewright.rego.stages.walk import dotted_name

__all__ = ["Lookup", "analyse"]

_EQUALITY: Final = frozenset({"eq", "equal"})


@dataclass(frozen=True, slots=True)
class Lookup:
    """A loop over the elements of `source` of which the part at `path` is `wanted`.

    `key`: the variable of their keys, if anything may ask for it; `rest`: what is left
    of the expression that was the loop.
    """

    source: ast.Term
    key: ast.Var | None
    element: ast.Var
    path: tuple[ast.String, ...]
    wanted: ast.Term
    rest: tuple[ast.Expr, ...]

    def plan(self, f: Frame, loc: ast.Location) -> None:
        """Plan the loop; afterwards the frame is at an element."""
        where = f.at(loc)
        source = terms.plan_term(f, self.source)
        wanted = terms.plan_term(f, self.wanted)
        block = f.b.block(3)
        f.put(source, block)
        f.put(f.constant(ast.Array(list(self.path))), block + 1)
        f.put(wanted, block + 2)
        name = MATCHING if self.key is None else MATCHING_KEYS
        found = f.b.register()
        builtin = f.planner.tables.builtin(name)
        f.emit("BUILTIN", found, builtin, block, 3, f.fail, where)
        _, element = f.loop(found, key=False, value=True)
        if self.key is not None:
            pair = element
            key, element = f.b.register(), f.b.register()
            for place, register in enumerate((key, element)):
                index = ~f.constant(ast.Number(str(place)))
                f.emit("DOTK", register, pair, index, f.fail)
            f.bind(self.key, key)
        f.bind(self.element, element)


def analyse(f: Frame, body: Sequence[ast.Expr]) -> Lookup | None:
    """The look-up that a body begins with, if it does."""
    if leaves_out("lookups"):
        return None
    sides = _sides(f, body[0])
    if sides is None:
        return None
    for element, ref in (sides, sides[::-1]):
        found = _open_step(f, ref)
        if found is None:
            continue
        assert isinstance(ref, ast.Ref)
        source = ast.Ref(ref.terms[:found], ref.loc)
        key = ref.terms[found]
        assert isinstance(key, ast.Var)
        tail = ref.terms[found + 1 :]
        if not tail and isinstance(element, ast.Var) and _is_new(f, element):
            if element.name != key.name and len(body) > 1:
                return _compared(f, (source, key, element), body[1], ())
            return None
        # The expression is the comparison itself.
        assert isinstance(body[0].terms, list)
        each = ast.Var(f"the element {f.b.register()}", ref.loc)
        parts = [body[0].terms[0], ast.Ref([each, *tail], ref.loc), element]
        rest = ast.Expr(parts, index=body[0].index, loc=body[0].loc)
        return _compared(f, (source, key, each), rest, (rest,))
    return None


def _compared(
    f: Frame,
    loop: tuple[ast.Ref, ast.Var, ast.Var],
    expr: ast.Expr,
    rest: tuple[ast.Expr, ...],
) -> Lookup | None:
    source, key, element = loop
    sides = _sides(f, expr)
    if sides is None:
        return None
    for part, wanted in (sides, sides[::-1]):
        path = _path(part, element)
        if path and _is_given(f, wanted):
            asked = None if key.name.startswith("$") else key
            head: ast.Term = source if len(source.terms) > 1 else source.terms[0]
            return Lookup(head, asked, element, path, wanted, rest)
    return None


def _sides(f: Frame, expr: ast.Expr) -> tuple[ast.Term, ast.Term] | None:
    """The two sides of an equation, one of them a ref at least."""
    if expr.with_ or expr.negated or expr.negated_body is not None:
        return None
    if not isinstance(expr.terms, list) or len(expr.terms) != 3:
        return None
    operator, left, right = expr.terms
    if not isinstance(left, ast.Ref) and not isinstance(right, ast.Ref):
        return None  # neither goes through anything
    if not isinstance(operator, ast.Ref) or calls.is_user(operator):
        return None
    name = dotted_name(operator)
    if name not in _EQUALITY or f.planner.mocked(name):
        return None
    return left, right


def _open_step(f: Frame, term: ast.Term) -> int | None:
    """Which step of a ref goes through all keys, if one does and the others do not."""
    if not isinstance(term, ast.Ref):
        return None
    head, *steps = term.terms
    new = [
        place
        for place, step in enumerate(steps, 1)
        if isinstance(step, ast.Var) and _is_new(f, step)
    ]
    if len(new) != 1 or not _is_head(f, head):
        return None  # as in most
    others = (step for place, step in enumerate(steps, 1) if place != new[0])
    return new[0] if all(_is_step(f, step) for step in others) else None


def _path(term: ast.Term, element: ast.Var) -> tuple[ast.String, ...]:
    """The steps from the element; none if the term is another, or not all are strings."""
    if not isinstance(term, ast.Ref):
        return ()
    head, *steps = term.terms
    if not isinstance(head, ast.Var) or head.name != element.name:
        return ()
    path = tuple(step for step in steps if isinstance(step, ast.String))
    return path if len(path) == len(steps) else ()


def _is_given(f: Frame, term: ast.Term) -> bool:
    """Whether a value is known before the loop, and may be another the next time.

    What depends on `input` alone is not: one pass through the collection is all
    that there would be.
    """
    if isinstance(term, ast.Var):
        return term.name in f.env and not is_constant(f.env[term.name])
    if not isinstance(term, ast.Ref):
        return False
    head, *steps = term.terms
    return (
        isinstance(head, ast.Var)
        and head.name in f.env
        and not is_constant(f.env[head.name])
        and all(_is_step(f, step) for step in steps)
    )


def _is_head(f: Frame, term: ast.Term) -> bool:
    if not isinstance(term, ast.Var):
        return False
    operand = f.env.get(term.name)
    if operand is None:
        return term.name == "input"
    return not is_constant(operand)


def _is_step(f: Frame, step: ast.Term) -> bool:
    if isinstance(step, ast.Var):
        return step.name in f.env
    return isinstance(step, ast.String) and not refs.is_ambiguous(step)


def _is_new(f: Frame, var: ast.Var) -> bool:
    return var.name not in f.env and var.name not in ("data", "input")

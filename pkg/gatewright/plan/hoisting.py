"""Calls whose operands are of the input alone: made once, wherever they stand.

    exempt(c) if {
      images := object.get(object.get(input, "parameters", {}), "exempt", [])
      images[_] == c.image
    }

What does not depend on the loop or the function that it stands in has the same result
each time, so it is planned as a rule of its own, whose value a context keeps.  It is
still asked for where it stands: nothing is evaluated that was not before, and what fails
fails there.

Variables are seen through: `note` remembers what is the same as a term of the input.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gatewright.plan.constants import is_ground, term_text
from gatewright.plan.frame import Frame, is_constant
from gatewright.plan.passes import leaves_out
from gatewright.plan.passes.idle import INPUT
from gatewright.plan.purity import uses_of
from gatewright.rego import ast
from gatewright.rego.printer import call_text
from gatewright.rego.stages.walk import SCALARS

__all__ = ["asked_of", "hoisted", "note"]


def note(f: Frame, var: ast.Var, term: ast.Term) -> None:
    """Remember what a variable was bound to, if it is of the input alone."""
    if isinstance(term, ast.Ref | ast.Call) and not f.planner.strict:
        closed = _closed(f, term)
        if closed is not None:
            f.closed[var.name] = f.env[var.name], closed


def hoisted(
    f: Frame, operator: ast.Ref, args: Sequence[ast.Term], loc: ast.Location
) -> int | None:
    """The function without parameters that is the same as a call; None: there is none,
    or it would be evaluated no less often."""
    if f.once or f.planner.strict or leaves_out("hoist"):
        return None
    closed = _closed(f, ast.Call(operator, list(args), loc))
    if closed is None:
        return None
    uses = uses_of(f.planner, closed)
    if uses.names or uses.impure or uses.relation:
        return None
    assert isinstance(closed, ast.Call)
    return f.planner.hoisted(closed)


def _closed(f: Frame, term: ast.Term) -> ast.Term | None:
    """The term without variables, if it is of the input alone."""
    if type(term) in SCALARS:
        return term
    if isinstance(term, ast.Var):
        operand = f.env.get(term.name)
        if operand is None:
            return None
        if is_constant(operand):
            return f.term_of(operand)
        bound, closed = f.closed.get(term.name, (operand, None))
        return closed if bound == operand else None
    if isinstance(term, ast.Ref):
        head, *steps = term.terms
        if not all(map(is_ground, steps)):
            return None
        if isinstance(head, ast.Var) and head.name == "input":
            return term
        below = _closed(f, head)
        if isinstance(below, ast.Ref):
            return ast.Ref([*below.terms, *steps], term.loc)
        return None
    if isinstance(term, ast.Call):
        known: list[ast.Term] = []
        for arg in term.args:
            part = _closed(f, arg)
            if part is None:
                return None
            known.append(part)
        return ast.Call(term.operator, known, term.loc)
    return term if is_ground(term) else None


def asked_of(call: ast.Call) -> Iterator[str]:
    """What evaluating a call of the input asks on its way, as `without_idle` names it:
    the input, paths of it, and the calls that are its operands."""
    for arg in call.args:
        if isinstance(arg, ast.Call):
            yield call_text(arg.operator, arg.args)
            yield from asked_of(arg)
        elif isinstance(arg, ast.Ref):
            yield INPUT
            yield term_text(ast.Array(list(arg.terms[1:])))

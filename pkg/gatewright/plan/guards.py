"""What OPA's rule index asks before it evaluates a body at all.

The index looks up base documents: a rule whose body needs one that is undefined, or
that differs from a constant, is never entered.  That shows where an expression
further up would have failed or met a conflict, so such tests go before the first
expression that may do that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from gatewright.plan.constants import is_ground
from gatewright.rego import ast
from gatewright.rego.stages.walk import terms_in

if TYPE_CHECKING:
    from gatewright.plan.planner import Planner

__all__ = ["guards_first"]

_EQUALITY: Final = frozenset({"eq", "equal"})
_MEMBER: Final = "internal.member_2"
_CALM: Final = frozenset({"eq", "equal", "neq", "lt", "lte", "gt", "gte"})
_SCALARS: Final = (ast.Null, ast.Boolean, ast.Number, ast.String)
_CLOSURES: Final = (
    ast.ArrayComprehension,
    ast.SetComprehension,
    ast.ObjectComprehension,
)
#: The variable of a test that only asks whether a document is there.
_THERE: Final = "$there"


def guards_first(planner: Planner, body: Sequence[ast.Expr]) -> Sequence[ast.Expr]:
    """The body in an order in which no guard comes after what may fail.

    The guards are ground, so the solutions and their order stay.
    """
    if len(body) < 2:
        return body
    first = next((at for at, e in enumerate(body) if _is_loud(planner, e)), len(body))
    front: list[ast.Expr] = []
    rest: list[ast.Expr] = []
    #: Locals that stand for a base document, as calls have them for operands.
    known: set[str] = set()
    for expr in body[:first]:
        known.update(_local(_guard(planner, expr, known)[1]))
    seen: set[str] = set()
    for expr in body[first:]:
        ref, other = _guard(planner, expr, known)
        if ref is None:
            rest.append(expr)
            seen.update(_names(expr))
        elif other is not None and seen.isdisjoint(_names(expr)):
            front.append(expr)
            known.update(_local(other))
        elif isinstance(ref, ast.Ref):
            name = f"{_THERE}{len(front)}"
            operator = ast.Ref([ast.Var("eq", expr.loc)], expr.loc)
            test: list[ast.Term] = [operator, ast.Var(name, expr.loc), ref]
            front.append(ast.Expr(test, index=expr.index, loc=expr.loc))
            rest.append(expr)
            seen.update(_names(expr))
        else:
            rest.append(expr)
            seen.update(_names(expr))
    return [*body[:first], *front, *rest] if front else body


def _local(other: ast.Term | None) -> Iterator[str]:
    if isinstance(other, ast.Var):
        yield other.name


def _guard(
    planner: Planner, expr: ast.Expr, known: set[str]
) -> tuple[ast.Term | None, ast.Term | None]:
    """The document that an expression looks up, and what it must be equal to.

    The document is a ref, or one of the `known` variables that stand for one.
    """
    if expr.with_ or expr.negated or expr.negated_body is not None:
        return None, None
    if isinstance(expr.terms, ast.Ref):
        return (expr.terms if _is_base(planner, expr.terms) else None), None
    if not isinstance(expr.terms, list) or len(expr.terms) != 3:
        return None, None
    operator, left, right = expr.terms
    if _dotted(operator) == _MEMBER:
        listed = isinstance(right, ast.Array | ast.Set | ast.Object) and right.items
        if listed and is_ground(right) and _is_looked_up(planner, left, known):
            return left, right
        return None, None
    if _name(operator) not in _EQUALITY:
        return None, None
    for ref, other in ((left, right), (right, left)):
        if _is_looked_up(planner, ref, known) and _is_flat(other):
            return ref, other
    return None, None


def _is_looked_up(planner: Planner, term: ast.Term, known: set[str]) -> bool:
    if isinstance(term, ast.Ref):
        return _is_base(planner, term)
    return isinstance(term, ast.Var) and term.name in known


def _is_flat(term: ast.Term) -> bool:
    if isinstance(term, ast.Array):
        return all(isinstance(item, (ast.Var, *_SCALARS)) for item in term.items)
    return isinstance(term, (ast.Var, *_SCALARS))


def _is_base(planner: Planner, ref: ast.Ref) -> bool:
    """Whether a ref is ground and leads to a base document or into the input."""
    head, *path = ref.terms
    if not isinstance(head, ast.Var) or not all(isinstance(t, _SCALARS) for t in path):
        return False
    if head.name == "input":
        return True
    return head.name == "data" and not _is_virtual(planner, path)


def _is_virtual(planner: Planner, path: Sequence[ast.Term]) -> bool:
    node = planner.compiled.rule_tree
    for term in path:
        below = node.child(term)
        if below is None:
            return False
        if below.rules:
            return True
        node = below
    return True


def _is_loud(planner: Planner, expr: ast.Expr) -> bool:
    """Whether evaluating an expression may raise an error, or call what may."""
    if expr.with_ or expr.negated_body is not None:
        return True
    if isinstance(expr.terms, (ast.Every, ast.Logical)):
        return True
    parts: Sequence[Any] = [expr.terms]
    if isinstance(expr.terms, list):
        if _name(expr.terms[0]) not in _CALM:
            return True
        parts = expr.terms[1:]
    for part in parts:
        for term in terms_in(part):
            if isinstance(term, (ast.Call, *_CLOSURES)):
                return True
            if isinstance(term, ast.Ref) and _name(term.terms[0]) == "data":
                steps = term.terms[1:]
                if not all(isinstance(t, _SCALARS) for t in steps):
                    return True
                if _is_virtual(planner, steps):
                    return True
    return False


def _name(term: ast.Term) -> str:
    if isinstance(term, ast.Ref):
        return _name(term.terms[0]) if len(term.terms) == 1 else ""
    return term.name if isinstance(term, ast.Var) else ""


def _dotted(term: ast.Term) -> str:
    parts = term.terms if isinstance(term, ast.Ref) else []
    return ".".join(
        part.name if isinstance(part, ast.Var) else part.value
        for part in parts
        if isinstance(part, ast.Var | ast.String)
    )


def _names(node: Any) -> Iterator[str]:
    if node is None:
        return
    for term in terms_in(node):
        if isinstance(term, ast.Var):
            yield term.name

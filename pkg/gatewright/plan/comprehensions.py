"""Which comprehensions are evaluated once for all values of outer variables.

`xs := [x | data.edges[x] == y]` in a body that binds `y` in a loop is evaluated once
with `y` free, and its results are kept by `y`.  That decides which steps there are,
and which errors, so the conditions are OPA's.
"""

from __future__ import annotations

from typing import Any, Final

from gatewright.rego import ast
from gatewright.rego.stages.variables import (
    Arity,
    Names,
    all_vars,
    body_outputs,
    output_vars,
    safety_vars,
    term_vars,
)
from gatewright.rego.stages.walk import (
    COMPREHENSIONS,
    finder,
    holder,
    is_equality,
    operator_name,
    walk,
)

__all__ = ["comprehension_keys"]

_RESERVED: Final = frozenset({"data", "input"})


def comprehension_keys(
    body: ast.Body, args: list[ast.Term], arity: Arity
) -> dict[int, list[str]]:
    """By `id` of a comprehension, the outer variables that its results are kept by."""
    found: dict[int, list[str]] = {}
    if not _closes(body):
        return found
    known = set(_RESERVED) | term_vars(*args)
    bodies = _bodies(body)
    if all(_assigned(expr) is None for inner in bodies for expr in inner):
        return found
    for inner in bodies:
        for expr in inner:
            term = _assigned(expr)
            if term is not None:
                names = _keys(term, known, arity)
                if names:
                    found[id(term)] = names
            known |= safety_vars(expr)
    return found


def _bodies(body: ast.Body) -> list[ast.Body]:
    found = [body]
    for node in _with_bodies(body):
        kind = type(node)
        if kind is ast.Logical:
            found.extend((node.left, node.right))
        elif kind is not ast.Expr:
            found.append(node.body)
        elif node.negated_body is not None:
            found.append(node.negated_body)
    return found


_with_bodies: Final = finder(*COMPREHENSIONS, ast.Every, ast.Logical, ast.Expr)
_closes: Final = holder(*COMPREHENSIONS)


def _assigned(expr: ast.Expr) -> Any:
    """The comprehension of `var = comprehension`."""
    if not is_equality(expr) or expr.negated or expr.with_:
        return None
    _, left, right = expr.terms[:3]  # type: ignore[index]
    if type(left) is ast.Var and type(right) in COMPREHENSIONS:
        return right
    if type(right) is ast.Var and type(left) in COMPREHENSIONS:
        return left
    return None


def _keys(term: Any, known: Names, arity: Arity) -> list[str]:
    body: ast.Body = term.body
    outputs = set(body_outputs(body, arity, set(_RESERVED)))
    needed: Names = set()
    for expr in body:
        needed |= safety_vars(expr)
    if needed - outputs - _RESERVED:
        return []
    if _gets_worse(body, known) or _closes_over(body, known):
        return []
    return sorted(known & outputs)


def _gets_worse(body: ast.Body, known: Names) -> bool:
    """Whether a ref would go through what the outer variable now looks up."""
    seen: Names = set()
    worse = False

    def visit(node: Any) -> bool:
        nonlocal worse
        if worse:
            return True
        kind = type(node)
        if kind in COMPREHENSIONS:
            return True
        names: Names = set()
        if kind is ast.Expr and operator_name(node) == "walk":
            operands = node.terms[1:]
            names = all_vars(operands[1]) if len(operands) > 1 else set()
        elif kind is ast.Ref:
            names = output_vars(node)
        elif kind is ast.Var:
            seen.add(node.name)
        worse = bool((names & known) - seen)
        return worse

    for expr in body:
        walk(expr, visit)
    return worse


def _closes_over(body: ast.Body, known: Names) -> bool:
    found = False

    def visit(node: Any) -> bool:
        nonlocal found
        if type(node) in COMPREHENSIONS:
            found |= bool(output_vars(node) & known)
            return True
        return found

    for expr in body:
        walk(expr, visit)
    return found

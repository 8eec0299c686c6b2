"""Original names in messages: generated variables back to what the user wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatewright.rego import ast
from gatewright.rego.stages.resolve import copy_term
from gatewright.rego.stages.walk import COMPREHENSIONS, children

__all__ = ["renamed", "renamed_ref"]

_DECLARED = (ast.Every, ast.Logical, ast.SomeDecl)


def renamed(
    term: Any, names: Mapping[str, str], subjects: Mapping[str, Any] | None = None
) -> Any:
    """A copy of a term with generated names replaced.

    `subjects` maps a generated name to the term that was hoisted into it.
    """
    kind = type(term)
    if kind is ast.Var:
        if subjects is not None:
            subject = subjects.get(term.name)
            if subject is not None:
                return renamed(copy_term(subject), names, subjects)
        return ast.Var(names.get(term.name, term.name), term.loc)
    if kind is ast.Ref:
        return ast.Ref([renamed(t, names, subjects) for t in term.terms], term.loc)
    if kind is ast.Call:
        args = [renamed(arg, names, subjects) for arg in term.args]
        return ast.Call(term.operator, args, term.loc)
    if kind in COMPREHENSIONS:
        return _renamed_closure(term, names, subjects)
    if kind is ast.Array or kind is ast.Set:
        return kind([renamed(t, names, subjects) for t in term.items], term.loc)
    if kind is ast.Object:
        return ast.Object(
            [
                (renamed(k, names, subjects), renamed(v, names, subjects))
                for k, v in term.items
            ],
            term.loc,
        )
    return term


def _renamed_closure(
    term: Any, names: Mapping[str, str], subjects: Mapping[str, Any] | None
) -> Any:
    """A copy of a comprehension with names replaced wherever they are bare."""

    def inner(item: Any) -> Any:
        return renamed(item, names, subjects)

    copy = copy_term(term)
    if type(copy) is ast.ObjectComprehension:
        copy.key, copy.value = inner(copy.key), inner(copy.value)
    else:
        copy.term = inner(copy.term)
    stack: list[Any] = [*copy.body]
    while stack:
        node = stack.pop()
        if type(node) is ast.Expr and type(node.terms) is list:
            node.terms[1:] = map(inner, node.terms[1:])
            stack += [*(node.negated_body or ()), *node.with_]
        elif type(node) is ast.Expr and not isinstance(node.terms, _DECLARED):
            node.terms = inner(node.terms)
            stack += [*(node.negated_body or ()), *node.with_]
        elif type(node) is ast.With:
            node.value = inner(node.value)
        elif type(node) is ast.Every:
            node.domain = inner(node.domain)
            stack += [node.key, node.value, *node.body]
        elif type(node) is ast.Var:
            node.name = names.get(node.name, node.name)
        else:
            stack.extend(children(node))
    return copy


def renamed_ref(ref: ast.Ref, names: Mapping[str, str]) -> ast.Ref:
    """A ref as the user wrote it."""
    return renamed(ref, names)

"""Checking refs: every element must be one that the value below can have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gatewright.builtins.types import ANY, STRING, AnyType, FunctionType, ObjectType
from gatewright.rego import ast
from gatewright.rego.order import sorted_terms
from gatewright.rego.stages.walk import COMPREHENSIONS, RESERVED, SCALARS, children
from gatewright.rego.types_algebra import (
    Maybe,
    constant_key,
    is_empty,
    key_order,
    keys_of,
    select,
    unifies,
    values_of,
)
from gatewright.rego.types_env import TypeEnv, TypeTree
from gatewright.rego.types_errors import (
    TypeProblem,
    invalid_ref,
    unsupported_ref,
)
from gatewright.rego.types_unify import unify

__all__ = ["RefChecker"]


class RefChecker:
    """Checks the refs of one expression and types the variables in them."""

    __slots__ = ("env", "problems", "rename")

    def __init__(self, env: TypeEnv, rename: Callable[[ast.Ref], ast.Ref]) -> None:
        self.env = env
        self.rename = rename
        self.problems: list[TypeProblem] = []

    def expr(self, expr: ast.Expr) -> None:
        """Refs in operands; those of operators and `with` have their own checks."""
        terms = expr.terms
        if expr.negated_body is not None:
            for inner in expr.negated_body:
                self.expr(inner)
        elif type(terms) is list:
            for term in terms[1:]:
                kind = type(term)
                if kind is not ast.Var and kind not in SCALARS:
                    self.term(term)
        elif type(terms) in (ast.Every, ast.Logical):
            for child in children(terms):
                self.visit(child)
            for with_ in expr.with_:
                self.visit(with_.target)
                self.visit(with_.value)
        else:
            self.term(terms)

    def visit(self, node: Any) -> None:
        if type(node) is ast.Expr:
            self.expr(node)
        else:
            self.term(node)

    def term(self, term: Any) -> None:
        kind = type(term)
        if kind is ast.Var or kind in SCALARS or kind in COMPREHENSIONS:
            return
        if kind is ast.Ref:
            of = self.env.ref(term)
            if isinstance(of, FunctionType):
                self.problems.append(
                    unsupported_ref(
                        term.terms[0].loc, self.rename(term), len(term.terms) - 1, of
                    )
                )
                return
            problem = self.ref(term)
            if problem is not None:
                self.problems.append(problem)
            for part in term.terms:
                self.term(part)
            return
        for child in children(term):
            self.visit(child)

    # One ref

    def ref(self, ref: ast.Ref) -> TypeProblem | None:
        head = ref.terms[0]
        if type(head) is not ast.Var:
            return None
        if head.name not in RESERVED:
            of = self.env.var(head.name)
            if of is None:
                return self.leaf(ANY, ref, 0)
            return self.leaf(of, ref, 1)
        for tree in self.env.trees:
            node = tree.children.get(("v", head.name))
            if node is not None:
                done, problem = self.walk(node, ref)
                if done:
                    return problem
        return self.leaf(ANY, ref, 1)

    def walk(self, node: TypeTree, ref: ast.Ref) -> tuple[bool, TypeProblem | None]:
        """Follow a ref down the documents; False: this tree does not know it."""
        at = 1
        while True:
            if node.value is not None:
                return True, self.leaf(node.value, ref, at)
            if at == len(ref.terms):
                return True, None
            term = ref.terms[at]
            kind = type(term)
            if at <= 2 and kind is not ast.Var and kind is not ast.String:
                have = self.env.get(term)
                return True, self.invalid(ref, at, have, STRING, _names(node))
            if kind is ast.Var:
                keys = keys_of(node.extent())
                exist = self.env.var(term.name)  # type: ignore[union-attr]
                if exist is None:
                    self.env.vars[term.name] = keys  # type: ignore[union-attr]
                elif not unifies(keys, exist):
                    return True, self.invalid(ref, at, exist, keys, _names(node))
            below = node.child(term)
            if below is None:
                return False, None
            node = below
            at += 1

    def leaf(self, of: Maybe, ref: ast.Ref, at: int) -> TypeProblem | None:
        """Follow the rest of a ref into a value of a type."""
        terms = ref.terms
        env = self.env
        while at < len(terms):
            term = terms[at]
            kind = type(term)
            if is_empty(of) and not env.older:
                return self.empty(of, ref, at)
            keys = keys_of(of)
            if keys is None:
                return unsupported_ref(terms[0].loc, self.rename(ref), at - 1, of)
            if kind is ast.Var:
                exist = env.var(term.name)  # type: ignore[union-attr]
                if exist is None:
                    env.vars[term.name] = keys  # type: ignore[union-attr]
                elif not unifies(exist, keys):
                    return self.invalid(ref, at, exist, keys, _choices(of))
            elif kind is ast.Ref:
                exist = env.ref(term)  # type: ignore[arg-type]
                if exist is not None and not unifies(exist, keys):
                    return self.invalid(ref, at, exist, keys, _choices(of))
            elif kind in (ast.Array, ast.Object, ast.Set):
                if not unify(env, term, keys):
                    return self.invalid(ref, at, env.get(term), keys, [])
            else:
                below = select(of, constant_key(term))
                if below is None:
                    return self.invalid(ref, at, None, keys, _choices(of))
                of = below
                at += 1
                continue
            of = values_of(of)
            at += 1
        return None

    def empty(self, of: Maybe, ref: ast.Ref, at: int) -> TypeProblem | None:
        """A constant key finds nothing in an empty collection; iterating is fine."""
        term = ref.terms[at]
        if type(term) in SCALARS:
            return self.invalid(ref, at, None, None, [])
        if type(term) is ast.Var:
            exist = self.env.var(term.name)
            keys = keys_of(of)
            if exist is None:
                self.env.vars[term.name] = ANY
            elif keys is not None and not unifies(exist, keys):
                return self.invalid(ref, at, exist, keys, [])
        return None

    def invalid(
        self, ref: ast.Ref, at: int, have: Maybe, want: Maybe, one_of: list[Any]
    ) -> TypeProblem:
        loc = ref.terms[0].loc
        return invalid_ref(loc, self.rename(ref), at, have, want, one_of)


def _names(node: TypeTree) -> list[Any]:
    return sorted_terms([child.term for child in node.children.values()])  # type: ignore[misc]


def _choices(of: Maybe) -> list[Any]:
    """Keys that a value is known to have."""
    found: dict[Any, Any] = {}

    def collect(of: Maybe) -> None:
        if isinstance(of, ObjectType):
            for key, _ in of.static:
                term = ast.String(key) if isinstance(key, str) else key
                found.setdefault(key_order(key), term)
        elif isinstance(of, AnyType):
            for member in of.of:
                collect(member)

    collect(of)
    return sorted_terms(found.values())

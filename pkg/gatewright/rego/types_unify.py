"""Inference: the types that variables must have for two sides to be equal."""

from __future__ import annotations

from typing import Any

from gatewright.builtins.types import ANY, AnyType, ArrayType, ObjectType, SetType
from gatewright.rego import ast
from gatewright.rego.graph import is_constant
from gatewright.rego.rule_tree import term_key
from gatewright.rego.stages.walk import COMPREHENSIONS, SCALARS, children
from gatewright.rego.types_algebra import (
    Maybe,
    constant_key,
    dynamic_value,
    is_unknown,
    item,
    or_,
    select,
    unifies,
)
from gatewright.rego.types_env import TypeEnv

__all__ = ["unify", "unify_terms"]


def unify_terms(env: TypeEnv, a: Any, of_a: Maybe, b: Any, of_b: Maybe) -> bool:
    """Type the unknown variables of two sides; False when they cannot be equal."""
    unknown_a, unknown_b = is_unknown(of_a), is_unknown(of_b)
    if unknown_a and not unknown_b:
        return unify(env, a, of_b)
    if unknown_b and not unknown_a:
        return unify(env, b, of_a)
    if not unknown_a:
        return unifies(of_a, of_b)
    kind, other = type(a), type(b)
    if kind is ast.Array:
        return _unify_arrays(env, a, b)
    if kind is ast.Object:
        return _unify_objects(env, a, b)
    if kind is ast.Var:
        if other is ast.Var:
            return unify(env, a, ANY) and unify(env, b, env.get(a))
        if other is ast.Array:
            return _unify_arrays(env, b, a)
        if other is ast.Object:
            return _unify_objects(env, b, a)
        if other is ast.Ref and not env.older:
            return unify(env, a, ANY)
    elif kind is ast.Ref and other is ast.Var and not env.older:
        return unify(env, b, ANY)
    if kind is ast.Var and of_a is None and of_b is not None:
        return unify(env, a, of_b)
    if other is ast.Var and of_b is None and of_a is not None:
        return unify(env, b, of_a)
    return False


def _unify_arrays(env: TypeEnv, a: Any, b: Any) -> bool:
    if type(b) is ast.Var:
        return unify(env, a, ANY) and unify(env, b, env.get(a))
    if type(b) is not ast.Array or len(a.items) != len(b.items):
        return False
    return all(
        unify_terms(env, one, env.get(one), two, env.get(two))
        for one, two in zip(a.items, b.items, strict=True)
    )


def _unify_objects(env: TypeEnv, a: Any, b: Any) -> bool:
    if type(b) is ast.Var:
        return unify(env, a, ANY) and unify(env, b, env.get(a))
    if type(b) is not ast.Object or len(a.items) != len(b.items):
        return False
    others = {term_key(key): value for key, value in b.items}
    for key, value in a.items:
        other = others.get(term_key(key))
        if other is None:
            return False
        if not unify_terms(env, value, env.get(value), other, env.get(other)):
            return False
    return True


def unify(env: TypeEnv, term: Any, of: Maybe, union: bool = False) -> bool:
    """Type the unknown variables of a term that is to have a type.

    False when it cannot have it.  `union`: the type is one of several that the
    term may have, so variables collect them.
    """
    kind = type(term)
    if kind is ast.Var:
        name = term.name
        if union:
            env.vars[name] = or_(env.var(name), of)
            return True
        known = env.var(name)
        if known is not None:
            return unifies(known, of)
        env.vars[name] = of
        return True
    if kind in SCALARS or kind is ast.Ref or kind in COMPREHENSIONS:
        return unifies(env.get(term), of)
    if kind is ast.Array:
        if isinstance(of, ArrayType):
            if len(term.items) != len(of.static) and of.dynamic is None:
                return False
            return all(
                unify(env, member, item(of, i), union)
                for i, member in enumerate(term.items)
            )
    elif kind is ast.Object:
        if isinstance(of, ObjectType):
            return _unify_object(env, term, of, union)
    elif kind is ast.Set:
        if isinstance(of, SetType):
            return all(unify(env, member, of.of, union) for member in term.items)
    elif not is_constant(term):
        return unifies(env.get(term), of)
    if not isinstance(of, AnyType):
        return False
    if not of.of:
        for member in children(term):
            unify(env, member, ANY, True)
        return True
    found = False
    for one in of.of:  # all of them: each types variables
        found = unify(env, term, one, True) or found
    return found


def _unify_object(env: TypeEnv, term: Any, of: ObjectType, union: bool) -> bool:
    if len(term.items) != len(of.static) and dynamic_value(of) is None:
        return False
    for key, value in term.items:
        if is_constant(key):
            below = select(of, constant_key(key))
            if below is None or not unify(env, value, below, union):
                return False
        else:
            unify(env, value, ANY, union)
    return True

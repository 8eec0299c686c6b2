"""CheckUndefinedFuncs, CheckUnsafeBuiltins, CheckDeprecatedBuiltins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gatewright.builtins.declarations import Builtin
from gatewright.builtins.types import FunctionType, Type
from gatewright.rego import ast, errors
from gatewright.rego.printer import ref_text
from gatewright.rego.stages.rename import renamed_ref
from gatewright.rego.stages.state import State
from gatewright.rego.stages.walk import exprs_in, is_equality, operator_name, ref_name
from gatewright.rego.types_env import TypeEnv
from gatewright.rego.types_errors import argument_error

__all__ = [
    "check_deprecated_builtins",
    "check_undefined_funcs",
    "check_unsafe_builtins",
    "deprecated_calls",
    "undefined_funcs",
    "unsafe_calls",
]


def undefined_funcs(state: State, node: Any, types: TypeEnv) -> Iterator[errors.Error]:
    """Calls of what is no function, and with a wrong number of operands.

    `types` answers the static type of an operand for the details of a message.
    """
    skip: set[int] = set()
    for expr in exprs_in(node):
        terms = expr.terms
        if type(terms) is not list or id(expr) in skip:
            continue
        operator = terms[0]
        assert type(operator) is ast.Ref
        arity = state.arity(operator)
        operands = len(terms) - 1
        if arity < 0:
            text = ref_text(renamed_ref(operator, state.rewritten))
            yield errors.Error(
                errors.TYPE_ERROR, f"undefined function {text}", expr.loc
            )
        elif expr.generated:
            if is_equality(expr) or operands == arity + 1:
                continue
            yield arity_error(state, expr, operator, arity, operands - 1, types)
        else:
            if operands in (arity, arity + 1):
                continue
            yield arity_error(state, expr, operator, arity, operands, types)
        skip.update(id(inner) for inner in exprs_in(terms))


def arity_error(
    state: State,
    expr: ast.Expr,
    operator: ast.Ref,
    arity: int,
    operands: int,
    types: TypeEnv,
) -> errors.Error:
    """Built-ins show what they were given and what they take."""
    want = state.builtins.get(ref_name(operator)) or types.ref(operator)
    if isinstance(want, Builtin | FunctionType):
        terms = expr.terms
        assert type(terms) is list
        have: list[Type | None] = [types.get(term) for term in terms[1:]]
        problem = argument_error(expr.loc, operator, "arity mismatch", have, want)
        return problem.error
    text = ref_text(renamed_ref(operator, state.rewritten))
    noun = "argument" if operands == 1 else "arguments"
    return errors.Error(
        errors.TYPE_ERROR,
        f"function {text} has arity {arity}, got {operands} {noun}",
        expr.loc,
    )


def check_undefined_funcs(state: State) -> None:
    """CheckUndefinedFuncs over all modules."""
    types = TypeEnv(state.builtins)
    for module in state.modules.values():
        state.fail(*undefined_funcs(state, module, types))


def unsafe_calls(unsafe: frozenset[str], node: Any) -> Iterator[errors.Error]:
    """Calls of built-ins that the caller rules out."""
    for expr in exprs_in(node):
        name = operator_name(expr)
        if name and name in unsafe:
            yield errors.Error(
                errors.TYPE_ERROR,
                f"unsafe built-in function calls in expression: {name}",
                expr.loc,
            )


def check_unsafe_builtins(state: State) -> None:
    """CheckUnsafeBuiltins over all modules."""
    unsafe = state.options.unsafe_builtins
    if unsafe:
        for module in state.modules.values():
            state.note(*unsafe_calls(unsafe, module))


def deprecated_calls(state: State, node: Any) -> Iterator[errors.Error]:
    """Calls of built-ins that v1 no longer has."""
    for expr in exprs_in(node):
        name = operator_name(expr)
        builtin = state.builtins.get(name) if name else None
        if builtin is not None and builtin.deprecated:
            yield errors.Error(
                errors.TYPE_ERROR,
                f"deprecated built-in function calls in expression: {name}",
                expr.loc,
            )


def check_deprecated_builtins(state: State) -> None:
    """CheckDeprecatedBuiltins over the modules that v1's checks apply to."""
    for module in state.modules.values():
        if state.strict_or_v1(module):
            state.note(*deprecated_calls(state, module))

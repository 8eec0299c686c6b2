"""CheckVoidCalls and RewritePrintCalls.

    print("x is", input.x)
      ->  internal.print([{a | a = "x is"}, {b | b = input.x}])

Set comprehensions keep an undefined operand from ending the query and show it as
`<undefined>`; several values print a line each.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gatewright.rego import ast, errors
from gatewright.rego.printer import term_text
from gatewright.rego.stages.state import State, VarGenerator
from gatewright.rego.stages.variables import (
    Arity,
    all_vars,
    body_outputs,
    safety_vars,
    term_vars,
)
from gatewright.rego.stages.walk import (
    RESERVED,
    bodies_of,
    closures_in,
    is_generated,
    operator_name,
    ref_name,
    rules_of,
    shown,
    terms_in,
)

__all__ = ["PrintRewriter", "check_void_calls", "erase_prints", "rewrite_print_calls"]


def void_calls(state: State, node: Any) -> Iterator[errors.Error]:
    """Calls of functions without a result where a value is needed."""
    for term in terms_in(node):
        if type(term) is not ast.Call:
            continue
        builtin = state.builtins.get(ref_name(term.operator))
        if builtin is not None and builtin.result is None:
            yield errors.Error(
                errors.TYPE_ERROR, f"{term_text(term)} used as value", term.loc
            )


def check_void_calls(state: State) -> None:
    """CheckVoidCalls over all modules."""
    if "print" not in state.features:
        return
    for module in state.modules.values():
        state.fail(*void_calls(state, module))


def _is_print(expr: ast.Expr) -> bool:
    return operator_name(expr) == "print"


def erase_prints(node: Any) -> None:
    """Remove print calls from every body below a node; none stays empty."""
    for owner, name in list(bodies_of(node)):
        body: ast.Body = getattr(owner, name)
        kept = [expr for expr in body if not _is_print(expr)]
        if len(kept) == len(body):
            continue
        for i, expr in enumerate(kept):
            expr.index = i
        if not kept:
            loc = body[0].loc
            kept = [ast.Expr(ast.Boolean(True, loc), loc=loc)]
        setattr(owner, name, kept)


class PrintRewriter:
    """Rewrites print calls in place; `errors` collects unbound operands."""

    __slots__ = ("arity", "errors", "gen", "rewritten")

    def __init__(
        self, gen: VarGenerator, arity: Arity, rewritten: dict[str, str]
    ) -> None:
        self.gen = gen
        self.arity = arity
        self.rewritten = rewritten
        self.errors: list[errors.Error] = []

    def body(self, body: ast.Body, bound: set[str]) -> None:
        for i, expr in enumerate(body):
            closures = closures_in(expr)
            if not closures:
                continue
            safe = body_outputs(body[:i], self.arity, bound) | bound
            before = len(self.errors)
            for closure in closures:
                if type(closure) is ast.Every:
                    safe |= term_vars(closure.key, closure.value)
                self.closure(closure, safe)
            if len(self.errors) > before:
                return
        for i, expr in enumerate(body):
            if not _is_print(expr):
                continue
            safe = body_outputs(body[:i], self.arity, bound) | bound
            safe |= {name for name in all_vars(body[:i]) if is_generated(name)}
            if not self.call(body, i, expr, safe):
                return

    def closure(self, closure: Any, safe: set[str]) -> None:
        if type(closure) is ast.Logical:
            self.body(closure.left, safe)
            self.body(closure.right, safe)
        elif type(closure) is ast.Expr:
            assert closure.negated_body is not None
            self.body(closure.negated_body, safe)
        else:
            self.body(closure.body, safe)

    def call(self, body: ast.Body, at: int, expr: ast.Expr, safe: set[str]) -> bool:
        operands: list[Any] = expr.terms[1:]  # type: ignore[index]
        before = len(self.errors)
        for operand in operands:
            for name in sorted(safety_vars(operand) - safe):
                name = shown(self.rewritten.get(name, name))
                self.errors.append(
                    errors.Error(
                        errors.COMPILE_ERROR,
                        f"var {name} is undeclared",
                        operand.loc,
                    )
                )
        if len(self.errors) > before:
            return False
        sets: list[ast.Term] = []
        for operand in operands:
            loc = operand.loc
            var = self.gen.var(loc)
            capture = ast.Expr(
                [ast.Ref([ast.Var("eq", loc)], loc), var, operand], loc=loc
            )
            sets.append(ast.SetComprehension(ast.Var(var.name, loc), [capture], loc))
        operator = ast.Ref([ast.Var("internal", expr.loc), ast.String("print")])
        operator.loc = expr.loc
        body[at] = ast.Expr(
            [operator, ast.Array(sets, expr.loc)], index=at, loc=expr.loc
        )
        return True


def rewrite_print_calls(state: State) -> None:
    """RewritePrintCalls over all rules, or their removal."""
    if "print" not in state.features:
        return
    for module in state.modules.values():
        if not state.options.print_enabled:
            erase_prints(module)
            continue
        for rule in rules_of(module):
            rewriter = PrintRewriter(state.gen, state.arity, state.rewritten)
            bound = term_vars(*(rule.head.args or ())) | RESERVED
            for closure in closures_in(rule.head):
                rewriter.closure(closure, bound)
            rewriter.body(rule.body, bound)
            state.fail(*rewriter.errors)

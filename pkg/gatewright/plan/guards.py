"""What the rule index asks, planned before what may fail.

Only the tests of expressions behind the first loud one are planned: those before it
are in the body anyway.  They are ground, so the solutions and their order stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from gatewright.plan.levels import SCALARS, Test
from gatewright.rego import ast

if TYPE_CHECKING:
    from gatewright.plan.planner import Planner

__all__ = ["guarded"]


def guarded(planner: Planner, clause: ast.Rule) -> Sequence[ast.Expr]:
    """A clause's body with the index's tests where they have to stand."""
    body = clause.body
    loud = next((at for at, e in enumerate(body) if planner.loud.expr(e)), len(body))
    if loud == len(body):
        return body
    tests = planner.tests(clause)
    if tests is None or not (tests.tests or tests.paths):
        return body
    names = _Names()
    front: list[ast.Expr] = []
    for test in tests.tests:
        if test.at >= loud:
            front += names.test(test)
    if any(test.at >= loud for path in tests.paths for test in path):
        ways = [[e for test in path for e in names.test(test)] for path in tests.paths]
        if all(ways):
            front.append(_any_of(ways))
    return [*body[:loud], *front, *body[loud:]]


class _Names:
    """Expressions for tests; `count`: variables made."""

    def __init__(self) -> None:
        self.count = 0

    def fresh(self) -> ast.Var:
        self.count += 1
        return ast.Var(f"$there{self.count}")

    def test(self, test: Test) -> list[ast.Expr]:
        term = test.term
        if test.kind == "key":
            return self.key(term, test.values[0])
        if any(isinstance(value, ast.Var) for value in test.values):
            return [_call("eq", self.fresh(), term)]
        if test.kind == "equal":
            return self.equal(term, test.values)
        value = self.fresh()
        first = _call("eq", value, term)
        if test.kind == "member":
            has = [[_call("internal.member_2", v, value)] for v in test.values]
            return [first, _any_of(has)]
        lists = (
            ["is_array"] if test.kind == "glob" else ["is_array", "is_set", "is_object"]
        )
        ways = [[_call(name, value)] for name in lists]
        if test.kind == "glob":
            assert isinstance(test.values[0], ast.Array)
            pattern, delimiters = test.values[0].items
            match = _call("glob.match", pattern, delimiters, value)
            return [first, _any_of([*ways, [_call("is_string", value), match]])]
        name = "startswith" if test.kind == "prefix" else "endswith"
        texts = [[_call(name, value, text)] for text in test.values]
        return [first, _any_of([*ways, [_call("is_string", value), _any_of(texts)]])]

    def equal(self, term: ast.Term, values: Sequence[ast.Term]) -> list[ast.Expr]:
        if all(isinstance(value, SCALARS) for value in values):
            if len(values) == 1:
                return [_call("eq", term, values[0])]
            return [_call("internal.member_2", term, ast.Set(list(values)))]
        value = self.fresh()
        first = _call("eq", value, term)
        ways = [list(self.matches(value, wanted)) for wanted in values]
        return [first, _any_of(ways)] if all(ways) else [first]

    def matches(self, value: ast.Var, wanted: ast.Term) -> Iterator[ast.Expr]:
        """Nothing for an object or a set: the index knows no more of them."""
        if isinstance(wanted, SCALARS):
            yield _call("eq", value, wanted)
        elif isinstance(wanted, ast.Array):
            items: list[ast.Term] = [
                item if isinstance(item, SCALARS) else self.fresh()
                for item in wanted.items
            ]
            yield _call("eq", ast.Array(items), value)

    def key(self, key: ast.Term, collection: ast.Term) -> list[ast.Expr]:
        at, where = self.fresh(), self.fresh()
        first = [_call("eq", at, key), _call("eq", where, collection)]
        inside = [_call("eq", self.fresh(), ast.Ref([where, at]))]
        other = [_negated("is_object", where), _negated("is_set", where)]
        return [*first, _any_of([inside, other])]


def _call(name: str, *operands: ast.Term) -> ast.Expr:
    first, *rest = name.split(".")
    operator = ast.Ref([ast.Var(first), *map(ast.String, rest)])
    return ast.Expr([operator, *operands])


def _negated(name: str, operand: ast.Term) -> ast.Expr:
    expr = _call(name, operand)
    expr.negated = True
    return expr


def _any_of(ways: Sequence[list[ast.Expr]]) -> ast.Expr:
    if len(ways) == 1 and len(ways[0]) == 1:
        return ways[0][0]
    if len(ways) == 1:
        return ast.Expr(ast.Logical("and", ways[0], ways[0]))
    left, *right = ways
    rest = right[0] if len(right) == 1 else [_any_of(right)]
    return ast.Expr(ast.Logical("or", left, rest))

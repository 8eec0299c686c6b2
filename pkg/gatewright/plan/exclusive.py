"""Definitions that cannot hold at once.

    f(x) := a if x.group == ""
    f(x) := b if x.group != ""

Where every two definitions differ in such a test, the first success is the only one,
so nothing is left to compare it with.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from gatewright.plan.constants import is_ground
from gatewright.rego import ast
from gatewright.rego.rule_tree import term_key

if TYPE_CHECKING:
    from gatewright.plan.planner import Planner

__all__ = ["are_exclusive"]

#: A document that is tested: a parameter's number or `input`, and the steps from it.
_Place: TypeAlias = tuple[Hashable, ...]
#: For each place what it must be equal to, and what it must not be.
_Tests: TypeAlias = tuple[dict[_Place, Hashable], set[tuple[_Place, Hashable]]]

_EQUALITY: Final = frozenset({"eq", "equal", "assign"})


def are_exclusive(planner: Planner, rules: Sequence[ast.Rule]) -> bool:
    """Whether at most one of several definitions has a value."""
    if len(rules) < 2 or any(rule.else_ is not None for rule in rules):
        return False
    tests = [_tests(planner, rule) for rule in rules]
    return all(_differ(a, b) for a, b in itertools.combinations(tests, 2))


def _differ(a: _Tests, b: _Tests) -> bool:
    return (
        any(place in b[0] and b[0][place] != value for place, value in a[0].items())
        or any(one in b[1] for one in a[0].items())
        or any(one in a[1] for one in b[0].items())
    )


def _tests(planner: Planner, rule: ast.Rule) -> _Tests:
    """The tests at the start of a definition, before anything that may fail."""
    places: dict[str, _Place] = {}
    for number, pattern in enumerate(rule.head.args or ()):
        if isinstance(pattern, ast.Var):
            places[pattern.name] = (number,)
    equal: dict[_Place, Hashable] = {}
    other: set[tuple[_Place, Hashable]] = set()
    for number, pattern in enumerate(rule.head.args or ()):
        if is_ground(pattern):
            equal[(number,)] = term_key(pattern)
    for expr in rule.body:
        if expr.with_ or expr.negated or expr.negated_body is not None:
            break
        if not isinstance(expr.terms, list) or len(expr.terms) != 3:
            break
        operator, left, right = expr.terms
        name = operator.terms[0] if isinstance(operator, ast.Ref) else None
        if not isinstance(name, ast.Var) or planner.mocked(name.name):
            break
        if name.name not in _EQUALITY and name.name != "neq":
            break
        for side, against in ((left, right), (right, left)):
            place = _place(side, places)
            if place is None:
                continue
            if is_ground(against):
                if name.name == "neq":
                    other.add((place, term_key(against)))
                else:
                    equal.setdefault(place, term_key(against))
            elif (
                isinstance(against, ast.Var)
                and against.name not in places
                and name.name != "neq"
            ):
                places[against.name] = place
            elif not isinstance(against, ast.Var | ast.Ref):
                return equal, other
            break
        else:
            break
    return equal, other


def _place(term: ast.Term, places: dict[str, _Place]) -> _Place | None:
    if isinstance(term, ast.Var):
        return places.get(term.name)
    if not isinstance(term, ast.Ref):
        return None
    head, *steps = term.terms
    if not isinstance(head, ast.Var) or not all(map(is_ground, steps)):
        return None
    start = ("input",) if head.name == "input" else places.get(head.name)
    if start is None:
        return None
    return (*start, *map(term_key, steps))

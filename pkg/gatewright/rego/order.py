"""The total order of syntax terms, as OPA sorts and compares them.

null < booleans < numbers < strings < templates < vars < refs < arrays < objects
< sets < comprehensions < calls.  Numbers compare by value whatever their
spelling.  Sets and objects are compared (and printed) in sorted order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from functools import cmp_to_key
from typing import Any, Final, TypeAlias

from gatewright.rego import ast

__all__ = ["compare", "compare_bodies", "resort", "sorted_pairs", "sorted_terms"]

#: Key and value of an object.
Pair: TypeAlias = tuple[ast.Term, ast.Term]

#: Where a kind of term stands in the order.
_RANK: Final[dict[type, int]] = {
    ast.Null: 0,
    ast.Boolean: 1,
    ast.Number: 2,
    ast.String: 3,
    ast.TemplateString: 4,
    ast.Var: 5,
    ast.Ref: 6,
    ast.Array: 7,
    ast.Object: 8,
    ast.Set: 9,
    ast.ArrayComprehension: 10,
    ast.ObjectComprehension: 11,
    ast.SetComprehension: 12,
    ast.Call: 13,
    ast.Expr: 100,
}

#: What no stage changes.
_FIXED: Final = frozenset({ast.Null, ast.Boolean, ast.Number, ast.String})


def _sign(a: Any, b: Any) -> int:
    return (a > b) - (a < b)


def _sequence(
    left: Sequence[Any], right: Sequence[Any], by: Callable[[Any, Any], int]
) -> int:
    for a, b in zip(left, right, strict=False):
        order = by(a, b)
        if order:
            return order
    return _sign(len(left), len(right))


def compare(a: ast.Term | ast.Expr, b: ast.Term | ast.Expr) -> int:
    """Return a negative number, 0 or a positive one, as `a` sorts against `b`."""
    left, right = _RANK[type(a)], _RANK[type(b)]
    if left != right:
        return left - right
    by = _BY_TYPE.get(type(a))
    if by is None:
        raise TypeError(f"no order for {type(a).__name__}")
    return by(a, b)


def compare_bodies(a: ast.Body, b: ast.Body) -> int:
    """Compare two bodies expression by expression; the shorter sorts first."""
    return _sequence(a, b, _exprs)


def sorted_terms(terms: Iterable[ast.Term]) -> list[ast.Term]:
    """Return the terms in the order in which OPA walks and prints a set."""
    out = list(terms)
    if len(out) > 1:
        if all(type(term) is ast.String for term in out):
            out.sort(key=_string)
        else:
            out.sort(key=cmp_to_key(compare))
    return out


def sorted_pairs(
    pairs: Iterable[Pair],
) -> list[Pair]:
    """Return the pairs in the order of their keys."""
    out = list(pairs)
    if len(out) > 1:
        if all(type(key) is ast.String for key, _ in out):
            out.sort(key=_string_key)
        else:
            out.sort(key=cmp_to_key(_keys))
    return out


def resort(term: ast.Object | ast.Set) -> None:
    """Put members or pairs in their order anew, what is in them having changed: a
    variable has another name, a call or a ref has become one.

    OPA's stages go through a collection in the order of what it holds by then.
    """
    if type(term) is ast.Set:
        if not all(type(item) in _FIXED for item in term.items):
            term.items = sorted_terms(term.items)
    elif type(term) is ast.Object and not all(
        type(key) in _FIXED for key, _ in term.items
    ):
        term.items = sorted_pairs(term.items)


def _string(term: Any) -> str:
    return term.value


def _string_key(pair: tuple[Any, Any]) -> str:
    return pair[0].value


def _keys(a: Pair, b: Pair) -> int:
    return compare(a[0], b[0])


def _pair(a: Pair, b: Pair) -> int:
    return compare(a[0], b[0]) or compare(a[1], b[1])


def _kind(expr: ast.Expr) -> int:
    if expr.negated_body is not None:
        return 4
    match expr.terms:
        case ast.SomeDecl():
            return 0
        case list():
            return 2
        case ast.Every():
            return 3
        case ast.Logical(op=op):
            return 5 if op == "and" else 6
        case _:
            return 1


def _exprs(a: ast.Expr, b: ast.Expr) -> int:
    order = (
        _sign(_kind(a), _kind(b))
        or _sign(a.index, b.index)
        or _sign(a.negated, b.negated)
        or _expr_terms(a, b)
    )
    return order or _sequence(a.with_, b.with_, _withs)


def _expr_terms(a: ast.Expr, b: ast.Expr) -> int:
    if a.negated_body is not None and b.negated_body is not None:
        return compare_bodies(a.negated_body, b.negated_body)
    left: Any = a.terms
    right: Any = b.terms
    match left:
        case list():
            return _sequence(left, right, compare)
        case ast.SomeDecl():
            return _sequence(left.symbols, right.symbols, compare)
        case ast.Every():
            return (
                _optional(left.key, right.key)
                or compare(left.value, right.value)
                or compare(left.domain, right.domain)
                or compare_bodies(left.body, right.body)
            )
        case ast.Logical():
            return compare_bodies(left.left, right.left) or compare_bodies(
                left.right, right.right
            )
        case _:
            return compare(left, right)


def _optional(a: ast.Term | None, b: ast.Term | None) -> int:
    if a is None or b is None:
        return (a is not None) - (b is not None)
    return compare(a, b)


def _withs(a: ast.With, b: ast.With) -> int:
    return compare(a.target, b.target) or compare(a.value, b.value)


def _comprehensions(a: Any, b: Any) -> int:
    return compare(a.term, b.term) or compare_bodies(a.body, b.body)


#: How two terms of one kind compare.
_BY_TYPE: Final[dict[type, Callable[[Any, Any], int]]] = {
    ast.Null: lambda _a, _b: 0,
    ast.Boolean: lambda a, b: _sign(a.value, b.value),
    ast.Number: lambda a, b: _sign(Decimal(a.text), Decimal(b.text)),
    ast.String: lambda a, b: _sign(a.value, b.value),
    ast.TemplateString: lambda a, b: _sequence(a.parts, b.parts, compare),
    ast.Var: lambda a, b: _sign(a.name, b.name),
    ast.Ref: lambda a, b: _sequence(a.terms, b.terms, compare),
    ast.Array: lambda a, b: _sequence(a.items, b.items, compare),
    ast.Object: lambda a, b: _sequence(
        sorted_pairs(a.items), sorted_pairs(b.items), _pair
    ),
    ast.Set: lambda a, b: _sequence(
        sorted_terms(a.items), sorted_terms(b.items), compare
    ),
    ast.ArrayComprehension: _comprehensions,
    ast.SetComprehension: _comprehensions,
    ast.ObjectComprehension: lambda a, b: (
        compare(a.key, b.key)
        or compare(a.value, b.value)
        or compare_bodies(a.body, b.body)
    ),
    ast.Call: lambda a, b: _sequence(
        [a.operator, *a.args], [b.operator, *b.args], compare
    ),
    ast.Expr: lambda a, b: _exprs(a, b),
}

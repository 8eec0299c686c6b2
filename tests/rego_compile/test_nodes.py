"""Nodes made in native memory, held against what their dataclasses make."""

from __future__ import annotations

import copy
import dataclasses
import itertools
from functools import partial
from typing import Any

import pytest

from gatewright.rego import ast

KINDS = [
    kind
    for kind in vars(ast).values()
    if isinstance(kind, type) and kind.__module__ == ast.__name__
]


def values(node: Any) -> dict[str, Any]:
    return {
        item.name: getattr(node, item.name) for item in dataclasses.fields(type(node))
    }


def made(make: Any, args: list[Any], named: dict[str, Any]) -> Any:
    """The type and the values of a node, or why there is none."""
    try:
        node = make(*args, **named)
    except TypeError as error:
        return str(error)
    return type(node), values(node)


def by_dataclass(kind: Any, *args: Any, **named: Any) -> Any:
    node = kind.__new__(kind)
    kind.__init__(node, *args, **named)
    return node


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_what_is_given_and_what_is_not(kind: Any) -> None:
    """Every number of values by place, each of the others by name, left out or not."""
    names = [item.name for item in dataclasses.fields(kind)]
    given = {name: object() for name in names}
    for count in range(len(names) + 1):
        for more in itertools.islice(
            itertools.chain.from_iterable(
                itertools.combinations(names[count:][::-1], size)
                for size in range(len(names) - count + 1)
            ),
            200,
        ):
            args = [given[name] for name in names[:count]]
            named = {name: given[name] for name in more}
            expected = made(partial(by_dataclass, kind), args, named)

            assert made(kind, args, named) == expected


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_values_that_do_not_fit(kind: Any) -> None:
    """Too many, twice, or by a name that is none: as the dataclass says it."""
    names = [item.name for item in dataclasses.fields(kind)]
    for args, named in (
        ([1] * (len(names) + 1), {}),
        ([1], {names[0]: 2}),
        ([], {"".join(["no", "such"]): 1, **dict.fromkeys(names, 1)}),
    ):
        with pytest.raises(TypeError) as expected:
            by_dataclass(kind, *args, **named)
        with pytest.raises(TypeError) as raised:
            kind(*args, **named)

        assert str(raised.value) == str(expected.value)


def test_a_name_that_was_made_up_is_the_same_name() -> None:
    """Names are compared, not only their places in memory."""
    named: dict[str, Any] = {"".join(["na", "me"]): "x"}
    node = ast.Var(**named)

    assert values(node) == values(ast.Var("x"))


def test_lists_that_were_not_given_are_new_ones() -> None:
    """One node's list is not another's."""
    one, other = ast.Expr(ast.Null()), ast.Expr(ast.Null())
    one.with_.append(ast.With(ast.Ref([]), ast.Null()))

    assert other.with_ == []
    assert other.with_ is not ast.Expr(ast.Null()).with_


def test_copies_are_made_as_ever() -> None:
    """By `copy` and by `dataclasses.replace`."""
    node = ast.Expr(ast.Var("x"), negated=True)

    assert copy.copy(node) == node
    assert copy.deepcopy(node) == node
    assert dataclasses.replace(node, negated=False) == ast.Expr(ast.Var("x"))

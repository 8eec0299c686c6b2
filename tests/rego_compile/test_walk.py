"""Walks over the tree in native memory, held against plain ones over its fields."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from gatewright._native.trees import Shapes
from gatewright.rego import ast, parser
from gatewright.rego.stages import variables, walk

#: Every kind of node, once at least.
MODULE = """package a.b

import data.c.d as e
import future.keywords.not

p contains [x, -1e3, null, true] if {
    some x, y in input.xs[_]
    some z
    every k, v in {"a": x, y: {1, w}} { k != v; v == z[k] }
    not {q | f(y, 2) == q; u := count([i | i := e[_]])}
    x == {o: n | n := data.c[o]} with input.m as data.n[x] with data.k as [y]
    t := {l | l = [y]}
    s := $"text {x} and {[j | j = y]}"
}

f(a, {"k": b}) := c if a == b else := d[h] if { d := {a}; h = 1 }

not_body if not { input.r; g := input.t; g > 1 }

both if { input.l or input.k[gg] }

default r.s[t] := {}

r.s[t] := t if t = 1
"""


@pytest.fixture(scope="module")
def tree() -> ast.Module:
    return parser.parse_module("m.rego", MODULE, future_keywords=["not", "and", "or"])


def plain_children(node: Any) -> Iterator[Any]:
    """The children by the fields of a node's class."""
    if isinstance(node, list | tuple):
        for item in node:
            if isinstance(item, tuple):
                yield from item
            else:
                yield item
        return
    names = [item.name for item in dataclasses.fields(node)]
    if isinstance(node, ast.Expr):
        body = node.negated_body is not None
        names = ["negated_body" if body else "terms", "with_"]
    elif isinstance(node, ast.Head):
        names = ["args", "key", "value"]
    elif isinstance(node, ast.Rule):
        names = ["head", "body", "else_"]
    elif isinstance(node, ast.Module):
        names = ["rules"]
    for name in names:
        value = getattr(node, name)
        if isinstance(value, list):
            yield from plain_children(value)
        elif dataclasses.is_dataclass(value) and not isinstance(value, ast.Location):
            yield value


def everything(node: Any) -> Iterator[Any]:
    yield node
    for child in plain_children(node):
        yield from everything(child)


def test_the_module_has_every_kind_of_node(tree: ast.Module) -> None:
    """So that what follows says something about each."""
    kinds = {type(node) for node in everything(tree)}

    assert kinds == {
        *walk.SCALARS,
        *walk.CLOSURES,
        *(ast.Var, ast.Ref, ast.Array, ast.Set, ast.Object, ast.Call),
        *(ast.TemplateString, ast.With, ast.SomeDecl, ast.Expr),
        *(ast.Head, ast.Rule, ast.Module),
    }


def test_children_are_those_of_the_fields(tree: ast.Module) -> None:
    """In order, the same objects."""
    for node in everything(tree):
        expected = list(map(id, plain_children(node)))

        assert list(map(id, walk.children(node))) == expected, node


def test_a_walk_goes_down_parents_first(tree: ast.Module) -> None:
    """And below what `visit` answers with true it does not go."""
    seen: list[int] = []

    def visit(node: Any) -> bool:
        seen.append(id(node))
        return False

    walk.walk(tree, visit)

    assert seen == list(map(id, everything(tree)))

    seen.clear()
    walk.walk(tree, lambda node: not visit(node))

    assert seen == [id(tree)]


@pytest.mark.parametrize(
    "kind", [ast.Ref, ast.Expr, ast.Every, ast.Var, ast.SetComprehension]
)
def test_what_is_found_is_what_is_there(tree: ast.Module, kind: type) -> None:
    """All of a kind, outer ones first; or the outermost only."""
    find, outermost = walk.finder(kind), walk.finder(kind, outermost=True)
    holds = walk.holder(kind)

    def tops(node: Any) -> Iterator[Any]:
        if type(node) is kind:
            yield node
            return
        for child in plain_children(node):
            yield from tops(child)

    for node in everything(tree):
        expected = [id(one) for one in everything(node) if type(one) is kind]

        assert list(map(id, find(node))) == expected
        assert list(map(id, outermost(node))) == list(map(id, tops(node)))
        assert holds(node) == bool(expected)


def plain_names(node: Any, how: dict[str, bool]) -> set[str]:
    """The variables of a node, case by case."""

    def each(nodes: Any) -> set[str]:
        return set().union(*(plain_names(one, how) for one in nodes))

    def ref(terms: list[Any], head: bool) -> set[str]:
        return each(terms if head else terms[1:])

    match node:
        case ast.Var(name):
            return {name}
        case ast.Ref(terms):
            return ref(terms, how["ref_head"])
        case ast.Set(items):
            return each(items) if how["sets"] else set()
        case ast.Object(items):
            keys = [key for key, _ in items] if how["object_keys"] else []
            return each([*keys, *(value for _, value in items)])
        case ast.Call(operator, args):
            return ref(operator.terms, how["call_head"] and how["ref_head"]) | each(
                args
            )
        case ast.With(target, value) if not how["call_head"]:
            out = ref(target.terms, False)
            return out | (
                ref(value.terms, False)
                if isinstance(value, ast.Ref)
                else plain_names(value, how)
            )
        case ast.Every() if not how["closures"]:
            return plain_names(node.domain, how)
        case ast.Expr():
            if node.negated_body is not None:
                out = each(node.negated_body) if how["closures"] else set()
            elif isinstance(node.terms, list):
                called, *operands = node.terms
                assert isinstance(called, ast.Ref)
                out = plain_names(ast.Call(called, operands), how)
            else:
                out = plain_names(node.terms, how)
                if isinstance(node.terms, ast.Every) and not how["closures"]:
                    return out
            return out | each(node.with_)
        case (
            ast.Logical()
            | ast.TemplateString()
            | ast.ArrayComprehension()
            | ast.SetComprehension()
            | ast.ObjectComprehension()
        ) if not how["closures"]:
            return set()
        case ast.Head() | ast.Rule() | ast.Module():
            return set()
    return each(plain_children(node))


def test_names_are_those_of_the_variables_asked_for(tree: ast.Module) -> None:
    """For every combination of what counts."""
    flags = ("ref_head", "call_head", "closures", "sets", "object_keys")
    for how in range(32):
        asked = {flag: bool(how & 1 << i) for i, flag in enumerate(flags)}
        for node in everything(tree):
            out: set[str] = set()
            walk.collector(how)(node, out)

            assert out == plain_names(node, asked), (how, node)


def test_the_collectors_ask_for_what_they_are_named_after(tree: ast.Module) -> None:
    """One variable for each thing that may be left out."""
    expr = tree.rules[0].body[4]

    assert "data" in variables.all_vars(expr)
    assert "data" not in variables.output_vars(expr)
    assert "o" not in variables.safety_vars(expr)
    assert "o" in variables.scope_vars(expr)


def test_ground_terms_have_no_variables() -> None:
    """Refs with constants behind their heads are ground, but no values."""
    for text, ground, value in (
        ('[1, {"a": {null}}]', True, True),
        ('input.a["b"]', True, False),
        ("input.a[x]", False, False),
        ("[x]", False, False),
        ("{x: 1}", False, False),
        ("{1: f(2)}", False, False),
        ("[[y | y = 1]]", False, False),
    ):
        term = parser.parse_term(text)

        assert (walk.is_ground(term), walk.is_value(term)) == (ground, value), text


def test_names_of_refs_are_of_variables_and_strings() -> None:
    """Strictly: nothing else is in them; or else other parts are left out."""
    for text, strict, loose in (
        ("f", "", ""),
        ("io.jwt.decode", "io.jwt.decode", "io.jwt.decode"),
        ("a[x]", "", "a.x"),
        ("a[1].b", "", "a.b"),
        ('[1][0]["c"]', "", "c"),
        ("1", "", ""),
    ):
        term = parser.parse_term(text)

        assert (walk.ref_name(term), walk.dotted_name(term)) == (strict, loose), text


def test_a_table_names_slots() -> None:
    """What is no slot is refused, and so is a type that is not in the table."""
    with pytest.raises(TypeError, match=r"^Location\.file is no slot$"):
        Shapes({ast.Location: ("plain", ("file",))})
    with pytest.raises(KeyError):
        walk.finder(str)


def test_a_node_that_is_not_filled_in_is_an_error() -> None:
    """Not a crash."""
    with pytest.raises(AttributeError, match="a node is not filled in"):
        walk.children(ast.Ref.__new__(ast.Ref))

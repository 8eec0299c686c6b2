"""Walking the syntax tree: children, search, and the kinds of nodes.

The walks themselves run in native memory, over a table of what each type of nodes
holds; they were a sixth of all compiling.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, TypeGuard

from gatewright._native.trees import Shapes
from gatewright.rego import ast

__all__ = [
    "CLOSURES",
    "COMPREHENSIONS",
    "SCALARS",
    "any_ref_or_comprehension",
    "bodies_of",
    "children",
    "closures_in",
    "collector",
    "dotted_name",
    "exprs_in",
    "finder",
    "holder",
    "is_call",
    "is_equality",
    "is_generated",
    "is_ground",
    "is_root_document",
    "is_scalar",
    "is_value",
    "is_wildcard",
    "operator_name",
    "ref_name",
    "requires_eval",
    "rules_of",
    "shown",
    "terms_in",
    "walk",
]

SCALARS: Final = frozenset({ast.Null, ast.Boolean, ast.Number, ast.String})
COMPREHENSIONS: Final = frozenset(
    {ast.ArrayComprehension, ast.SetComprehension, ast.ObjectComprehension}
)
#: Nodes that hold a body of their own (an `Expr` with `negated_body` does too).
CLOSURES: Final = COMPREHENSIONS | {ast.Every, ast.Logical}

#: Names of the two root documents, always bound.
RESERVED: Final = frozenset({"data", "input"})


def is_scalar(term: Any) -> bool:
    """True for null, booleans, numbers and strings."""
    return type(term) in SCALARS


def is_wildcard(name: str) -> bool:
    """True for the fresh variable of a `_`."""
    return name[0] == "$"


def is_generated(name: str) -> bool:
    """True for a variable that the compiler made."""
    return name.startswith("__local")


def shown(name: str) -> str:
    """A variable's name as messages show it."""
    return "_" if name[:1] == "$" else name


def is_root_document(term: Any) -> bool:
    """True for the refs `input` and `data` on their own."""
    if type(term) is not ast.Ref or len(term.terms) != 1:
        return False
    head = term.terms[0]
    return type(head) is ast.Var and head.name in RESERVED


def is_call(expr: ast.Expr) -> TypeGuard[ast.Expr]:
    """True when the expression applies an operator."""
    return type(expr.terms) is list


def operator_name(expr: ast.Expr) -> str:
    """The operator's name, or an empty string for anything but a call."""
    terms = expr.terms
    if type(terms) is not list:
        return ""
    return ref_name(terms[0])


def is_equality(expr: ast.Expr) -> bool:
    """True for `x = y`, however many operands it was given."""
    terms = expr.terms
    if type(terms) is not list:
        return False
    operator = terms[0].terms  # type: ignore[union-attr]
    return len(operator) == 1 and getattr(operator[0], "name", "") == "eq"


# Children -------------------------------------------------------------------

#: What the nodes below a node are: the role of its type and its slots, in order. The
#: reference of a rule head is not among the children of the head: its parts are names,
#: not terms to evaluate, until a stage makes them so.
_SHAPES: Final = Shapes(
    {
        ast.Null: ("scalar", ()),
        ast.Boolean: ("scalar", ()),
        ast.Number: ("scalar", ()),
        ast.String: ("string", ("value",)),
        ast.Var: ("var", ("name",)),
        ast.Ref: ("ref", ("terms",)),
        ast.Array: ("array", ("items",)),
        ast.Set: ("set", ("items",)),
        ast.Object: ("object", ("items",)),
        ast.ArrayComprehension: ("comprehension", ("term", "body")),
        ast.SetComprehension: ("comprehension", ("term", "body")),
        ast.ObjectComprehension: ("comprehension", ("key", "value", "body")),
        ast.Call: ("call", ("operator", "args")),
        ast.TemplateString: ("template", ("parts",)),
        ast.With: ("with", ("target", "value")),
        ast.SomeDecl: ("plain", ("symbols",)),
        ast.Every: ("every", ("key", "value", "domain", "body")),
        ast.Logical: ("logical", ("left", "right")),
        ast.Expr: ("expr", ("negated_body|terms", "with_")),
        ast.Head: ("head", ("args", "key", "value")),
        ast.Rule: ("head", ("head", "body", "else_")),
        ast.Module: ("head", ("rules",)),
    }
)

#: The nodes directly below one, or in a list, as a new list; none for a scalar or a
#: variable.
children: Final[Callable[[Any], list[Any]]] = _SHAPES.children

#: Calls a function on a node and everything below, parents first. A true answer keeps
#: the walk from going below that node.
walk: Final[Callable[[Any, Callable[[Any], bool]], None]] = _SHAPES.walk

#: True for a term without variables; closures and calls never are.
is_ground: Final[Callable[[Any], bool]] = partial(_SHAPES.is_ground, True)

#: True for a term that is a value: no variable, ref, call or closure in it.
is_value: Final[Callable[[Any], bool]] = partial(_SHAPES.is_ground, False)


#: `a.b.c` for a ref of a variable and strings, else empty; the key of builtins.
ref_name: Final[Callable[[Any], str]] = partial(_SHAPES.dotted, True)

#: The same of any ref, other parts left out.
dotted_name: Final[Callable[[Any], str]] = partial(_SHAPES.dotted, False)


def collector(how: int) -> Callable[[Any, set[str]], None]:
    """A function that adds the names of a node's variables to a set; `variables` says
    which."""
    return partial(_SHAPES.names, how)


def finder(*kinds: type, outermost: bool = False) -> Callable[[Any], list[Any]]:
    """A function that lists the nodes of some types at and below a node, outer ones
    first; `outermost`: not those below another one."""
    return partial(_SHAPES.found, _SHAPES.mask(kinds), outermost)


def holder(*kinds: type) -> Callable[[Any], bool]:
    """A function that says whether there are nodes of some types at or below one."""
    return partial(_SHAPES.holds, _SHAPES.mask(kinds))


#: Every expression at and below a node, outer ones first.
exprs_in: Final[Callable[[Any], list[ast.Expr]]] = finder(ast.Expr)

#: Every term at and below a node, outer ones first.
terms_in: Final = finder(
    *SCALARS,
    *COMPREHENSIONS,
    ast.Var,
    ast.Ref,
    ast.Array,
    ast.Set,
    ast.Object,
    ast.Call,
    ast.TemplateString,
)

#: True when evaluating the term needs a document or a nested query.
any_ref_or_comprehension: Final = holder(ast.Ref, *COMPREHENSIONS)


def closures_in(node: Any) -> list[Any]:
    """The outermost nodes with a body of their own at or below a node.

    An expression that negates a body counts as one.
    """
    found: list[Any] = []
    stack = [node]
    while stack:
        item = stack.pop()
        kind = type(item)
        if kind in CLOSURES or (kind is ast.Expr and item.negated_body is not None):
            found.append(item)
            if kind is ast.Expr:
                stack.extend(reversed(item.with_))
            continue
        stack += reversed(children(item))
    return found


def requires_eval(term: ast.Term | None) -> bool:
    """True when a head or a `with` value cannot hold the term as it is."""
    if term is None:
        return False
    kind = type(term)
    if kind is ast.Var or kind in SCALARS:
        return False
    return any_ref_or_comprehension(term)


def rules_of(module: ast.Module) -> Iterator[ast.Rule]:
    """The rules of a module, each followed by its else branches."""
    for rule in module.rules:
        node: ast.Rule | None = rule
        while node is not None:
            yield node
            node = node.else_


def bodies_of(node: Any) -> Iterator[tuple[Any, str]]:
    """Every body at or below a node as (owner, attribute), outer ones first."""
    for item in _owners_in(node):
        kind = type(item)
        if kind is ast.Logical:
            yield item, "left"
            yield item, "right"
        elif kind is not ast.Expr:
            yield item, "body"
        elif item.negated_body is not None:
            yield item, "negated_body"


_owners_in: Final = finder(ast.Rule, ast.Every, *COMPREHENSIONS, ast.Logical, ast.Expr)

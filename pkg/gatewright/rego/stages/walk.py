"""Walking the syntax tree: children, search, and the kinds of nodes.

A walk is a plain function over a table from node type to "children of"; a stage
that must be quick writes its own table instead of asking for a generic one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeGuard

from gatewright.rego import ast

__all__ = [
    "CLOSURES",
    "COMPREHENSIONS",
    "SCALARS",
    "any_ref_or_comprehension",
    "bodies_of",
    "children",
    "closures_in",
    "exprs_in",
    "is_call",
    "is_equality",
    "is_generated",
    "is_ground",
    "is_root_document",
    "is_scalar",
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


def ref_name(ref: ast.Ref) -> str:
    """`a.b.c` for a ref of a variable and strings; the key of built-ins."""
    terms = ref.terms
    head = terms[0]
    if type(head) is not ast.Var:
        return ""
    if len(terms) == 1:
        return head.name
    names = [head.name]
    for term in terms[1:]:
        if type(term) is not ast.String:
            return ""
        names.append(term.value)
    return ".".join(names)


def is_call(expr: ast.Expr) -> TypeGuard[ast.Expr]:
    """True when the expression applies an operator."""
    return type(expr.terms) is list


def operator_name(expr: ast.Expr) -> str:
    """The operator's name, or an empty string for anything but a call."""
    terms = expr.terms
    if type(terms) is not list:
        return ""
    operator = terms[0]
    return ref_name(operator) if type(operator) is ast.Ref else ""


def is_equality(expr: ast.Expr) -> bool:
    """True for `x = y`, however many operands it was given."""
    terms = expr.terms
    if type(terms) is not list:
        return False
    operator = terms[0].terms  # type: ignore[union-attr]
    return len(operator) == 1 and getattr(operator[0], "name", "") == "eq"


def is_ground(term: Any) -> bool:
    """True when no variable occurs in the term; closures and calls never are."""
    kind = type(term)
    if kind in SCALARS:
        return True
    if kind is ast.Ref:
        return all(map(is_ground, term.terms[1:]))
    if kind is ast.Array or kind is ast.Set:
        return all(map(is_ground, term.items))
    if kind is ast.Object:
        return all(is_ground(k) and is_ground(v) for k, v in term.items)
    return False


# Children -------------------------------------------------------------------


def _expr(node: ast.Expr) -> Iterator[Any]:
    terms = node.terms
    if node.negated_body is not None:
        yield from node.negated_body
    elif type(terms) is list:
        yield from terms
    else:
        yield terms
    yield from node.with_


def _head(node: ast.Head) -> Iterator[Any]:
    if node.args is not None:
        yield from node.args
    if node.key is not None:
        yield node.key
    if node.value is not None:
        yield node.value


def _rule(node: ast.Rule) -> Iterator[Any]:
    yield node.head
    yield from node.body
    if node.else_ is not None:
        yield node.else_


def _every(node: ast.Every) -> Iterator[Any]:
    if node.key is not None:
        yield node.key
    yield node.value
    yield node.domain
    yield from node.body


def _pairs(node: ast.Object) -> Iterator[Any]:
    for key, value in node.items:
        yield key
        yield value


def _logical(node: ast.Logical) -> Iterator[Any]:
    yield from node.left
    yield from node.right


_CHILDREN: Final[dict[type, Callable[[Any], Any]]] = {
    ast.Ref: lambda node: node.terms,
    ast.Array: lambda node: node.items,
    ast.Set: lambda node: node.items,
    ast.Object: _pairs,
    ast.ArrayComprehension: lambda node: (node.term, *node.body),
    ast.SetComprehension: lambda node: (node.term, *node.body),
    ast.ObjectComprehension: lambda node: (node.key, node.value, *node.body),
    ast.Call: lambda node: (node.operator, *node.args),
    ast.TemplateString: lambda node: node.parts,
    ast.With: lambda node: (node.target, node.value),
    ast.SomeDecl: lambda node: node.symbols,
    ast.Every: _every,
    ast.Logical: _logical,
    ast.Expr: _expr,
    ast.Head: _head,
    ast.Rule: _rule,
    ast.Module: lambda node: node.rules,
    list: lambda node: node,
}


def children(node: Any) -> Any:
    """The nodes directly below; nothing for a scalar or a variable.

    The reference of a rule head is not among the children of the head: its parts
    are names, not terms to evaluate, until a stage makes them so.
    """
    below = _CHILDREN.get(type(node))
    return () if below is None else below(node)


def walk(node: Any, visit: Callable[[Any], bool]) -> None:
    """Call `visit` on the node and everything below, parents first.

    A true answer keeps the walk from going below that node.
    """
    if visit(node):
        return
    below = _CHILDREN.get(type(node))
    if below is not None:
        for child in below(node):
            walk(child, visit)


def exprs_in(node: Any) -> Iterator[ast.Expr]:
    """Every expression below (and at) a node, outer ones first."""
    stack = [node]
    pop, table, kind_of = stack.pop, _CHILDREN, type
    while stack:
        item = pop()
        kind = kind_of(item)
        if kind is ast.Expr:
            yield item
        below = table.get(kind)
        if below is not None:
            inner = [one for one in below(item) if kind_of(one) in table]
            inner.reverse()
            stack += inner


_TERMS: Final = frozenset(
    {
        *SCALARS,
        *COMPREHENSIONS,
        ast.Var,
        ast.Ref,
        ast.Array,
        ast.Set,
        ast.Object,
        ast.Call,
        ast.TemplateString,
    }
)


def terms_in(node: Any) -> Iterator[Any]:
    """Every term below (and at) a node, outer ones first."""
    stack = [node]
    pop, table, kind_of = stack.pop, _CHILDREN, type
    while stack:
        item = pop()
        kind = kind_of(item)
        if kind in _TERMS:
            yield item
        below = table.get(kind)
        if below is not None:
            stack.extend(reversed(list(below(item))))


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
        below = _CHILDREN.get(kind)
        if below is not None:
            inner = [one for one in below(item) if type(one) in _CHILDREN]
            inner.reverse()
            stack += inner
    return found


def any_ref_or_comprehension(node: Any) -> bool:
    """True when evaluating the term needs a document or a nested query."""
    stack = [node]
    while stack:
        item = stack.pop()
        kind = type(item)
        if kind is ast.Ref or kind in COMPREHENSIONS:
            return True
        below = _CHILDREN.get(kind)
        if below is not None:
            stack.extend(below(item))
    return False


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
    stack = [node]
    while stack:
        item = stack.pop()
        kind = type(item)
        if kind is ast.Rule or kind is ast.Every or kind in COMPREHENSIONS:
            yield item, "body"
        elif kind is ast.Logical:
            yield item, "left"
            yield item, "right"
        elif kind is ast.Expr and item.negated_body is not None:
            yield item, "negated_body"
        below = _CHILDREN.get(kind)
        if below is not None:
            inner = [one for one in below(item) if type(one) in _CHILDREN]
            inner.reverse()
            stack += inner

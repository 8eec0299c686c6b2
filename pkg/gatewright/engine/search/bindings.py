"""What the variables of one evaluation hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gatewright.engine.search.terms import NODES
from gatewright.engine.values import Set, make_object
from gatewright.rego import ast

__all__ = ["Bindings"]


class Bindings:
    """Variables of one body: name -> a term and the bindings it is read in.

    A variable may hold another one, of its own or of a caller's bindings.
    """

    __slots__ = ("values",)

    def __init__(self) -> None:
        self.values: dict[str, tuple[Any, Bindings]] = {}

    def apply(self, term: Any) -> tuple[Any, Bindings]:
        """Follow variables to what they hold, if they hold anything."""
        where = self
        while type(term) is ast.Var:
            found = where.values.get(term.name)
            if found is None:
                break
            term, where = found
        return term, where

    def plug(self, term: Any) -> Any:
        """The term with all variables replaced that hold something; a value when
        nothing is left open."""
        kind = type(term)
        if kind not in NODES:
            return term
        where = self
        if kind is ast.Var:
            term, where = self.apply(term)
            kind = type(term)
            if kind not in NODES or kind is ast.Var:
                return term
        if kind is ast.Ref:
            return ast.Ref([where.plug(part) for part in term.terms], term.loc)
        if kind is ast.Array or kind is ast.Set:
            items = [where.plug(item) for item in term.items]
            if any(type(item) in NODES for item in items):
                return kind(items, term.loc)
            return items if kind is ast.Array else Set(items)
        if kind is ast.Object:
            pairs = [(where.plug(key), where.plug(value)) for key, value in term.items]
            if any(type(part) in NODES for pair in pairs for part in pair):
                return ast.Object(pairs, term.loc)
            return make_object(pairs)
        return term

    def bind(self, name: str, term: Any, where: Bindings) -> None:
        """Let a free variable hold a term."""
        self.values[name] = (term, where)

    def free(self, name: str) -> None:
        """Take back what `bind` did."""
        self.values.pop(name, None)

    def items(self) -> Iterator[tuple[str, Any]]:
        """Each variable that holds something, with what it holds."""
        for name in list(self.values):
            term, where = self.values[name]
            yield name, where.plug(term)

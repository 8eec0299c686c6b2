"""RewriteComprehensionTerms: the head of a comprehension needs no evaluation.

[x[0] | x = y[_]]  ->  [a | x = y[_]; a = x[0]]
"""

from __future__ import annotations

from typing import Any, Final

from gatewright.rego import ast
from gatewright.rego.stages.heads import append_to_body
from gatewright.rego.stages.state import State, VarGenerator, left
from gatewright.rego.stages.walk import (
    COMPREHENSIONS,
    children,
    finder,
    requires_eval,
)

__all__ = ["rewrite_comprehension_terms", "rewrite_comprehensions"]


def _hoist(gen: VarGenerator, term: Any) -> None:
    if type(term) is ast.ObjectComprehension:
        if requires_eval(term.key):
            bind = gen.bind(term.key)
            term.key = left(bind)
            term.body = append_to_body(term.body, [bind])
        if requires_eval(term.value):
            bind = gen.bind(term.value)
            term.value = left(bind)
            term.body = append_to_body(term.body, [bind])
    elif requires_eval(term.term):
        bind = gen.bind(term.term)
        term.term = left(bind)
        term.body = append_to_body(term.body, [bind])


def rewrite_comprehensions(gen: VarGenerator, node: Any) -> None:
    """Rewrite every comprehension at or below a node, outer ones first."""
    for item in _outermost(node):
        _hoist(gen, item)
        for below in children(item):
            rewrite_comprehensions(gen, below)


_outermost: Final = finder(*COMPREHENSIONS, outermost=True)


def rewrite_comprehension_terms(state: State) -> None:
    """RewriteComprehensionTerms over all modules."""
    if state.features & {"comprehension", "print", "template"}:
        for module in state.modules.values():
            rewrite_comprehensions(state.gen, module)

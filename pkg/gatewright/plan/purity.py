"""What a term or an expression depends on, seen through the functions it calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gatewright.rego import ast
from gatewright.rego.rule_tree import RuleNode
from gatewright.rego.stages.walk import children, dotted_name

if TYPE_CHECKING:
    from gatewright.plan.planner import Planner

__all__ = ["MATCHING", "MATCHING_KEYS", "Uses", "says_something", "uses_of"]

#: Builtins that only the planner calls (`lookups`): nobody declares them.
MATCHING: Final = "internal.matching"
MATCHING_KEYS: Final = "internal.matching_keys"
_QUIET: Final = frozenset({MATCHING, MATCHING_KEYS})

#: Builtins whose call is seen outside of the evaluation.
_SPEAKING: Final = frozenset({"print", "internal.print", "trace"})


@dataclass(slots=True)
class Uses:
    """`names`: variables, those of closures too.  `outside`: input or base data.
    `impure`: something whose result is not that of its operands alone, or whose
    call is seen.  `relation`: a builtin with several results."""

    names: set[str]
    outside: bool = False
    impure: bool = False
    relation: bool = False


def uses_of(planner: Planner | None, node: Any) -> Uses:
    """What a tree uses; without a planner only the names count."""
    uses = Uses(set())
    _visit(planner, node, uses)
    return uses


def says_something(planner: Planner, name: str) -> bool:
    """Whether calling a builtin is seen, or does not give the same twice."""
    if name in _QUIET:
        return False
    declared = planner.builtin(name)
    return name in _SPEAKING or declared is None or declared.nondeterministic


def _visit(planner: Planner | None, node: Any, uses: Uses) -> None:
    match node:
        case ast.Var(name):
            if name in ("input", "data"):
                uses.outside = True
            else:
                uses.names.add(name)
        case ast.Ref(parts):
            head = parts[0]
            if isinstance(head, ast.Var) and head.name == "data":
                _document(planner, node, uses)
                parts = parts[1:]
            for step in parts:
                _visit(planner, step, uses)
        case ast.Call(operator, args):
            _operator(planner, operator, uses)
            for arg in args:
                _visit(planner, arg, uses)
        case ast.Expr():
            uses.impure = uses.impure or bool(node.with_)
            if isinstance(node.terms, list):
                called, *operands = node.terms
                _operator(planner, called, uses)
                for operand in operands:
                    _visit(planner, operand, uses)
            else:
                _visit(planner, node.terms, uses)
            _visit(planner, node.negated_body, uses)
        case _:
            for child in children(node):
                _visit(planner, child, uses)


def _operator(planner: Planner | None, operator: Any, uses: Uses) -> None:
    if planner is None:
        return
    name = dotted_name(operator)
    if operator.terms[0].name == "data":
        _document(planner, operator, uses)
    else:
        declared = planner.builtin(name)
        uses.impure = uses.impure or says_something(planner, name)
        uses.relation = uses.relation or (declared is not None and declared.relation)
    uses.impure = uses.impure or planner.mocked(name)


def _document(planner: Planner | None, ref: ast.Ref, uses: Uses) -> None:
    """A ref below `data`: rules that use nothing else are as good as constants."""
    if planner is None:
        uses.outside = True
        return
    node = planner.compiled.rule_tree
    for part in ref.terms[1:]:
        below = node.child(part) if isinstance(part, ast.String) else None
        if below is None:
            uses.outside = True
            return
        node = below
        if node.rules:
            break
    if not node.rules or node.children:
        uses.outside = True
        return
    inner = _rules(planner, node)
    uses.outside = uses.outside or inner.outside
    uses.impure = uses.impure or inner.impure


def _rules(planner: Planner, node: RuleNode) -> Uses:
    known = planner.rule_uses
    if id(node) not in known:
        for inner in planner.dependencies.innermost_first(node, known):
            known[id(inner)] = Uses(set())  # while it is looked into
            known[id(inner)] = _of_rules(planner, inner)
    return known[id(node)]


def _of_rules(planner: Planner, node: RuleNode) -> Uses:
    found = Uses(set())
    for rule in node.rules:
        clause: ast.Rule | None = rule
        while clause is not None:
            head = clause.head
            parts = [*(head.args or ()), head.key, head.value, *clause.body]
            parts += head.reference.terms[1:]
            for part in parts:
                if part is not None:
                    _visit(planner, part, found)
            clause = clause.else_
    found.names = set()
    return found

"""What may end an evaluation with an error, or be heard of in strict mode.

Order and extent of evaluation cannot be seen from outside but by errors: where
nothing can fail, planning is free to do more or less than OPA would.  An expression
is *loud* if evaluating it may meet a conflict; to a strict program, also if it calls
a builtin that may report an error.  The answer errs on the loud side.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from gatewright.plan.constants import is_ground, same
from gatewright.rego import ast
from gatewright.rego.rule_tree import RuleNode
from gatewright.rego.stages.walk import dotted_name, finder

if TYPE_CHECKING:
    from gatewright.plan.planner import Planner

__all__ = ["Loudness"]

_SILENT: Final = frozenset(
    [
        "eq",
        "assign",
        "equal",
        "neq",
        "lt",
        "lte",
        "gt",
        "gte",
        "walk",
        "internal.member_2",
        "internal.member_3",
        "is_array",
        "is_boolean",
        "is_null",
        "is_number",
        "is_object",
        "is_set",
        "is_string",
    ]
)
#: It is a conflict where a part of a template has several values.
_TEMPLATE: Final = "internal.template_string"


class Loudness:
    """Answers for one program."""

    def __init__(self, planner: Planner, *, strict: bool) -> None:
        self._planner = planner
        self._strict = strict
        self._known: dict[int, bool] = {}

    def expr(self, expr: ast.Expr) -> bool:
        """Whether evaluating an expression may raise an error."""
        return self._any(_parts_of(expr))

    def term(self, term: ast.Term) -> bool:
        """Whether evaluating a term may."""
        return self._any(_parts_of(term))

    def rules(self, node: RuleNode) -> bool:
        """Whether evaluating all that the rules at a node define may."""
        known = self._known
        if id(node) not in known:
            for inner in self._planner.dependencies.innermost_first(node, known):
                known[id(inner)] = True  # while it is looked into
                known[id(inner)] = self._rules(inner)
        return known[id(node)]

    def below(self, node: RuleNode) -> bool:
        """Whether evaluating anything at a node or below it may."""
        return any(inner.rules and self.rules(inner) for inner in node.walk())

    def _rules(self, node: RuleNode) -> bool:
        clauses = []
        for rule in node.rules:
            clause: ast.Rule | None = rule
            while clause is not None:
                clauses.append(clause)
                clause = clause.else_
        if any(map(self.expr, (e for clause in clauses for e in clause.body))):
            return True
        heads = [clause.head for clause in clauses]
        values = [head.value for head in heads if head.value is not None]
        if self._any(_parts_of(values)):
            return True
        if not all(is_ground(t) for head in heads for t in head.reference.terms[1:]):
            return True
        if heads[0].key is not None:
            return False
        if all(is_ground(v) and same(v, values[0]) for v in values):
            return False
        definitions = [rule for rule in node.rules if not rule.default]
        if len(definitions) > 1:
            return True
        return any(_may_repeat(clause) for clause in clauses)

    def _any(self, parts: Sequence[Any]) -> bool:
        """Whether one of the nodes that `_parts_of` gives may, without its parts."""
        for part in parts:
            kind = type(part)
            if kind is ast.Ref:
                found = self._ref(part)
            elif kind is ast.Expr:
                found = bool(part.with_) or (
                    type(part.terms) is list and self._call(part.terms[0])
                )
            elif kind is ast.Call:
                found = self._call(part.operator)
            else:
                found = True
            if found:
                return True
        return False

    def _call(self, operator: ast.Term) -> bool:
        parts = operator.terms if isinstance(operator, ast.Ref) else [operator]
        head = parts[0]
        name = dotted_name(operator)
        if self._planner.mocked(name):
            return True
        if isinstance(head, ast.Var) and head.name == "data":
            node = self._planner.compiled.rule_tree.find(list(parts))
            return node is None or self.rules(node)
        if name in _SILENT:
            return False
        return self._strict or name == _TEMPLATE

    def _ref(self, ref: ast.Ref) -> bool:
        head = ref.terms[0]
        if type(head) is not ast.Var or head.name != "data":
            return False
        steps = ref.terms[1:]
        node = self._planner.compiled.rule_tree
        for step in steps:
            if not is_ground(step):
                return self.below(node)
            child = node.child(step)
            if child is None:
                return False
            if child.rules:
                if any(rule.head.args for rule in child.rules):
                    return False
                return self.rules(child)
            node = child
        return self.below(node)


#: The parts that `Loudness` looks at.
_parts_of: Final = finder(
    ast.Expr, ast.Call, ast.ObjectComprehension, ast.TemplateString, ast.Ref
)
_repeating: Final = finder(ast.SomeDecl, ast.Ref, ast.Expr)


def _may_repeat(clause: ast.Rule) -> bool:
    """Whether a body may have more than one solution."""
    for part in _repeating(clause.body):
        if isinstance(part, ast.SomeDecl):
            return True
        if isinstance(part, ast.Ref) and _is_open(part.terms[1:]):
            return True
        if isinstance(part, ast.Expr) and isinstance(part.terms, list):
            operator = part.terms[0]
            if isinstance(operator, ast.Ref) and operator.terms[0] == ast.Var("walk"):
                return True
    return False


def _is_open(steps: Sequence[ast.Term]) -> bool:
    return not all(map(is_ground, steps))

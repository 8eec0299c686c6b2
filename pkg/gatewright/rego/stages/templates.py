"""RewriteTemplateStrings: `$"a {x}"` becomes a call.

    $"a {input.x} {n}"  ->  internal.template_string(["a ", {y | y = input.x}, " ", {n}])

The comprehension turns an undefined hole into an empty set; a variable or a rule
known to be defined needs none.
"""

from __future__ import annotations

from typing import Any

from gatewright.rego import ast, errors
from gatewright.rego.stages.heads import is_empty_body
from gatewright.rego.stages.state import State
from gatewright.rego.stages.variables import (
    Arity,
    body_outputs,
    safety_vars,
    term_vars,
)
from gatewright.rego.stages.walk import (
    COMPREHENSIONS,
    RESERVED,
    SCALARS,
    is_ground,
    ref_name,
    rules_of,
    shown,
    terms_in,
)

__all__ = ["TemplateRewriter", "rewrite_template_strings"]


def _known_defined(state: State, ref: ast.Ref) -> bool:
    """True for a rule that always has a value: default, set, or constant."""
    head = ref.terms[0]
    if len(ref.terms) < 2 or type(head) is not ast.Var or head.name != "data":
        return False
    node = state.rule_tree.find(ref)
    if node is None or not node.rules:
        return False
    first = node.rules[0]
    if first.head.args:
        return False
    if first.default or first.head.value is None:
        return True
    if len(node.rules) == 1:
        value = first.head.value
        return is_empty_body(first.body) and (
            type(value) in SCALARS
            or type(value) is ast.Var
            or (type(value) is not ast.Ref and is_ground(value))
        )
    return any(rule.default for rule in node.rules[1:])


class TemplateRewriter:
    """Rewrites the templates below a node; `errors` collects what is wrong."""

    __slots__ = ("arity", "errors", "state")

    def __init__(self, state: State, arity: Arity) -> None:
        self.state = state
        self.arity = arity
        self.errors: list[errors.Error] = []

    def error(self, message: str, loc: ast.Location) -> None:
        self.errors.append(errors.Error(errors.COMPILE_ERROR, message, loc))

    def body(self, body: ast.Body, bound: set[str]) -> set[str]:
        """Rewrite in a body; answers what it binds, `bound` included."""
        safe = body_outputs(body, self.arity, bound) | bound
        for expr in body:
            self.expr(expr, safe)
        return safe

    def expr(self, expr: ast.Expr, safe: set[str]) -> None:
        terms = expr.terms
        if expr.negated_body is not None:
            self.body(expr.negated_body, safe)
        elif type(terms) is list:
            expr.terms = [self.term(term, safe) for term in terms]
        elif type(terms) is ast.Every:
            terms.domain = self.term(terms.domain, safe)
            self.body(terms.body, safe | term_vars(terms.key, terms.value))
        elif type(terms) is ast.Logical:
            self.body(terms.left, safe)
            self.body(terms.right, safe)
        else:
            expr.terms = self.term(terms, safe)
        for with_ in expr.with_:
            with_.value = self.term(with_.value, safe)

    def term(self, term: Any, safe: set[str]) -> Any:
        kind = type(term)
        if kind is ast.TemplateString:
            return self.template(term, safe)
        if kind is ast.Var or kind in SCALARS:
            return term
        if kind in COMPREHENSIONS:
            inner = self.body(term.body, safe)
            if kind is ast.ObjectComprehension:
                term.key = self.term(term.key, inner)
                term.value = self.term(term.value, inner)
            else:
                term.term = self.term(term.term, inner)
        elif kind is ast.Object:
            term.items = [
                (self.term(key, safe), self.term(value, safe))
                for key, value in term.items
            ]
        elif kind is ast.Ref:
            term.terms = [self.term(part, safe) for part in term.terms]
        elif kind is ast.Call:
            term.args = [self.term(arg, safe) for arg in term.args]
        else:
            term.items = [self.term(item, safe) for item in term.items]
        return term

    def template(self, template: ast.TemplateString, safe: set[str]) -> ast.Term:
        if "internal.template_string" not in self.state.builtins:
            self.error("template-strings are not supported", template.loc)
            return template
        before = len(self.errors)
        parts: list[ast.Term] = []
        for part in template.parts:
            if type(part) is ast.Expr:
                term = self.hole(part, safe)
                if term is not None:
                    parts.append(term)
            else:
                parts.append(part)  # type: ignore[arg-type]
        if len(self.errors) > before:
            return template
        if not parts:
            parts.append(ast.String("", template.loc))
        operator = ast.Ref(
            [ast.Var("internal", template.loc), ast.String("template_string")],
            template.loc,
        )
        array = ast.Array(parts, template.loc)
        return self.rewritten(ast.Call(operator, [array], template.loc), safe)

    def rewritten(self, call: ast.Call, safe: set[str]) -> ast.Call:
        """Templates within the holes of a template."""
        for item in call.args[0].items:  # type: ignore[union-attr]
            if type(item) is ast.SetComprehension:
                self.body(item.body, safe)
        return call

    def hole(self, expr: ast.Expr, safe: set[str]) -> ast.Term | None:
        terms = expr.terms
        term: Any = terms
        if type(terms) is list:
            operator = terms[0]
            assert type(operator) is ast.Ref
            builtin = self.state.builtins.get(ref_name(operator))
            if builtin is not None and builtin.relation:
                self.errors.append(
                    errors.Error(
                        errors.COMPILE_ERROR,
                        f"illegal call to relation built-in '{builtin.name}'"
                        " that may cause multiple outputs",
                    )
                )
                return None
            # OPA gives the call no place, which shows in messages about it.
            term = ast.Call(operator, terms[1:], ast.NO_LOCATION)
        elif (type(terms) is ast.Ref and _known_defined(self.state, terms)) or type(
            terms
        ) is ast.Var:
            return ast.Set([terms], terms.loc)
        for name in sorted(safety_vars(term) - safe):
            name = shown(self.state.rewritten.get(name, name))
            self.error(f"var {name} is undeclared", term.loc)
        loc = term.loc
        var = self.state.gen.var(loc)
        capture = ast.Expr(
            [ast.Ref([ast.Var("eq", loc)], loc), var, term],
            with_=expr.with_,
            loc=loc,
        )
        return ast.SetComprehension(ast.Var(var.name, loc), [capture], loc)


def rewrite_template_strings(state: State) -> None:
    """RewriteTemplateStrings over all rules."""
    if "template" not in state.features:
        return
    for module in state.modules.values():
        for rule in rules_of(module):
            if not any(
                type(t) is ast.TemplateString for t in terms_in([rule.head, *rule.body])
            ):
                continue
            rewriter = TemplateRewriter(state, state.arity)
            bound = term_vars(*(rule.head.args or ())) | RESERVED
            safe = rewriter.body(rule.body, bound)
            head = rule.head
            if head.key is not None:
                head.key = rewriter.term(head.key, safe)
            if head.value is not None:
                head.value = rewriter.term(head.value, safe)
            if head.args:
                head.args = [rewriter.term(arg, safe) for arg in head.args]
            state.fail(*rewriter.errors)

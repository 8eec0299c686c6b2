"""RewriteWithValues: targets of `with` are checked, values need no evaluation."""

from __future__ import annotations

from typing import Any

from gatewright.rego import ast, errors
from gatewright.rego.printer import ref_text, term_text
from gatewright.rego.stages.state import State, left
from gatewright.rego.stages.walk import bodies_of, ref_name, requires_eval

__all__ = ["WithRewriter", "rewrite_with_values"]

_REPLACING = "with keyword replacing built-in function: "


class _Refused(Exception):
    """Carries the `Error` about an unacceptable target or value."""

    def __init__(self, code: str, message: str, loc: ast.Location) -> None:
        super().__init__(message)
        self.error = errors.Error(code, message, loc)


def _name(term: Any) -> str:
    if type(term) is ast.Var:
        return term.name
    return ref_name(term)


def _head(term: Any) -> str:
    if type(term) is not ast.Ref:
        return ""
    head = term.terms[0]
    return head.name if type(head) is ast.Var else ""


class WithRewriter:
    """Checks and rewrites bodies; errors go to `state`."""

    __slots__ = ("state", "unsafe")

    def __init__(self, state: State, unsafe: frozenset[str]) -> None:
        self.state = state
        self.unsafe = unsafe

    def bodies(self, node: Any) -> None:
        """Every body at or below a node."""
        for owner, name in list(bodies_of(node)):
            setattr(owner, name, self.body(getattr(owner, name)))

    def body(self, body: ast.Body) -> ast.Body:
        if not any(expr.with_ for expr in body):
            return body
        out: ast.Body = []
        for expr in body:
            for with_ in expr.with_:
                try:
                    hoist = self.hoists(with_)
                except _Refused as refused:
                    self.state.fail(refused.error)
                    return body
                if hoist:
                    bind = self.state.gen.bind(with_.value)
                    with_.value = left(bind)
                    out.append(bind)
            out.append(expr)
        for i, expr in enumerate(out):
            expr.index = i
        return out

    def hoists(self, with_: ast.With) -> bool:
        """Whether the value must be evaluated before the expression."""
        target, value = with_.target, with_.value
        if type(value) is ast.Var and value.name in self.state.builtins:
            value = with_.value = ast.Ref([value], value.loc)
        builtin = self.is_builtin(target)
        root = _head(target)
        if root == "data":
            if self.replaces_function(target, value):
                return False
            if self.names_function(value):
                return False
        elif root == "input":
            pass
        elif builtin:
            self.check_builtin(target)
            if self.is_function_value(value):
                return False
        else:
            raise _Refused(
                errors.TYPE_ERROR,
                "with keyword target must reference existing input, data,"
                " or a function",
                target.loc,
            )
        return requires_eval(value)

    def is_builtin(self, term: Any) -> bool:
        if type(term) not in (ast.Ref, ast.Var):
            return False
        name = _name(term)
        if name and name in self.unsafe:
            raise _Refused(
                errors.COMPILE_ERROR,
                f'{_REPLACING}target must not be unsafe: "{term_text(term)}"',
                term.loc,
            )
        return name in self.state.builtins

    def replaces_function(self, target: ast.Ref, value: ast.Term) -> bool:
        """A data target: refuse parts of rules; true when a function replaces one."""
        node = self.state.rule_tree
        terms = target.terms
        for term in terms[1:-1]:
            below = node.child(term)
            if below is None:
                break
            if below.rules:
                raise _Refused(
                    errors.COMPILE_ERROR,
                    "with keyword cannot partially replace virtual document(s)",
                    target.loc,
                )
            node = below
        if len(terms) == 1:
            return False
        last = node.child(terms[-1])
        if last is None:
            return False
        return any(rule.head.args for rule in last.rules) and self.is_function_value(
            value
        )

    def names_function(self, value: ast.Term) -> bool:
        if _head(value) != "data":
            return False
        node = self.state.rule_tree.find(value)  # type: ignore[arg-type]
        return node is not None and any(rule.head.args for rule in node.rules)

    def is_function_value(self, value: ast.Term) -> bool:
        return (
            _head(value) == "data" and self.state.rule_tree.find(value) is not None  # type: ignore[arg-type]
        ) or self.is_builtin(value)

    def check_builtin(self, target: ast.Ref) -> None:
        name = ref_name(target)
        builtin = self.state.builtins[name]
        problem = ""
        if name in ("eq", "rego.metadata.chain", "rego.metadata.rule"):
            problem = f'replacement of "{name}" invalid'
        elif _head(target) == "internal":
            problem = f'replacement of internal function "{ref_text(target)}" invalid'
        elif builtin.relation:
            problem = "target must not be a relation"
        elif builtin.result is None:
            problem = "target must not be a void function"
        if problem:
            raise _Refused(errors.COMPILE_ERROR, _REPLACING + problem, target.loc)


def rewrite_with_values(state: State) -> None:
    """RewriteWithValues over all modules."""
    if "with" not in state.features:
        return
    rewriter = WithRewriter(state, state.options.unsafe_builtins)
    for module in state.modules.values():
        rewriter.bodies(module)

"""Where the variables of a ref get their values, for messages on recursion."""

from __future__ import annotations

from typing import Any, NamedTuple

from gatewright.builtins.types import AnyType, ScalarType
from gatewright.rego import ast
from gatewright.rego.graph import DynamicRef, is_constant, members
from gatewright.rego.printer import ref_text, term_text
from gatewright.rego.rule_tree import term_key
from gatewright.rego.stages.rename import renamed
from gatewright.rego.stages.state import State
from gatewright.rego.stages.trees import rule_ref
from gatewright.rego.stages.walk import is_equality, operator_name

__all__ = ["Origin", "Origins", "origin_note", "possible"]

#: Members of a collection listed at most.
_MAX_MEMBERS = 5


class Origin(NamedTuple):
    """`kind`: input, rule, collection, builtin, key or arg; `of`: which."""

    kind: str
    of: Any = None


class Origins:
    """The origins of the variables of one dynamic ref, taken before later stages
    rewrite the body."""

    __slots__ = ("found", "ref")

    def __init__(self, state: State, rule: ast.Rule, dynamic: DynamicRef) -> None:
        self.ref = dynamic.ref
        bindings, outputs = _bindings(state, rule, dynamic.at)
        head = _head_vars(rule)
        self.found: dict[str, Origin] = {}
        for term in dynamic.selected[1:]:
            if type(term) is ast.Var:
                origin = _resolve(term.name, bindings, outputs, head, len(rule.body))
                if origin is not None:
                    self.found[term.name] = origin


def _bindings(
    state: State, rule: ast.Rule, before: int
) -> tuple[dict[str, Any], dict[str, str]]:
    bindings: dict[str, Any] = {}
    outputs: dict[str, str] = {}
    for expr in rule.body[:before]:
        terms = expr.terms
        if expr.negated or expr.with_ or type(terms) is not list:
            continue
        if is_equality(expr):
            if len(terms) == 3:
                for var, term in ((terms[1], terms[2]), (terms[2], terms[1])):
                    if type(var) is ast.Var:
                        bindings.setdefault(var.name, term)
            continue
        name = operator_name(expr)
        builtin = state.builtins.get(name)
        last = terms[-1]
        if (
            builtin is not None
            and len(terms) == len(builtin.args) + 2
            and type(last) is ast.Var
        ):
            outputs[last.name] = name
    return bindings, outputs


def _head_vars(rule: ast.Rule) -> dict[str, str]:
    head: dict[str, str] = {}
    for term in rule.head.reference.terms[1:]:
        if type(term) is ast.Var:
            head[term.name] = "key"
    if type(rule.head.key) is ast.Var:
        head[rule.head.key.name] = "key"
    for arg in rule.head.args or ():
        if type(arg) is ast.Var:
            head[arg.name] = "arg"
    return head


def _constant_prefix(ref: ast.Ref) -> ast.Ref:
    terms = ref.terms
    for i in range(1, len(terms)):
        if not is_constant(terms[i]):
            return ast.Ref(terms[:i], ref.loc)
    return ast.Ref(list(terms), ref.loc)


def _resolve(
    name: str,
    bindings: dict[str, Any],
    outputs: dict[str, str],
    head: dict[str, str],
    limit: int,
) -> Origin | None:
    for depth in range(limit + 1):
        if name in outputs:
            return Origin("builtin", outputs[name])
        term = bindings.get(name)
        if type(term) is ast.Var:
            name = term.name
            continue
        if type(term) is ast.Ref:
            root = getattr(term.terms[0], "name", "")
            if root == "input":
                return Origin("input", _constant_prefix(term))
            if root == "data":
                return Origin("rule", _constant_prefix(term))
            if len(term.terms) == 2 and not is_constant(term.terms[1]):
                collection = _collection(term.terms[0], bindings, depth)
                if collection is not None:
                    return Origin("collection", collection)
        break
    else:
        return None
    return Origin(head[name]) if name in head else None


def _collection(term: Any, bindings: dict[str, Any], depth: int) -> Any:
    while depth <= len(bindings) and type(term) is ast.Var:
        term = bindings.get(term.name)
        depth += 1
    if type(term) in (ast.Array, ast.Set, ast.Object) and is_constant(term):
        return term
    return None


def possible(state: State, origins: Origins, at: int, value: Any) -> bool:
    """False when the variable at a position is known not to take a value."""
    term = origins.ref[at]
    origin = origins.found.get(term.name) if type(term) is ast.Var else None
    if origin is None:
        return True
    if origin.kind == "collection":
        wanted = term_key(value)
        return any(term_key(item) == wanted for item in members(origin.of) or ())
    if origin.kind == "builtin":
        result = state.builtins[origin.of].result
        kind = _SCALAR_NAMES.get(type(value))
        if result is None or kind is None:
            return True
        if isinstance(result, AnyType):
            return not result.of or ScalarType(kind) in result.of
        return result == ScalarType(kind)
    return True


_SCALAR_NAMES = {
    ast.Null: "null",
    ast.Boolean: "boolean",
    ast.Number: "number",
    ast.String: "string",
}


def origin_note(
    state: State, origins: Origins, rule: ast.Rule, at: int, term: Any
) -> str:
    """What a message adds about the value of the term at a position."""
    written = origins.ref[at]
    if type(written) is ast.Ref:
        if getattr(written.terms[0], "name", "") == "data":
            return "rule values aren't known at compile time"
        return ""
    origin = origins.found.get(written.name) if type(written) is ast.Var else None
    if origin is None:
        return ""
    text = term_text(term)
    if origin.kind == "input":
        return f"{text} comes from {ref_text(renamed(origin.of, state.rewritten))}"
    if origin.kind == "rule":
        return (
            f"{text} comes from rule {ref_text(origin.of)},"
            " whose value isn't known at compile time"
        )
    if origin.kind == "collection":
        count = len(members(origin.of) or ())
        if count > _MAX_MEMBERS:
            return f"{text} is one of {count} values"
        return f"{text} is one of {term_text(origin.of)}"
    if origin.kind == "builtin":
        return f"{text} is computed by {origin.of}"
    name = ref_text([renamed(part, state.rewritten) for part in rule_ref(rule)])
    what = "a key" if origin.kind == "key" else "an argument"
    return f"{text} is {what} of {name}"

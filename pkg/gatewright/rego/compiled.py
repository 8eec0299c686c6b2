"""What the compiler takes and gives: options, a compiled library, a query.

The final form of the trees (the input of the planner) is the one OPA's
evaluator sees:

- every ref starts with `data`, `input` or a local variable; every local is
  named `__localN__` (unique within its module), function arguments included;
  wildcards keep their `$N` names.
- `:=` is `eq`, and so is the statement `x == y` in a module (`equal` remains
  where its result is captured, and in queries); bare `some` declarations are gone.
  `some k, v in xs` is `v' = xs[k']`; a test `x in xs` is `internal.member_2`.
- an operand of a call is a scalar, a variable, a collection of those, or a
  comprehension hoisted to `__localN__ = comprehension`.  Nested calls and refs
  were hoisted into generated expressions (`Expr.generated`) that come first.
- rule heads hold no calls, refs or comprehensions: keys, values and var-bearing
  reference parts were hoisted to generated expressions at the end of the body.
  Each term of `Head.reference` is ground or a variable.  `Head.args` keeps the
  patterns as written (variables renamed).
- `Every.domain` and every `With.value` is a variable or ground.
- template strings are calls of `internal.template_string`, `print` of
  `internal.print` with one array of set comprehensions, or it is erased.
- bodies are ordered so that evaluation left to right never meets an unbound
  variable that it needs bound.
- else chains (`Rule.else_`), default rules and `Head.generated_value` stay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gatewright.rego import ast
from gatewright.rego.rule_tree import RuleNode
from gatewright.rego.stages.walk import ref_name

if TYPE_CHECKING:
    from gatewright.builtins.declarations import Builtin

__all__ = ["CompileOptions", "Compiled", "CompiledQuery", "QueryContext"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileOptions:
    """How to compile.

    `builtins` maps names to declarations (None: the full table); a call of a
    name outside it is `undefined function`.  `extra_builtins` adds to it
    (Gatekeeper's `external_data`).  `unsafe_builtins` are declared but refused
    (`unsafe built-in function calls in expression: http.send`).  `strict` adds
    OPA's `-S` checks.  `print_enabled` keeps `print` calls.  `path_exists`
    tells whether base data holds a path (keys below `data`), for the conflict
    check between base and virtual documents.  `max_errors`: 0 is no limit.
    `rego_version` is that of queries.  `schemas` maps refs (`schema` for that of
    `input`, `schema.a.b` for those that metadata blocks name) to JSON schemas;
    `schema_annotations` lets such blocks give types to documents.  `older`: types
    are those of OPA 1.17, which gives none to what is in `{}` and `[]`, does not check
    what `in` looks for, and lets `some x in xs[x]` be.
    """

    builtins: Mapping[str, Builtin] | None = None
    extra_builtins: Mapping[str, Builtin] = field(default_factory=dict)
    unsafe_builtins: frozenset[str] = frozenset()
    strict: bool = False
    print_enabled: bool = False
    path_exists: Callable[[Sequence[str]], bool] | None = None
    max_errors: int = 10
    rego_version: int = 1
    schemas: Mapping[str, Any] = field(default_factory=dict)
    schema_annotations: bool = False
    older: bool = False


@dataclass(slots=True, eq=False)
class Compiled:
    """A compiled library: read-only once returned.

    `modules`: the rewritten trees by the name they were given under.
    `rule_tree`: see `RuleNode`.  `graph`: for each rule (by `id`) the rules it
    may evaluate.  `order`: all rules, dependencies first.  `types`: the type
    environment.  `builtins`: the table that was in force (extras included).
    `rewritten_vars`: for each `__localN__`, the name in the source.
    """

    modules: dict[str, ast.Module]
    rule_tree: RuleNode
    options: CompileOptions
    builtins: Mapping[str, Builtin]
    graph: dict[int, list[ast.Rule]] = field(default_factory=dict)
    order: list[ast.Rule] = field(default_factory=list)
    types: Any = None
    annotations: Any = None
    rewritten_vars: dict[str, str] = field(default_factory=dict)
    _reverse: dict[int, dict[int, ast.Rule]] | None = None

    def rules_at(self, ref: ast.Ref) -> list[ast.Rule]:
        """Rules defined exactly at a ground ref (`data.p.q`); may be empty."""
        node = self.rule_tree.find(ref)
        return [] if node is None else node.rules

    def arity(self, operator: ast.Ref) -> int:
        """The number of operands of a function or builtin; -1 if it is neither."""
        head = operator.terms[0]
        if type(head) is ast.Var and head.name == "data":
            rules = self.rules_at(operator)
            return len(rules[0].head.args or ()) if rules else -1
        builtin = self.builtins.get(ref_name(operator))
        return -1 if builtin is None else builtin.arity

    def dependencies(self, rule: ast.Rule) -> list[ast.Rule]:
        """The rules that `rule` refers to directly, else branches included."""
        return self.graph.get(id(rule), [])

    def reverse(self) -> dict[int, dict[int, ast.Rule]]:
        """For each rule (by `id`) the rules that refer to it directly.

        Made once: over a thousand modules it takes as long as the rest of a query.
        """
        if self._reverse is not None:
            return self._reverse
        out: dict[int, dict[int, ast.Rule]] = {}
        for rule in self.order:
            for target in self.graph.get(id(rule), ()):
                out.setdefault(id(target), {})[id(rule)] = rule
        self._reverse = out
        return out


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryContext:
    """Names a query may use unqualified: a package (`data.a.b`) and imports."""

    package: ast.Ref | None = None
    imports: Sequence[ast.Import] = ()


@dataclass(slots=True, eq=False)
class CompiledQuery:
    """A rewritten query.

    `bindings`: variable as written -> its name in `body`, in the order of first
    use; wildcards and generated variables are not in it.  `captures` (when asked
    for): index of an expression in the written query -> the variable that holds
    its value; an expression without one (a negation, `=`, `:=`, a declaration)
    has the value true whenever the query succeeds.
    """

    body: ast.Body
    bindings: dict[str, str]
    rewritten_vars: dict[str, str]
    captures: dict[int, str] = field(default_factory=dict)
    types: Any = None

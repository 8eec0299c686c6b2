"""The stages as they apply to a query: one body, after the library's stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gatewright.rego import ast
from gatewright.rego.compiled import (
    Compiled,
    CompiledQuery,
    CompileOptions,
    QueryContext,
)
from gatewright.rego.stages import functions, imports, prints, resolve, safety
from gatewright.rego.stages.comprehensions import rewrite_comprehensions
from gatewright.rego.stages.dynamics import DynamicRewriter
from gatewright.rego.stages.expressions import ExprExpander
from gatewright.rego.stages.locals import LocalRewriter
from gatewright.rego.stages.scopes import Scopes
from gatewright.rego.stages.state import State, VarGenerator
from gatewright.rego.stages.templates import TemplateRewriter
from gatewright.rego.stages.typing import check_query
from gatewright.rego.stages.variables import all_vars
from gatewright.rego.stages.walk import (
    COMPREHENSIONS,
    RESERVED,
    children,
    is_generated,
    is_ground,
    is_wildcard,
    ref_name,
)
from gatewright.rego.stages.withs import WithRewriter

if TYPE_CHECKING:
    from gatewright.builtins.declarations import Builtin


class QueryState:
    """A query under rewriting."""

    __slots__ = (
        "body",
        "capture",
        "captures",
        "compiled",
        "context",
        "names",
        "source",
        "state",
        "types",
    )

    def __init__(
        self,
        *,
        compiled: Compiled,
        body: Sequence[ast.Expr],
        context: QueryContext,
        options: CompileOptions,
        builtins: Mapping[str, Builtin],
        capture: bool,
    ) -> None:
        self.compiled = compiled
        self.source = body
        self.context = context
        self.capture = capture
        self.captures: dict[int, str] = {}
        self.state = State(modules={}, options=options, builtins=builtins)
        self.state.rule_tree = compiled.rule_tree
        names = all_vars(list(body))
        self.state.gen = VarGenerator("__localq", names)
        self.body: ast.Body = list(body)
        #: Names of the outermost scope as written -> as they are now.
        self.names: dict[str, str] = {}
        self.types: Any = None

    def term_var(self, loc: ast.Location) -> ast.Var:
        """A variable for a captured value; messages show it as a wildcard."""
        return ast.Var(f"$term{len(self.captures) + 1}", loc)

    def result(self) -> CompiledQuery:
        """What is left when no stage found a mistake."""
        present = all_vars(self.body)
        bindings = {name: new for name, new in self.names.items() if new in present}
        return CompiledQuery(
            body=self.body,
            bindings=bindings,
            rewritten_vars=self.state.rewritten,
            captures=self.captures,
            types=self.types,
        )


def check_keyword_overrides(query: QueryState) -> None:
    """CheckKeywordOverrides (strict)."""
    if query.state.options.strict:
        query.state.fail(*imports.query_overrides(query.source))


def resolve_refs(query: QueryState) -> None:
    """ResolveRefs, in the package and with the imports of the context."""
    package = query.context.package
    rules: list[str] = []
    if package is not None:
        node = query.compiled.rule_tree.find(package)
        if node is not None:
            rules = [key for key in node.children if isinstance(key, str)]
            rules = [key for key in rules if _is_rule(query, package, key)]
    query.body = resolve.resolve_body(
        query.source,
        package=package,
        rules=rules,
        imports=query.context.imports,
        features=query.state.features,
    )


def _is_rule(query: QueryState, package: ast.Ref, name: str) -> bool:
    """Whether a name below a package starts the ref of one of its rules."""
    key = tuple(getattr(t, "value", getattr(t, "name", "")) for t in package.terms)
    return any(
        rule.head.name == name
        for module in query.compiled.modules.values()
        if _key(module) == key
        for rule in module.rules
    )


def _key(module: ast.Module) -> tuple[str, ...]:
    return tuple(
        getattr(t, "value", getattr(t, "name", "")) for t in module.package.path.terms
    )


def capture_values(query: QueryState) -> None:
    """Give the value of each expression a variable, when asked for.

    A lone term becomes an equality, a call gets its output operand; where several
    expressions could hide a false one, the variables follow as expressions.
    """
    for i, expr in enumerate(query.body):
        expr.index = i
    if not query.capture:
        return
    state = query.state
    check = len(query.body) > 1 or _iterates(query.body)
    extra: ast.Body = []
    for expr in query.body:
        terms = expr.terms
        if expr.negated or expr.negated_body is not None:
            continue
        loc = expr.loc
        if type(terms) is list:
            operator = terms[0]
            assert type(operator) is ast.Ref
            name = ref_name(operator)
            if name in ("assign", "eq"):
                continue
            builtin = state.builtins.get(name)
            if builtin is not None and builtin.result is None:
                continue
            if state.arity(operator) != len(terms) - 1:
                continue
            var = query.term_var(loc)
            terms.append(var)
        elif type(terms) in (ast.SomeDecl, ast.Every, ast.Logical):
            continue
        else:
            var = query.term_var(loc)
            expr.terms = [ast.Ref([ast.Var("eq", loc)], loc), terms, var]  # type: ignore[list-item]
        query.captures[expr.index] = var.name
        if check:
            extra.append(
                ast.Expr(
                    ast.Var(var.name, loc),
                    index=len(query.body) + len(extra),
                    generated=True,
                    loc=loc,
                )
            )
    query.body = [*query.body, *extra]


def _iterates(body: ast.Body) -> bool:
    """Whether any ref has a variable in it, closures apart."""
    stack: list[Any] = list(body)
    while stack:
        node = stack.pop()
        kind = type(node)
        if kind in COMPREHENSIONS:
            continue
        if kind is ast.Ref and not is_ground(node):
            return True
        stack.extend(children(node))
    return False


def rewrite_local_vars(query: QueryState) -> None:
    """RewriteLocalVars; remembers the names that the user wrote."""
    written = _written(query.body)
    state = query.state
    rewriter = LocalRewriter(state.gen, Scopes(), strict=state.options.strict)
    query.body = rewriter.body(query.body, None)
    state.fail(*rewriter.errors, *rewriter.scopes.unused)
    state.rewritten = {
        new: name
        for new, name in rewriter.scopes.rewritten.items()
        if not is_generated(name)
    }
    top = rewriter.scopes.top.names
    query.names = {
        name: top[name]
        for name in written
        if name in top and (name not in RESERVED or top[name] != name)
    }


def _written(body: ast.Body) -> list[str]:
    """Variables of a query in the order of first use, closures apart."""
    seen: dict[str, None] = {}
    stack: list[Any] = list(reversed(body))
    while stack:
        node = stack.pop()
        kind = type(node)
        if kind is ast.Var:
            if not is_wildcard(node.name) and not is_generated(node.name):
                seen[node.name] = None
        elif kind is ast.Every:
            stack.append(node.domain)
        elif kind in COMPREHENSIONS:
            continue
        elif kind is ast.Expr and type(node.terms) is list:
            stack.extend(reversed(node.terms[1:]))
        elif kind is ast.Call:
            stack.extend(reversed(node.args))
        else:
            stack.extend(reversed(list(children(node))))
    return list(seen)


def rewrite_template_strings(query: QueryState) -> None:
    """RewriteTemplateStrings."""
    if "template" in query.state.features:
        rewriter = TemplateRewriter(query.state, query.state.arity)
        rewriter.body(query.body, set(RESERVED))
        query.state.fail(*rewriter.errors)


def check_void_calls(query: QueryState) -> None:
    """CheckVoidCalls."""
    query.state.fail(*prints.void_calls(query.state, query.body))


def rewrite_print_calls(query: QueryState) -> None:
    """RewritePrintCalls, or their removal."""
    state = query.state
    if "print" not in state.features:
        return
    if not state.options.print_enabled:
        holder = ast.Rule(ast.Head(ast.Ref([ast.Var("")])), query.body)
        prints.erase_prints(holder)
        query.body = holder.body
        return
    rewriter = prints.PrintRewriter(state.gen, state.arity, state.rewritten)
    rewriter.body(query.body, set(RESERVED))
    state.fail(*rewriter.errors)


def rewrite_expr_terms(query: QueryState) -> None:
    """RewriteExprTerms."""
    state = query.state
    query.body = ExprExpander(state.gen, state.subjects).body(query.body)


def rewrite_comprehension_terms(query: QueryState) -> None:
    """RewriteComprehensionTerms."""
    rewrite_comprehensions(query.state.gen, query.body)


def rewrite_with_values(query: QueryState) -> None:
    """RewriteWithValues."""
    state = query.state
    if "with" in state.features:
        rewriter = WithRewriter(state, state.options.unsafe_builtins)
        query.body = rewriter.body(query.body)
        rewriter.bodies(query.body)


def check_undefined_funcs(query: QueryState) -> None:
    """CheckUndefinedFuncs."""
    state = query.state
    state.fail(*functions.undefined_funcs(state, query.body, query.compiled.types))


def check_safety(query: QueryState) -> None:
    """CheckSafety."""
    state = query.state
    checker = safety.SafetyChecker(
        state.arity, operands=bool(state.features & {"logical", "not_body"})
    )
    ordered, unsafe = checker.order(query.body, set(RESERVED))
    if unsafe:
        found = safety.safety_errors(unsafe, state.rewritten)
        if found:
            state.fail(*found)
            return
    query.body = ordered


def rewrite_dynamic_terms(query: QueryState) -> None:
    """RewriteDynamicTerms."""
    state = query.state
    query.body = DynamicRewriter(state.gen, state.subjects).body(query.body)


def check_types(query: QueryState) -> None:
    """CheckTypes."""
    query.types = check_query(query.state, query.compiled, query.body)


def check_unsafe_builtins(query: QueryState) -> None:
    """CheckUnsafeBuiltins."""
    unsafe = query.state.options.unsafe_builtins
    if unsafe:
        query.state.fail(*functions.unsafe_calls(unsafe, query.body))


def check_deprecated_builtins(query: QueryState) -> None:
    """CheckDeprecatedBuiltins (strict)."""
    if query.state.options.strict:
        query.state.fail(*functions.deprecated_calls(query.state, query.body))

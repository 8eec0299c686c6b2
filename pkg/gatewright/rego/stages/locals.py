"""RewriteLocalVars: declarations go, declared variables get names of their own.

    f(x) := y if { some i; a := x[i]; y := a + 1 }
      ->  f(__local0__) := __local3__ if {
              __local2__ = __local0__[__local1__]; __local3__ = __local2__ + 1 }

`some k, v in xs` becomes `v = xs[k]`.  Variables bound by unification only keep
their names, unless they are called like a built-in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gatewright.rego import ast, errors
from gatewright.rego.order import resort
from gatewright.rego.printer import ref_text, value_name
from gatewright.rego.stages.resolve import declared_vars
from gatewright.rego.stages.scopes import Occurrence, Scopes
from gatewright.rego.stages.state import State, VarGenerator
from gatewright.rego.stages.unused import check_unused
from gatewright.rego.stages.variables import (
    all_vars,
    collect_no_closures,
    equality_outputs,
    pattern_vars,
    safety_vars,
    scope_vars,
    term_vars,
)
from gatewright.rego.stages.walk import (
    COMPREHENSIONS,
    SCALARS,
    children,
    exprs_in,
    is_ground,
    is_root_document,
    is_wildcard,
    operator_name,
    shown,
)

__all__ = ["LocalRewriter", "head_may_have_vars", "rewrite_local_vars"]

_NEGATED = "cannot assign vars inside negated expression"
_OPERAND = "cannot assign vars inside implicit {} operand"
_REDECLARED = {
    Occurrence.SEEN: "var {} referenced above",
    Occurrence.ASSIGNED: "var {} assigned above",
    Occurrence.DECLARED: "var {} declared above",
    Occurrence.ARG: "arg {} redeclared",
}


class LocalRewriter:
    """Rewrites bodies and terms in place; `errors` collects what is wrong."""

    __slots__ = ("errors", "gen", "older", "scopes", "strict")

    def __init__(
        self,
        gen: VarGenerator,
        scopes: Scopes,
        *,
        strict: bool,
        older: bool = False,
    ) -> None:
        self.gen = gen
        self.scopes = scopes
        self.strict = strict
        self.older = older
        self.errors: list[errors.Error] = []

    def error(self, message: str, loc: ast.Location) -> None:
        self.errors.append(errors.Error(errors.COMPILE_ERROR, message, loc))

    def declare(
        self, name: str, occurrence: Occurrence, loc: ast.Location
    ) -> str | None:
        """A new name for a declared variable; None (and an error) if it is there."""
        problem = _REDECLARED.get(self.scopes.occurrence(name))
        if problem is not None:
            self.error(problem.format(shown(name)), loc)
            return None
        new = self.gen.name()
        self.scopes.insert(name, new, occurrence)
        return new

    # Bodies

    def body(self, body: ast.Body, used: set[str] | None) -> ast.Body:
        """The body without declarations.  `used`: names needed outside of it."""
        out: ast.Body = []
        for expr in body:
            new = self.statement(expr)
            if new is not None:
                new.index = len(out)
                out.append(new)
        if not out:
            out.append(ast.Expr(ast.Boolean(True), loc=body[0].loc))
        if not self.errors and not self.scopes.unused:
            check_unused(self.scopes, body, out, used or set(), strict=self.strict)
        return out

    def scoped(self, body: ast.Body, used: set[str] | None = None) -> ast.Body:
        """`body` in a scope of its own."""
        self.scopes.push()
        out = self.body(body, used)
        self.scopes.pop()
        return out

    def statement(self, expr: ast.Expr) -> ast.Expr | None:
        if expr.negated_body is not None:
            return self.negated_body(expr)
        terms = expr.terms
        kind = type(terms)
        if kind is list:
            if operator_name(expr) == "assign":
                return self.assignment(expr)
        elif kind is ast.SomeDecl:
            return self.some(expr)
        elif kind is ast.Every:
            return self.every(expr)
        elif kind is ast.Logical:
            return self.logical(expr)
        return self.expr(expr)

    def expr(self, expr: ast.Expr) -> ast.Expr:
        """Rename in an expression that declares nothing itself."""
        terms = expr.terms
        if expr.negated_body is not None:
            for inner in expr.negated_body:
                self.expr(inner)
        elif type(terms) is list:
            expr.terms = [self.term(term) for term in terms]
        elif type(terms) is ast.Logical:
            for inner in terms.left:
                self.expr(inner)
            for inner in terms.right:
                self.expr(inner)
        elif type(terms) is ast.Every:
            self.withs(expr)
            return expr
        else:
            expr.terms = self.term(terms)
        self.withs(expr)
        return expr

    def withs(self, expr: ast.Expr) -> None:
        for with_ in expr.with_:
            target = self.term(with_.target)
            # `input` keeps its meaning as a target even where a local hides it.
            hidden = self.scopes.declared("input")
            if type(target) is ast.Var:
                name = "input" if target.name == hidden else target.name
                target = ast.Ref([ast.Var(name, target.loc)], target.loc)
            elif hidden is not None:
                head = target.terms[0]
                if type(head) is ast.Var and head.name == hidden:
                    target.terms[0] = ast.Var("input", head.loc)
            with_.target = target
            with_.value = self.term(with_.value)

    # Statements

    def assignment(self, expr: ast.Expr) -> ast.Expr:
        terms = expr.terms
        assert type(terms) is list
        if expr.negated:
            self.error(_NEGATED, expr.loc)
            return expr
        if len(terms) != 3:
            return expr
        before = len(self.errors)
        terms[2] = self.term(terms[2])
        for with_ in expr.with_:
            with_.value = self.term(with_.value)
        terms[1] = self.target(terms[1])
        if len(self.errors) == before:
            loc = terms[0].loc
            terms[0] = ast.Ref([ast.Var("eq", loc)], loc)
            # Before OPA 1.18 the left side may bind the right one
            expr.from_assignment = not self.older
        return expr

    def target(self, term: Any) -> Any:
        """The left side of `:=`."""
        kind = type(term)
        if kind is ast.Var or is_root_document(term):
            name = term.name if kind is ast.Var else term.terms[0].name
            new = self.declare(name, Occurrence.ASSIGNED, term.loc)
            return term if new is None else ast.Var(new, term.loc)
        if kind is ast.Array:
            term.items = [self.target(item) for item in term.items]
        elif kind is ast.Object:
            term.items = [(key, self.target(value)) for key, value in term.items]
        else:
            self.error(f"cannot assign to {value_name(term)}", term.loc)
        return term

    def some(self, expr: ast.Expr) -> ast.Expr | None:
        decl = expr.terms
        assert type(decl) is ast.SomeDecl
        for symbol in decl.symbols:
            if type(symbol) is ast.Var:
                if self.declare(symbol.name, Occurrence.DECLARED, decl.loc) is None:
                    return None
            else:
                return self.some_in(expr, decl, symbol)
        return None

    def some_in(self, expr: ast.Expr, decl: ast.SomeDecl, call: Any) -> ast.Expr | None:
        *declared, collection = call.args
        value = declared[-1]
        key = declared[0] if len(declared) == 2 else self.gen.var(value.loc)
        bound = pattern_vars(key) | pattern_vars(value)
        domain: set[str] = set()
        collect_no_closures(collection, domain)
        clashes = [name for name in sorted(bound & domain) if not is_wildcard(name)]
        if clashes and not self.older:
            for name in clashes:
                self.error(f"var {name} assigned before", decl.loc)
            return None
        if type(collection) is ast.Ref:
            path = ast.Ref([*collection.terms, key], collection.loc)
        else:
            path = ast.Ref([collection, key], collection.loc)
        safe = all_vars(collection)
        expr = ast.Expr(
            [ast.Ref([ast.Var("eq", decl.loc)], decl.loc), value, path],
            expr.negated,
            expr.with_,
            expr.index,
            expr.generated,
            loc=expr.loc,
        )
        for name in sorted(equality_outputs(expr, safe)):
            if self.declare(name, Occurrence.DECLARED, decl.loc) is None:
                return None
        return self.expr(expr)

    def every(self, expr: ast.Expr) -> ast.Expr | None:
        every = expr.terms
        assert type(every) is ast.Every
        every.domain = self.term(every.domain)
        self.scopes.push()
        try:
            if every.key is None:
                every.key = self.gen.var(every.loc)
            elif not self.every_var(every.key):
                return None
            if not self.every_var(every.value):
                return None
            every.body = self.body(every.body, None)
            # A domain named like the variable it binds means that variable.
            every.domain = self.term(every.domain)
            return self.expr(expr)
        finally:
            self.scopes.pop()

    def every_var(self, var: Any) -> bool:
        if not is_wildcard(var.name):
            # OPA loses the place of `every` when it resolves refs.
            new = self.declare(var.name, Occurrence.DECLARED, ast.NO_LOCATION)
            if new is None:
                return False
            var.name = new
        return True

    def negated_body(self, expr: ast.Expr) -> ast.Expr:
        body = expr.negated_body
        assert body is not None
        if not expr.explicit_body:
            before = len(self.errors)
            self.implicit(body, _NEGATED)
            return expr if len(self.errors) > before else self.expr(expr)
        self.scopes.push()
        expr.negated_body = self.body(body, None)
        self.withs(expr)
        self.scopes.pop()
        return expr

    def logical(self, expr: ast.Expr) -> ast.Expr:
        logical = expr.terms
        assert type(logical) is ast.Logical
        message = _OPERAND.format(logical.op)
        before = len(self.errors)
        if logical.explicit_left:
            logical.left = self.scoped(logical.left)
        else:
            self.implicit(logical.left, message)
        if logical.explicit_right:
            logical.right = self.scoped(logical.right)
        else:
            self.implicit(logical.right, message)
        return expr if len(self.errors) > before else self.expr(expr)

    def implicit(self, body: ast.Body, message: str) -> None:
        """An operand without braces shares the scope and may not assign."""
        for i, expr in enumerate(body):
            if operator_name(expr) == "assign":
                self.error(message, expr.loc)
            elif expr.negated_body is not None:
                body[i] = self.negated_body(expr)
            elif type(expr.terms) is ast.Logical:
                body[i] = self.logical(expr)

    # Terms

    def term(self, term: Any) -> Any:
        """The term with its variables renamed (in place where possible)."""
        handler = _TERM.get(type(term))
        return term if handler is None else handler(self, term)

    def var(self, term: ast.Var) -> ast.Var:
        name = term.name
        scopes = self.scopes
        for scope in reversed(scopes.stack):
            new = scope.names.get(name)
            if new is not None:
                term.name = new
                scopes.seen(name)
                return term
        scopes.insert(name, name, Occurrence.SEEN)
        return term

    def ref(self, term: ast.Ref) -> ast.Term:
        terms = term.terms
        if len(terms) == 1 and is_root_document(term):
            name = terms[0].name  # type: ignore[union-attr]
            if self.scopes.anywhere(name) not in (Occurrence.NEW, Occurrence.SEEN):
                return ast.Var(self.scopes.declared(name) or name, term.loc)
            return term
        get = _TERM.get
        for i, part in enumerate(terms):
            handler = get(type(part))
            if handler is not None:
                terms[i] = handler(self, part)
        return term

    def call(self, term: ast.Call) -> ast.Call:
        for name in sorted(all_vars(term.operator)):
            new = self.scopes.declared(name)
            if new is not None and new != name:
                text = ref_text(term.operator)
                self.error(f"called function {text} shadowed", term.loc)
        operator = self.ref(term.operator)
        if type(operator) is ast.Ref:
            term.operator = operator
        term.args = [self.term(arg) for arg in term.args]
        return term

    def items(self, term: Any) -> Any:
        term.items = [self.term(item) for item in term.items]
        if type(term) is ast.Set:
            resort(term)
        return term

    def object(self, term: ast.Object) -> ast.Object:
        term.items = [(self.term(k), self.term(v)) for k, v in term.items]
        resort(term)
        return term

    def comprehension(self, term: Any) -> Any:
        is_object = type(term) is ast.ObjectComprehension
        used = term_vars(term.key, term.value) if is_object else term_vars(term.term)
        self.scopes.push()
        term.body = self.body(term.body, used)
        if is_object:
            term.key = self.term(term.key)
            term.value = self.term(term.value)
        else:
            term.term = self.term(term.term)
        self.scopes.pop()
        return term

    def template(self, term: ast.TemplateString) -> ast.TemplateString:
        for part in term.parts:
            if type(part) is ast.Expr:
                self.expr(part)
        return term

    def head_template(self, term: ast.TemplateString) -> None:
        """A template in a rule head: each hole has a scope of its own."""
        for part in term.parts:
            if type(part) is ast.Expr:
                self.scopes.push()
                self.expr(part)
                self.scopes.pop()


_TERM: dict[type, Callable[[LocalRewriter, Any], Any]] = {
    ast.Var: LocalRewriter.var,
    ast.Ref: LocalRewriter.ref,
    ast.Call: LocalRewriter.call,
    ast.Array: LocalRewriter.items,
    ast.Set: LocalRewriter.items,
    ast.Object: LocalRewriter.object,
    ast.TemplateString: LocalRewriter.template,
    **dict.fromkeys(COMPREHENSIONS, LocalRewriter.comprehension),
}


# Rules ----------------------------------------------------------------------


def head_may_have_vars(head: ast.Head) -> bool:
    """False when every part of the head is a scalar."""
    if head.key is not None and type(head.key) not in SCALARS:
        return True
    if head.value is not None and type(head.value) not in SCALARS:
        return True
    return any(type(arg) not in SCALARS for arg in head.args or ()) or any(
        type(term) not in SCALARS for term in head.reference.terms[1:]
    )


def _rename_args(state: State, scopes: Scopes, head: ast.Head) -> None:
    """Parameters get new names; patterns keep their shape."""

    def rename(term: Any) -> Any:
        kind = type(term)
        if kind is ast.Var:
            new = scopes.declared(term.name)
            if new is not None:
                scopes.seen(term.name)
            else:
                new = state.gen.name()
                scopes.insert(term.name, new, Occurrence.ARG)
            term.name = new
        elif kind is ast.Object:
            term.items = [(key, rename(value)) for key, value in term.items]
        elif kind is ast.Array:
            term.items = [rename(item) for item in term.items]
        elif kind is ast.Ref:
            term.terms = [rename(part) for part in term.terms]
        elif kind is ast.Call:
            state.fail(
                errors.Error(
                    errors.COMPILE_ERROR,
                    "rule arguments cannot contain calls",
                    term.loc,
                )
            )
        return term

    if head.args:
        head.args = [rename(arg) for arg in head.args]


def _nested_in_head(state: State, head: ast.Head) -> None:
    """Comprehensions and templates of a head, each with scopes of their own."""

    def visit(term: Any) -> None:
        kind = type(term)
        if kind in SCALARS or kind is ast.Var:
            return
        if kind in COMPREHENSIONS or kind is ast.TemplateString:
            options = state.options
            rewriter = LocalRewriter(
                state.gen, Scopes(), strict=options.strict, older=options.older
            )
            if kind is ast.TemplateString:
                rewriter.head_template(term)
            else:
                rewriter.comprehension(term)
            state.rewritten.update(rewriter.scopes.rewritten)
            state.fail(*rewriter.errors)
            state.note(*rewriter.scopes.unused)
            return
        if (kind is ast.Object or kind is ast.Set) and is_ground(term):
            return
        for child in children(term):
            visit(child)

    for term in children(head):
        visit(term)


def _rename_in_head(names: dict[str, str], term: Any) -> Any:
    """Variables of the body, wherever the head uses them."""
    kind = type(term)
    if kind is ast.Var:
        new = names.get(term.name)
        if new is not None and new != term.name:
            return ast.Var(new, term.loc)
        return term
    if kind in SCALARS:
        return term
    if kind is ast.Ref:
        term.terms = [_rename_in_head(names, part) for part in term.terms]
    elif kind is ast.Array or kind is ast.Set:
        term.items = [_rename_in_head(names, item) for item in term.items]
    elif kind is ast.Object:
        term.items = [
            (_rename_in_head(names, key), _rename_in_head(names, value))
            for key, value in term.items
        ]
    else:
        _rename_deep(names, term)
    return term


def _rename_deep(names: dict[str, str], node: Any) -> None:
    """In place below calls, closures and templates."""
    stack = [node]
    while stack:
        item = stack.pop()
        if type(item) is ast.Var:
            item.name = names.get(item.name, item.name)
        else:
            stack.extend(children(item))


def _builtin_names(state: State, scopes: Scopes, rule: ast.Rule) -> None:
    """A variable bound by unification and named like a built-in is renamed, so
    that no later stage takes it for the function."""
    candidates = safety_vars(rule.body) & state.builtins.keys()
    if not candidates:
        return
    hidden = declared_vars(rule.body)
    if "with" in state.features:
        for expr in exprs_in(rule):
            for with_ in expr.with_:
                hidden |= scope_vars(with_.target) | scope_vars(with_.value)
    for name in sorted(candidates - hidden):
        if scopes.declared(name) is None:
            scopes.insert(name, state.gen.name(), Occurrence.SEEN)


def _rewrite_branch(
    state: State, rule: ast.Rule, args: Scopes, unused_args: set[str]
) -> tuple[Scopes, list[errors.Error]]:
    head = rule.head
    has_vars = head_may_have_vars(head)
    used: set[str] = set()
    if has_vars:
        if state.features & {"comprehension", "template"}:
            _nested_in_head(state, head)
        used = term_vars(*head.reference.terms[1:], head.key)
        values = term_vars(head.value)
        used |= values
        unused_args -= values
    scopes = args.copy()
    _builtin_names(state, scopes, rule)
    rewriter = LocalRewriter(
        state.gen, scopes, strict=state.options.strict, older=state.options.older
    )
    rule.body = rewriter.body(rule.body, used)
    state.rewritten.update(scopes.rewritten)
    if has_vars:
        names = scopes.top.names
        head.args = head.args and [_rename_in_head(names, a) for a in head.args]
        head.reference.terms[1:] = [
            _rename_in_head(names, term) for term in head.reference.terms[1:]
        ]
        if head.key is not None:
            head.key = _rename_in_head(names, head.key)
        if head.value is not None:
            head.value = _rename_in_head(names, head.value)
    return scopes, rewriter.errors


def _rewrite_rule(state: State, rule: ast.Rule) -> None:
    strict = state.options.strict
    unused_args: set[str] = set()
    if strict:
        unused_args = term_vars(*(rule.head.args or ()))
    args = Scopes()
    _rename_args(state, args, rule.head)
    branch: ast.Rule | None = rule
    while branch is not None:
        scopes, found = _rewrite_branch(state, branch, args, unused_args)
        if not state.fail(*found) or not state.note(*scopes.unused):
            return
        unused_args -= {name for name in unused_args if scopes.count(name) > 1}
        branch = branch.else_
    for name in sorted(unused_args):
        if not is_wildcard(name):
            state.note(
                errors.Error(
                    errors.COMPILE_ERROR,
                    f"unused argument {name}."
                    " (hint: use _ (wildcard variable) instead)",
                    rule.head.loc,
                )
            )


def rewrite_local_vars(state: State) -> None:
    """RewriteLocalVars over all rules."""
    for module in state.modules.values():
        for rule in module.rules:
            _rewrite_rule(state, rule)

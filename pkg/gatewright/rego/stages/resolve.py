"""ResolveRefs: names of rules and imports become full refs.

    package a.b
    import data.foo.bar
    p := bar[x] if q          ->   p := data.foo.bar[x] if data.a.b.q

The stage copies everything it walks: the trees that came in stay untouched, and
every later stage owns what it rewrites.  On the way it notes which constructs
occur at all, so that later stages skip what is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from gatewright.rego import ast, errors
from gatewright.rego.order import compare, resort
from gatewright.rego.printer import ref_text
from gatewright.rego.stages.state import State
from gatewright.rego.stages.variables import all_vars
from gatewright.rego.stages.walk import (
    COMPREHENSIONS,
    RESERVED,
    finder,
    is_generated,
    is_root_document,
    operator_name,
)

__all__ = [
    "check_unused_imports",
    "copy_term",
    "declared_vars",
    "import_name",
    "import_text",
    "resolve_body",
    "resolve_modules",
]


def import_name(import_: ast.Import) -> str:
    """The name that an import binds."""
    if import_.alias:
        return import_.alias
    return _name(import_.path.terms[-1])


def _name(term: Any) -> str:
    """The text of a part of a path."""
    return term.name if type(term) is ast.Var else term.value


def import_text(import_: ast.Import) -> str:
    """An import as messages print it."""
    text = f"import {ref_text(import_.path)}"
    return f"{text} as {import_.alias}" if import_.alias else text


def _import_root(import_: ast.Import) -> str:
    head = import_.path.terms[0]
    return head.name if type(head) is ast.Var else ""


# Declarations ---------------------------------------------------------------


def declared_vars(body: Iterable[ast.Expr], out: set[str] | None = None) -> set[str]:
    """Variables that `:=` and `some` declare in a body.

    Bodies of `every`, of `not` and of logical operands count, those of
    comprehensions do not.
    """
    names: set[str] = set() if out is None else out
    for expr in body:
        if expr.negated_body is not None:
            declared_vars(expr.negated_body, names)
            continue
        terms = expr.terms
        kind = type(terms)
        if kind is list:
            if len(terms) == 3 and operator_name(expr) == "assign":  # type: ignore[arg-type]
                names |= all_vars(terms[1])  # type: ignore[index]
        elif kind is ast.SomeDecl:
            for symbol in terms.symbols:  # type: ignore[union-attr]
                if type(symbol) is ast.Var:
                    names.add(symbol.name)
                elif type(symbol) is ast.Call:
                    for arg in symbol.args[:-1]:
                        names |= all_vars(arg)
        elif kind is ast.Every:
            declared_vars(terms.body, names)  # type: ignore[union-attr]
        elif kind is ast.Logical:
            declared_vars(terms.left, names)  # type: ignore[union-attr]
            declared_vars(terms.right, names)  # type: ignore[union-attr]
    return names


# The copy -------------------------------------------------------------------


class _Resolver:
    """Copies terms, with global names replaced where nothing local hides them."""

    __slots__ = ("features", "globals", "hidden", "places", "used")

    def __init__(self, globals_: dict[str, ast.Ref], features: set[str]) -> None:
        self.globals = globals_
        self.places: dict[int, ast.Location] = {}
        self.features = features
        self.hidden: list[set[str]] = []
        self.used: set[str] = set()

    def lookup(self, name: str) -> ast.Ref | None:
        ref = self.globals.get(name)
        if ref is None:
            return None
        for names in self.hidden:
            if name in names:
                return None
        self.used.add(name)
        return ref

    def term(self, node: Any) -> Any:
        handler = _TERM.get(type(node))
        return node if handler is None else handler(self, node)

    def terms(self, nodes: Iterable[Any]) -> list[Any]:
        get = _TERM.get
        out = []
        for node in nodes:
            handler = get(type(node))
            out.append(node if handler is None else handler(self, node))
        return out

    def body(self, body: Iterable[ast.Expr]) -> list[ast.Expr]:
        return [self.expr(expr) for expr in body]

    def var(self, node: ast.Var) -> ast.Term:
        ref = self.lookup(node.name)
        if ref is None:
            return ast.Var(node.name, node.loc)
        return self.placed(ref, node)

    def placed(self, ref: ast.Ref, name: ast.Var) -> ast.Ref:
        """A copy of a global's ref at the place of the name that it replaces.

        The parts of all copies share one location, that of the last use of any
        rule of the package, or of the import: OPA reports what is wrong with such
        a ref there.
        """
        loc = name.loc
        source = id(ref.terms[0])
        place = self.places.get(source)
        if place is None:
            place = self.places[source] = replace(loc)
        else:
            place.source, place.row, place.col = loc.source, loc.row, loc.col
            place.offset, place.end = loc.offset, loc.end
        terms: list[Any] = []
        for term in ref.terms:
            if type(term) is ast.Var:
                terms.append(ast.Var(term.name, place))
            elif type(term) is ast.String:
                terms.append(ast.String(term.value, place))
            else:
                terms.append(term)
        return ast.Ref(terms, loc)

    def ref(self, node: ast.Ref) -> ast.Ref:
        get = _TERM.get
        out: list[Any] = []
        for term in node.terms:
            kind = type(term)
            if kind is ast.Var:
                ref = self.lookup(term.name)  # type: ignore[union-attr]
                if ref is None:
                    out.append(ast.Var(term.name, term.loc))  # type: ignore[union-attr]
                elif out:
                    out.append(self.placed(ref, term))  # type: ignore[arg-type]
                else:
                    out = self.placed(ref, term).terms  # type: ignore[arg-type]
            elif kind is ast.TemplateString:
                out.append(copy_term(term))
                self.features.add("template")
            else:
                handler = get(kind)
                out.append(term if handler is None else handler(self, term))
        return ast.Ref(out, node.loc)

    def call(self, node: ast.Call) -> ast.Call:
        operator = self.ref(node.operator)
        self.note_operator(operator)
        self.features.add("call_term")
        return ast.Call(operator, self.terms(node.args), node.loc)

    def note_operator(self, operator: ast.Ref) -> None:
        head = operator.terms[0]
        if type(head) is ast.Var and head.name in _NOTED_OPERATORS:
            self.features.add(head.name)

    def object(self, node: ast.Object) -> ast.Object:
        term = self.term
        new = ast.Object([(term(k), term(v)) for k, v in node.items], node.loc)
        # A name of a rule became a ref, which comes after every variable.
        resort(new)
        out = new.items
        # Equal keys stand together: the first stays, with the last value.
        for at in range(len(out) - 1, 0, -1):
            if not compare(out[at - 1][0], out[at][0]):
                out[at - 1 : at + 1] = [(out[at - 1][0], out[at][1])]
        return new

    def set(self, node: ast.Set) -> ast.Set:
        new = ast.Set(self.terms(node.items), node.loc)
        resort(new)
        return new

    def comprehension(self, node: Any) -> Any:
        self.features.add("comprehension")
        self.hidden.append(declared_vars(node.body))
        if type(node) is ast.ObjectComprehension:
            copy: Any = ast.ObjectComprehension(
                self.term(node.key), self.term(node.value), self.body(node.body)
            )
        else:
            copy = type(node)(self.term(node.term), self.body(node.body))
        copy.loc = node.loc
        self.hidden.pop()
        return copy

    def template(self, node: ast.TemplateString) -> ast.TemplateString:
        self.features.add("template")
        parts: list[Any] = [
            self.expr(part) if type(part) is ast.Expr else part for part in node.parts
        ]
        return ast.TemplateString(parts, node.multi_line, node.loc)

    def expr(self, node: ast.Expr) -> ast.Expr:
        terms = node.terms
        kind = type(terms)
        new: Any
        negated_body = None
        if node.negated_body is not None:
            self.features.add("not_body")
            new = terms
            negated_body = self.body(node.negated_body)
        elif kind is list:
            new = self.terms(terms)  # type: ignore[arg-type]
            self.note_operator(new[0])
        elif kind is ast.SomeDecl:
            new = self.some(terms)  # type: ignore[arg-type]
        elif kind is ast.Every:
            new = self.every(terms)  # type: ignore[arg-type]
        elif kind is ast.Logical:
            self.features.add("logical")
            new = ast.Logical(
                terms.op,  # type: ignore[union-attr]
                self.body(terms.left),  # type: ignore[union-attr]
                self.body(terms.right),  # type: ignore[union-attr]
                terms.loc,  # type: ignore[union-attr]
                terms.explicit_left,  # type: ignore[union-attr]
                terms.explicit_right,  # type: ignore[union-attr]
            )
        else:
            new = self.term(terms)
        with_: list[ast.With] = []
        if node.with_:
            self.features.add("with")
            for item in node.with_:
                target = self.ref(item.target)
                head, *more = target.terms
                if type(head) is ast.Var and not more and head.name not in RESERVED:
                    # A builtin of one word is nowhere from here on, in OPA
                    target.terms[0] = ast.Var(head.name, ast.NO_LOCATION)
                with_.append(ast.With(target, self.term(item.value), item.loc))
        return ast.Expr(
            new,
            node.negated,
            with_,
            node.index,
            node.generated,
            negated_body,
            node.loc,
            node.explicit_body,
        )

    def some(self, node: ast.SomeDecl) -> ast.SomeDecl:
        symbols: list[Any] = []
        for symbol in node.symbols:
            if type(symbol) is ast.Var:
                symbols.append(ast.Var(symbol.name, symbol.loc))
            else:
                symbols.append(self.term(symbol))
        return ast.SomeDecl(symbols, node.loc)

    def every(self, node: ast.Every) -> ast.Every:
        self.features.add("every")
        names = all_vars(node.value)
        if node.key is not None:
            names |= all_vars(node.key)
        self.hidden.append(names)
        copy = ast.Every(
            None if node.key is None else copy_term(node.key),
            copy_term(node.value),
            self.term(node.domain),
            self.body(node.body),
            node.loc,
        )
        self.hidden.pop()
        return copy


#: Operators that later stages look for by the head of their name.
_NOTED_OPERATORS = frozenset({"print", "equal", "rego", "assign"})

_TERM: dict[type, Callable[[_Resolver, Any], Any]] = {
    ast.Var: _Resolver.var,
    ast.Ref: _Resolver.ref,
    ast.Call: _Resolver.call,
    ast.Array: lambda self, node: ast.Array(self.terms(node.items), node.loc),
    ast.Set: lambda self, node: self.set(node),
    ast.Object: _Resolver.object,
    ast.TemplateString: _Resolver.template,
    **dict.fromkeys(COMPREHENSIONS, _Resolver.comprehension),
}


def copy_term(term: Any) -> Any:
    """A deep copy of a term that shares scalars, which no stage changes."""
    return _Resolver({}, set()).term(term)


# Rules ----------------------------------------------------------------------


class _ShadowedRoot(Exception):
    """A parameter is named like a root document."""


def _param_vars(node: Any, out: set[str]) -> None:
    """Variables of parameters: whatever a pattern can bind."""
    kind = type(node)
    if kind is ast.Var:
        out.add(node.name)
    elif kind is ast.Ref:
        if is_root_document(node):
            raise _ShadowedRoot(node.terms[0].name)
        for term in node.terms:
            _param_vars(term, out)
    elif kind is ast.Array:
        for item in node.items:
            _param_vars(item, out)
    elif kind is ast.Object:
        for key, value in node.items:
            _param_vars(value, out)
            _param_vars(key, out)


def _resolve_head(resolver: _Resolver, head: ast.Head) -> ast.Head:
    terms = head.reference.terms
    reference = [ast.Var(terms[0].name, terms[0].loc)]  # type: ignore[union-attr]
    reference += resolver.terms(terms[1:])
    return ast.Head(
        ast.Ref(reference, head.reference.loc),  # type: ignore[arg-type]
        None
        if head.args is None
        else _Resolver({}, resolver.features).terms(head.args),
        None if head.key is None else resolver.term(head.key),
        None if head.value is None else resolver.term(head.value),
        head.assign,
        head.generated_value,
        head.loc,
        shown_key=head.shown_key,
    )


def _resolve_rule(resolver: _Resolver, rule: ast.Rule) -> ast.Rule:
    """Raises `_ShadowedRoot`."""
    params: set[str] = set()
    for arg in rule.head.args or ():
        _param_vars(arg, params)
    resolver.hidden = [params, declared_vars(rule.body)]
    return ast.Rule(
        _resolve_head(resolver, rule.head),
        resolver.body(rule.body),
        rule.default,
        None,
        rule.generated_body,
        list(rule.annotations),
        None,
        rule.loc,
    )


def _resolve_chain(
    state: State, resolver: _Resolver, rule: ast.Rule, module: ast.Module
) -> ast.Rule:
    first: ast.Rule | None = None
    last: ast.Rule | None = None
    node: ast.Rule | None = rule
    while node is not None:
        try:
            copy = _resolve_rule(resolver, node)
        except _ShadowedRoot as shadowed:
            more = state.fail(
                errors.Error(
                    errors.COMPILE_ERROR,
                    f"args must not shadow {shadowed} (use a different variable name)",
                    node.loc,
                )
            )
            copy = node
            if more:
                node = None
                first = first or copy
                break
        copy.module = module
        state.copies[id(node)] = copy
        if last is None:
            first = copy
        else:
            last.else_ = copy
        last = copy
        node = node.else_
    assert first is not None
    return first


def package_globals(
    package: ast.Ref, rules: Iterable[str], imports: Iterable[ast.Import]
) -> dict[str, ast.Ref]:
    """What unqualified names stand for: rules of the package, then imports."""
    found: dict[str, ast.Ref] = {}
    for name in rules:
        if name not in found:
            found[name] = ast.Ref([*package.terms, ast.String(name)])
    for import_ in imports:
        if _import_root(import_) not in ("future", "rego"):
            found[import_name(import_)] = import_.path
    return found


def _package_key(module: ast.Module) -> tuple[str, ...]:
    return tuple(map(_name, module.package.path.terms))


def exported_names(
    modules: Iterable[ast.Module],
) -> dict[tuple[str, ...], dict[str, None]]:
    """First names of the rules of each package."""
    exports: dict[tuple[str, ...], dict[str, None]] = {}
    for module in modules:
        names = exports.setdefault(_package_key(module), {})
        for rule in module.rules:
            names[rule.head.name] = None
    return exports


_named: Final = finder(ast.Var, ast.Head)


def _generated_names(module: ast.Module) -> set[str]:
    """Names in the source that look like generated ones."""
    names: set[str] = set()
    for node in _named(module):
        if type(node) is ast.Var:
            names.add(node.name)
        else:
            names.update(var.name for var in _named(node.reference))
    return {name for name in names if is_generated(name)}


def resolve_modules(state: State) -> None:
    """ResolveRefs, on copies; collects the imports that nothing used (strict)."""
    exports = exported_names(state.modules.values())
    for source in state.modules.values():
        if source.source is None or "__local" in source.source.text:
            state.gen.taken |= _generated_names(source)
    for name, source in state.modules.items():
        resolver = _Resolver(
            package_globals(
                source.package.path, exports[_package_key(source)], source.imports
            ),
            state.features,
        )
        module = ast.Module(
            source.package,
            list(source.imports),
            [],
            source.comments,
            list(source.annotations),
            source.rego_version,
            source.source,
        )
        state.modules[name] = module
        module.rules = [
            _resolve_chain(state, resolver, rule, module) for rule in source.rules
        ]
        if state.options.strict:
            for import_ in source.imports:
                if _import_root(import_) in ("future", "rego"):
                    continue
                if import_name(import_) not in resolver.used:
                    state.unused_imports.append(import_)


def resolve_body(
    body: Sequence[ast.Expr],
    *,
    package: ast.Ref | None,
    rules: Iterable[str],
    imports: Sequence[ast.Import],
    features: set[str],
) -> list[ast.Expr]:
    """ResolveRefs for a query."""
    globals_: dict[str, ast.Ref] = {}
    if package is not None or imports:
        globals_ = package_globals(package or ast.Ref([]), rules, imports)
    resolver = _Resolver(globals_, features)
    resolver.hidden = [declared_vars(body)]
    return resolver.body(body)


def check_unused_imports(state: State) -> None:
    """CheckUnusedImports (strict)."""
    for import_ in state.unused_imports:
        error = errors.Error(
            errors.COMPILE_ERROR, f"{import_text(import_)} unused", import_.loc
        )
        if not state.note(error):
            break

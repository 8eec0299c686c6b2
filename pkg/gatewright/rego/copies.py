"""Deep copies of the tree; locations, being never changed later, are shared."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TypeVar

from gatewright.rego import ast
from gatewright.rego.stages.walk import rules_of

__all__ = [
    "copy_body",
    "copy_expr",
    "copy_head",
    "copy_module",
    "copy_rule",
    "copy_term",
]

T = TypeVar("T", bound=ast.Term)


def copy_term(term: T) -> T:
    """Return a deep copy of a term."""
    return _term(term)  # type: ignore[return-value]


def _term(term: ast.Term) -> ast.Term:
    loc = term.loc
    match term:
        case ast.Var(name=name):
            return ast.Var(name, loc)
        case ast.String(value=value):
            return ast.String(value, loc)
        case ast.Number(text=text):
            return ast.Number(text, loc)
        case ast.Boolean(value=flag):
            return ast.Boolean(flag, loc)
        case ast.Null():
            return ast.Null(loc)
        case ast.Ref(terms=terms):
            return ast.Ref([_term(t) for t in terms], loc)
        case ast.Call(operator=operator, args=args):
            return ast.Call(copy_term(operator), [_term(t) for t in args], loc)
        case ast.Array(items=items):
            return ast.Array([_term(t) for t in items], loc)
        case ast.Set(items=items):
            return ast.Set([_term(t) for t in items], loc)
        case ast.Object(items=pairs):
            return ast.Object([(_term(k), _term(v)) for k, v in pairs], loc)
        case ast.ArrayComprehension(term=head, body=body):
            return ast.ArrayComprehension(_term(head), copy_body(body), loc)
        case ast.SetComprehension(term=head, body=body):
            return ast.SetComprehension(_term(head), copy_body(body), loc)
        case ast.ObjectComprehension(key=key, value=item, body=body):
            return ast.ObjectComprehension(
                _term(key), _term(item), copy_body(body), loc
            )
        case ast.TemplateString(parts=parts, multi_line=multi_line):
            return ast.TemplateString(
                [
                    copy_expr(p) if isinstance(p, ast.Expr) else copy_term(p)
                    for p in parts
                ],
                multi_line,
                loc,
            )
    raise TypeError(f"no copy for {type(term).__name__}")


def copy_body(body: ast.Body) -> ast.Body:
    """Return a deep copy of a body."""
    return [copy_expr(expr) for expr in body]


def copy_expr(expr: ast.Expr) -> ast.Expr:
    """Return a deep copy of one expression."""
    negated = expr.negated_body
    return ast.Expr(
        _expr_terms(expr.terms),
        negated=expr.negated,
        with_=[
            ast.With(copy_term(mod.target), _term(mod.value), mod.loc)
            for mod in expr.with_
        ],
        index=expr.index,
        generated=expr.generated,
        negated_body=None if negated is None else copy_body(negated),
        loc=expr.loc,
        explicit_body=expr.explicit_body,
        from_assignment=expr.from_assignment,
    )


def _expr_terms(
    terms: ast.Term | list[ast.Term] | ast.SomeDecl | ast.Every | ast.Logical,
) -> ast.Term | list[ast.Term] | ast.SomeDecl | ast.Every | ast.Logical:
    match terms:
        case list():
            return [_term(t) for t in terms]
        case ast.SomeDecl(symbols=symbols, loc=loc):
            return ast.SomeDecl([_term(t) for t in symbols], loc)
        case ast.Every(key=key, value=value, domain=domain, body=body, loc=loc):
            return ast.Every(
                None if key is None else _term(key),
                _term(value),
                _term(domain),
                copy_body(body),
                loc,
            )
        case ast.Logical():
            return ast.Logical(
                terms.op,
                copy_body(terms.left),
                copy_body(terms.right),
                terms.loc,
                explicit_left=terms.explicit_left,
                explicit_right=terms.explicit_right,
            )
        case _:
            return _term(terms)


def copy_head(head: ast.Head) -> ast.Head:
    """Return a deep copy of a rule head."""
    return ast.Head(
        copy_term(head.reference),
        args=None if head.args is None else [_term(t) for t in head.args],
        key=None if head.key is None else _term(head.key),
        value=None if head.value is None else _term(head.value),
        assign=head.assign,
        generated_value=head.generated_value,
        loc=head.loc,
        keywords=head.keywords,
        shows_name=head.shows_name,
        shown_key=None if head.shown_key is None else _term(head.shown_key),
    )


def copy_rule(rule: ast.Rule, module: ast.Module | None = None) -> ast.Rule:
    """Return a deep copy of a rule and its `else` branches, owned by `module`."""
    branches = []
    branch: ast.Rule | None = rule
    while branch is not None:
        branches.append(
            ast.Rule(
                copy_head(branch.head),
                copy_body(branch.body),
                default=branch.default,
                generated_body=branch.generated_body,
                annotations=list(branch.annotations),
                module=module or branch.module,
                loc=branch.loc,
            )
        )
        branch = branch.else_
    for before, after in pairwise(branches):
        before.else_ = after
    return branches[0]


def copy_module(module: ast.Module) -> ast.Module:
    """Return a module of its own: compile stages may change it in place.

    Source and comments are shared, for no stage changes them.
    """
    package = ast.Package(copy_term(module.package.path), module.package.loc)
    out = ast.Module(
        package,
        [
            ast.Import(copy_term(item.path), item.alias, item.loc, item.alias_loc)
            for item in module.imports
        ],
        [],
        comments=list(module.comments),
        rego_version=module.rego_version,
        source=module.source,
    )
    out.rules = [copy_rule(rule, out) for rule in module.rules]
    if module.annotations:
        _copy_annotations(module, out)
    return out


def _copy_annotations(module: ast.Module, out: ast.Module) -> None:
    """Give the copy blocks that stand above its own package and rules."""
    targets: dict[int, ast.Package | ast.Rule] = {id(module.package): out.package}
    targets.update(zip(map(id, rules_of(module)), rules_of(out), strict=True))
    notes = {}
    for note in module.annotations:
        target = targets.get(id(note.target), note.target)
        notes[id(note)] = replace(note, target=target)
    out.annotations = list(notes.values())
    for new in targets.values():
        if isinstance(new, ast.Rule):
            new.annotations = [notes.get(id(n), n) for n in new.annotations]

"""ParseMetadataBlocks, SetAnnotationSet and RewriteRegoMetadataCalls.

`rego.metadata.rule()` and `rego.metadata.chain()` are constants of the rule they
stand in:

    p if { chain := rego.metadata.chain() }
      ->  p if { a = [{"path": ["t", "p"], "annotations": {...}}]; chain = a }
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from gatewright.rego import annotations as notes_of
from gatewright.rego import ast, errors
from gatewright.rego.parser import parse_ref
from gatewright.rego.rule_tree import term_key
from gatewright.rego.stages.conflicts import place
from gatewright.rego.stages.state import State, left, loc_order
from gatewright.rego.stages.trees import ground_prefix, rule_ref
from gatewright.rego.stages.walk import bodies_of, exprs_in, operator_name, rules_of

__all__ = [
    "AnnotationSet",
    "parse_metadata_blocks",
    "rewrite_metadata_calls",
    "set_annotation_set",
]

_CHAIN = "rego.metadata.chain"
_RULE = "rego.metadata.rule"


def _path_key(terms: list[ast.Term]) -> tuple[Hashable, ...]:
    return tuple(map(term_key, terms))


class AnnotationSet:
    """Metadata blocks by what they are attached to."""

    __slots__ = ("documents", "packages", "rules", "subpackages")

    def __init__(self) -> None:
        self.rules: dict[int, list[ast.Annotations]] = {}
        self.documents: dict[tuple[Hashable, ...], ast.Annotations] = {}
        self.packages: dict[tuple[Hashable, ...], ast.Annotations] = {}
        self.subpackages: dict[tuple[Hashable, ...], ast.Annotations] = {}

    def add(self, note: ast.Annotations, target: Any) -> ast.Annotations | None:
        """Add a block; answers the one that already has its place, if any."""
        if note.scope == "rule":
            if isinstance(target, ast.Rule):
                self.rules.setdefault(id(target), []).append(note)
            return None
        if note.scope == "document" and isinstance(target, ast.Rule):
            key = _path_key(ground_prefix(rule_ref(target)))
            found = self.documents.setdefault(key, note)
        elif isinstance(target, ast.Package):
            scoped = self.packages if note.scope == "package" else self.subpackages
            found = scoped.setdefault(_path_key(target.path.terms), note)
        else:
            return None
        return None if found is note else found

    def of_rule(self, rule: ast.Rule) -> list[ast.Annotations]:
        """The blocks of rule scope above a rule, nearest first."""
        notes = self.rules.get(id(rule), [])
        return sorted(notes, key=lambda note: loc_order(note.loc), reverse=True)

    def chain(
        self, rule: ast.Rule
    ) -> list[tuple[list[ast.Term], ast.Annotations | None]]:
        """(path, block) from the rule outward; the rule itself always leads."""
        assert rule.module is not None
        path = ground_prefix(rule_ref(rule))
        package = rule.module.package.path.terms
        chain: list[tuple[list[ast.Term], ast.Annotations | None]] = [
            (path, note) for note in self.of_rule(rule)
        ] or [(path, None)]
        document = self.documents.get(_path_key(path))
        if document is not None:
            chain.append((path, document))
        own = self.packages.get(_path_key(package))
        if own is not None:
            chain.append((package, own))
        for end in range(len(package), 0, -1):
            around = self.subpackages.get(_path_key(package[:end]))
            if around is not None:
                chain.append((package[:end], around))
        return chain


def _calls_metadata(node: Any) -> bool:
    return any(operator_name(expr) in (_CHAIN, _RULE) for expr in exprs_in(node))


def parse_metadata_blocks(state: State) -> None:
    """ParseMetadataBlocks: read the comments, where calls need them."""
    if "rego" not in state.features:
        return
    if not any(map(_calls_metadata, state.modules.values())):
        return
    for module in state.modules.values():
        if module.annotations:
            continue
        notes, findings = notes_of.parse(module.comments, parse_ref)
        module.annotations = notes
        state.fail(
            *(errors.Error(errors.PARSE_ERROR, text, loc) for loc, text in findings)
        )
        state.fail(*notes_of.attach(module))


def set_annotation_set(state: State) -> None:
    """SetAnnotationSet: blocks by target; one for a document, package, ..."""
    found = AnnotationSet()
    for module in state.modules.values():
        for note in module.annotations:
            other = found.add(note, state.copies.get(id(note.target), note.target))
            if other is not None:
                state.fail(
                    errors.Error(
                        errors.TYPE_ERROR,
                        f"{note.scope} annotation redeclared: {place(other.loc)}",
                        note.loc,
                    )
                )
    state.annotations = found


# Terms ----------------------------------------------------------------------


def _term(value: Any) -> Any:
    """A value read from YAML as a constant term."""
    if value is None:
        return ast.Null()
    if isinstance(value, bool):
        return ast.Boolean(value)
    if isinstance(value, str):
        return ast.String(value)
    if isinstance(value, int):
        return ast.Number(str(value))
    if isinstance(value, float):
        return ast.Number(str(int(value)) if value.is_integer() else repr(value))
    if isinstance(value, ast.Ref):
        return _path(value.terms)
    if isinstance(value, dict):
        return ast.Object([(ast.String(k), _term(v)) for k, v in value.items()])
    return ast.Array([_term(item) for item in value])


def _path(terms: list[ast.Term]) -> ast.Array:
    return ast.Array(
        [
            ast.String(term.name, term.loc) if type(term) is ast.Var else term
            for term in terms
        ]
    )


def _note_term(note: ast.Annotations) -> ast.Object:
    data = {key: value for key, value in note.data.items() if key != "compile"}
    authors = [
        {key: text for key, text in author.items() if text}
        for author in data.get("authors", ())
    ]
    if authors:
        data["authors"] = authors
    return _term(data)


def _chain_term(
    chain: list[tuple[list[ast.Term], ast.Annotations | None]],
) -> ast.Array:
    links: list[Any] = []
    for path, note in chain:
        items: list[tuple[Any, Any]] = [(ast.String("path"), _path(path[1:]))]
        if note is not None:
            items.append((ast.String("annotations"), _note_term(note)))
        links.append(ast.Object(items))
    return ast.Array(links)


# Calls ----------------------------------------------------------------------


def _replace(body: ast.Body, names: dict[str, str]) -> None:
    for i, expr in enumerate(body):
        name = names.get(operator_name(expr))
        if name is None:
            continue
        terms = expr.terms
        assert type(terms) is list
        var = ast.Var(name, expr.loc)
        new: Any = var
        if len(terms) > 1:
            loc = expr.loc
            new = [ast.Ref([ast.Var("eq", loc)], loc), terms[1], var]
        body[i] = ast.Expr(new, index=i, generated=True, loc=expr.loc)


def _rewrite_rule(state: State, rule: ast.Rule) -> None:
    parts = [rule.head, *rule.body]
    calls = {
        operator_name(expr): expr
        for expr in reversed([e for part in parts for e in exprs_in(part)])
    }
    found: AnnotationSet = state.annotations
    names: dict[str, str] = {}
    before: ast.Body = []
    for name in (_CHAIN, _RULE):
        if name not in calls or name not in state.builtins:
            continue
        term: Any
        if name == _CHAIN:
            term = _chain_term(found.chain(rule))
        else:
            notes = found.of_rule(rule)
            term = _note_term(notes[0]) if notes else ast.Object([])
        term.loc = calls[name].loc
        bind = state.gen.bind(term)
        names[name] = left(bind).name
        before.append(bind)
    if not names:
        return
    rule.body[:0] = before
    for i, expr in enumerate(rule.body):
        expr.index = i
    for part in parts:
        for owner, attribute in bodies_of(part):
            _replace(getattr(owner, attribute), names)
    _replace(rule.body, names)


def rewrite_metadata_calls(state: State) -> None:
    """RewriteRegoMetadataCalls over all rules."""
    if "rego" not in state.features:
        return
    for module in filter(_calls_metadata, state.modules.values()):
        for rule in rules_of(module):
            _rewrite_rule(state, rule)

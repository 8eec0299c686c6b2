"""Rego source of a template: which modules, what they may refer to.

The template's own module becomes package `template`; its libraries, which must
lie below `lib`, move below `data.libs`, so that those of two templates never
meet.  Imports and references to `data` are checked and rewritten exactly as
Gatekeeper's constraint framework does it, shallowness included: only a reference
that stands by itself in a head, an expression or an operand of a call is moved.
One inside an array, an object, a comprehension or a nested call is not, and so
finds nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gatewright.builtins.types import ANY, STRING, AnyType, ObjectType, SetType, Type
from gatewright.constraints import dialect
from gatewright.constraints.faults import IngestError
from gatewright.constraints.template import CEL, REGO, Code, Template
from gatewright.k8s import meta
from gatewright.rego import ast, parser, printer
from gatewright.rego.copies import copy_module
from gatewright.rego.errors import RegoErrors
from gatewright.rego.stages import walk
from gatewright.rego.types_env import TypeEnv

__all__ = [
    "ENTRYPOINT",
    "HOOK",
    "HOOK_MODULE",
    "RegoSource",
    "has_messages",
    "modules_of",
    "source_of",
]

#: What is evaluated for each constraint.
ENTRYPOINT: Final = "data.template.violation"
_PREFIX: Final = "invalid ConstraintTemplate: "
_outermost_refs: Final = walk.finder(ast.Ref, outermost=True)
_LIB: Final = ("lib",)
_INVENTORY: Final = ("inventory",)

#: Name under which the module below appears in errors.
HOOK_MODULE: Final = "hooks.hooks_builtin"
#: Reads a violation the way the review does.  It is compiled with every template
#: so that one whose results can have no message is refused.  Errors name its
#: rows: what calls the template is row 15, `details` row 20, `msg` row 21.
HOOK: Final = "\n".join(
    (
        "package hooks",
        *[""] * 9,
        "violation[response] {",
        "  key := input.constraints[_]",
        '  call := {"review": input.review, "parameters": data.constraints[key]}',
        "",
        "  data.template.violation[r] with input as call",
        "",
        "  response := {",
        '    "key": key,',
        "",
        '    "details": object.get(r, "details", {}),',
        '    "msg": r.msg,',
        "  }",
        "}",
        "",
    )
)


#: What the hook reads.
_VIOLATION: Final = ast.Ref(
    [ast.Var("data"), ast.String("template"), ast.String("violation")]
)


def has_messages(types: TypeEnv) -> bool:
    """Tell whether the hook finds nothing to refuse, by the types of a template that
    was compiled without it.  False: compile it with the hook, to see.

    A seventh of all compiling is the hook's, always the same, and it adds nothing to
    what is planned.
    """
    found = types.ref(_VIOLATION)
    return isinstance(found, SetType) and _has_message(found.of)


def _has_message(of: Type) -> bool:
    if isinstance(of, ObjectType):
        if any(key == "msg" for key, _ in of.static):
            return True
        return of.dynamic is not None and of.dynamic[0] in (ANY, STRING)
    return isinstance(of, AnyType) and all(map(_has_message, of.of))


@dataclass(frozen=True, slots=True)
class RegoSource:
    """Rego text of a template; `version` is that of the language, 0 or 1."""

    text: str
    libs: tuple[str, ...]
    version: int


def source_of(template: Template) -> RegoSource:
    """Return the Rego source, or raise IngestError that says why there is none."""
    target = template.targets[0]
    code = target.code_of(REGO)
    if code is not None:
        return _read(code)
    if target.code_of(CEL) is not None:
        raise IngestError(
            f'the code of ConstraintTemplate "{template.name}" is for engine {CEL} alone, '
            f"which is not supported yet: available drivers: map[{REGO}:1]"
        )
    raise IngestError(
        "no language driver is installed that handles this constraint template: "
        f'available drivers: map[{REGO}:1], wanted ""'
    )


def _read(code: Code) -> RegoSource:
    source = code.source
    if source is None:
        raise IngestError("rego source missing required field: source")
    if not isinstance(source, dict):
        raise IngestError("could not recognize the type")
    text = _field(meta.nested_string, source, "rego", "source")
    if text is meta.MISSING:
        raise IngestError("rego source missing required field: rego")
    version = _field(meta.nested_string, source, "version", "version")
    libs = _field(meta.nested_string_list, source, "libs", "libs")
    return RegoSource(
        text, () if libs is meta.MISSING else tuple(libs), 1 if version == "v1" else 0
    )


def _field(
    read: Callable[..., Any], source: dict[str, Any], name: str, what: str
) -> Any:
    try:
        return read(source, name)
    except meta.AccessorError as error:
        raise IngestError(f"{error}: while extracting Rego {what}") from None


def modules_of(
    source: RegoSource, *, referential: bool = True
) -> dict[str, ast.Module]:
    """Return checked and rewritten modules by name, or raise IngestError.

    `referential`: whether code may read `data.inventory`.
    """
    entry = _parse("template", source.text, source.version)
    entry.package.path = ast.Ref([ast.Var("data"), ast.String("template")])
    if not any(_defines_violation(rule) for rule in entry.rules):
        raise IngestError(
            f"{_PREFIX}invalid rego: invalid module: missing required rules: [violation]"
        )
    libs = {
        (name := f'libs["lib_{index}"]'): copy_module(
            _parse_lib(name, text, source.version)
        )
        for index, text in enumerate(source.libs)
    }
    allowed = (_INVENTORY, _LIB) if referential else (_LIB,)
    _check([*libs.items(), ("template", entry)], libs, allowed)
    for module in libs.values():
        module.package.path = _moved(module.package.path, referential=referential)
    for module in (*libs.values(), entry):
        _rewrite(module, referential=referential)
    return {f"template{i}": one for i, one in enumerate((entry, *libs.values()))}


@functools.lru_cache(maxsize=64)
def _parse_lib(name: str, text: str, version: int) -> ast.Module:
    """As `_parse`; many templates carry the same libs, so this must not be changed."""
    return _parse(name, text, version)


def _parse(name: str, text: str, version: int) -> ast.Module:
    try:
        return parser.parse_module(
            name, text, version=version, capabilities=dialect.capabilities()
        )
    except RegoErrors as error:
        raise IngestError(_PREFIX + str(error)) from None


def _defines_violation(rule: ast.Rule) -> bool:
    head = rule.head
    return head.name == "violation" and (
        len(head.reference.terms) == 1 or head.shows_name
    )


def _is_data(ref: ast.Ref) -> bool:
    head = ref.terms[0] if ref.terms else None
    return isinstance(head, ast.Var) and head.name == "data"


def _below(ref: ast.Ref, path: Sequence[str]) -> bool:
    """Tell whether a ref is `data.<path>` or something below it."""
    if not _is_data(ref) or len(ref.terms) <= len(path):
        return False
    return all(
        isinstance(term, ast.String) and term.value == name
        for term, name in zip(ref.terms[1:], path, strict=False)
    )


def _check(
    modules: Sequence[tuple[str, ast.Module]],
    libs: dict[str, ast.Module],
    allowed: Sequence[Sequence[str]],
) -> None:
    for lib in libs.values():
        path = lib.package.path
        if not _below(path, _LIB) or len(path.terms) == 2:
            text = printer.ref_text(path)
            raise IngestError(
                f"{_PREFIX}invalid lib prefix: path {text} not found in lib prefixes"
            )
    for _, module in modules:
        for one in module.imports:
            _check_import(one.path)
    for name, module in modules:
        bad = [ref for rule in module.rules for ref in _outer_refs(rule)]
        bad = [
            ref
            for ref in bad
            if _is_data(ref) and not any(_below(ref, p) for p in allowed)
        ]
        if bad:
            lines = "".join(f"disallowed ref {printer.ref_text(ref)}\n" for ref in bad)
            raise IngestError(
                f"{_PREFIX}invalid data references: check refs failed on module "
                f"{{{name}}}: errors ({len(bad)}):\n{lines}"
            )


def _check_import(path: ast.Ref) -> None:
    head = path.terms[0]
    name = head.name if isinstance(head, ast.Var) else ""
    text = printer.ref_text(path)
    if name == "input":
        raise IngestError(f'{_PREFIX}invalid import: cannot import input: "{text}"')
    if not _below(path, _LIB) and name != "future":
        raise IngestError(f'{_PREFIX}invalid import: bad import: "{text}"')


def _outer_refs(rule: ast.Rule) -> Iterator[ast.Ref]:
    """Yield the refs of a rule that are not inside another ref."""
    # A head's own reference is a place, not a reading.
    for part in _parts(rule):
        yield from _outermost_refs(part)


def _parts(rule: ast.Rule) -> Iterator[Any]:
    head = rule.head
    yield from head.args or ()
    yield from (part for part in (head.key, head.value) if part is not None)
    yield from rule.body
    if rule.else_ is not None:
        yield from _parts(rule.else_)


def _moved(ref: ast.Ref, *, referential: bool) -> ast.Ref:
    if not _is_data(ref) or (referential and _below(ref, _INVENTORY)):
        return ref
    return ast.Ref([ref.terms[0], ast.String("libs"), *ref.terms[1:]], loc=ref.loc)


def _rewrite(module: ast.Module, *, referential: bool) -> None:
    def move(term: Any) -> Any:
        return (
            _moved(term, referential=referential) if isinstance(term, ast.Ref) else term
        )

    for one in module.imports:
        one.path = move(one.path)
    for rule in module.rules:
        _rewrite_rule(rule, move)


def _rewrite_rule(rule: ast.Rule, move: Callable[[Any], Any]) -> None:
    head = rule.head
    if head.args is not None:
        head.args = [move(term) for term in head.args]
    if head.key is not None:
        head.key = move(head.key)
    if head.value is not None:
        head.value = move(head.value)
    _rewrite_body(rule.body, move)
    if rule.else_ is not None:
        _rewrite_rule(rule.else_, move)


def _rewrite_body(body: ast.Body, move: Callable[[Any], Any]) -> None:
    for expr in body:
        terms = expr.terms
        if isinstance(terms, list):
            expr.terms = [move(term) for term in terms]
        elif isinstance(terms, ast.SomeDecl):
            terms.symbols = [move(term) for term in terms.symbols]
        elif isinstance(terms, ast.Every):
            terms.domain = move(terms.domain)
            _rewrite_body(terms.body, move)
        elif isinstance(terms, ast.Logical):
            _rewrite_body(terms.left, move)
            _rewrite_body(terms.right, move)
        else:
            expr.terms = move(terms)
        for one in expr.with_:
            one.target = move(one.target)
            one.value = move(one.value)
        if expr.negated_body is not None:
            _rewrite_body(expr.negated_body, move)

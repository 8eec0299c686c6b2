"""Metadata comments: finding the blocks, reading them, attaching them to rules.

A comment in column 1 that starts with `METADATA` opens a block; the comments of
the lines directly below, also in column 1, are its YAML.  The block belongs to
the next package, import or rule below it; a rule collects the `document` blocks
of its path and the `rule` blocks above it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

from gatewright.rego import ast, printer
from gatewright.rego.errors import PARSE_ERROR, Error, RegoErrors
from gatewright.rego.parser_rules import is_ground
from gatewright.rego.quoting import quote

__all__ = ["attach", "parse"]

#: A place and what is wrong there.
Finding: TypeAlias = tuple[ast.Location, str]
TermParser: TypeAlias = Callable[[str], ast.Term]

_SHAPE: Final = {
    "scope": "string",
    "title": "string",
    "entrypoint": "bool",
    "description": "string",
    "organizations": "[]string",
    "related_resources": "[]interface {}",
    "authors": "[]interface {}",
    "schemas": "[]map[string]interface {}",
    "compile": "map[string]interface {}",
    "custom": "map[string]interface {}",
    "labels": "map[string]interface {}",
}
_PACKAGE_SCOPES: Final = ("package", "subpackages")
_RULE_SCOPES: Final = ("rule", "document")


class _Wrong(Exception):
    """A value of a block is not what it has to be."""


def parse(
    comments: Sequence[ast.Comment], parse_term: TermParser
) -> tuple[list[ast.Annotations], list[Finding]]:
    """Return the blocks among a module's comments, and what is wrong with them.

    `parse_term` reads the refs that blocks may hold; it is the parser's.
    """
    found: list[ast.Annotations] = []
    findings: list[Finding] = []
    block: list[ast.Comment] = []
    for comment in comments:
        opens = comment.loc.col == 1 and comment.text.strip().startswith("METADATA")
        if block and (
            opens or comment.loc.col != 1 or comment.loc.row != block[-1].loc.row + 1
        ):
            _read(block, found, findings, parse_term)
            block = []
        if opens or block:
            block.append(comment)
    if block:
        _read(block, found, findings, parse_term)
    return found, findings


def _read(
    block: list[ast.Comment],
    found: list[ast.Annotations],
    findings: list[Finding],
    parse_term: TermParser,
) -> None:
    loc = block[0].loc
    lines = [comment.text.removeprefix(" ") for comment in block[1:]]
    text = "\n".join(lines)
    if not text.strip():
        findings.append((loc, "expected METADATA block, found whitespace"))
        return
    # Few modules have annotations, and the YAML library takes a while to import.
    from gatewright.rego.annotation_yaml import YamlError, load

    try:
        raw = load(text + "\n", _SHAPE)
    except YamlError as error:
        at = min(error.line, len(lines) - 1) + 1
        findings.append((block[at].loc, str(error) + _hint(block[1:])))
        return
    try:
        data = _normal(raw, parse_term)
    except _Wrong as error:
        findings.append((loc, str(error)))
        return
    # The comment's place is the block's place: OPA shows the whole text for both,
    # written anew from the lines.
    shown = "\n".join(["# METADATA", *(f"# {line}" for line in lines)])
    loc.source, loc.offset, loc.end = ast.Source(loc.file, shown), 0, len(shown)
    found.append(ast.Annotations(data.get("scope", ""), data, loc))


def _hint(comments: Sequence[ast.Comment]) -> str:
    """Point out colons that no YAML blank follows, a common slip."""
    out = ""
    for comment in comments:
        parts = comment.text.split(":")[1:]
        symbols = []
        for index, part in enumerate(parts):
            if not part and index == len(parts) - 1:
                break
            if part[:1] in (" ", "\t"):
                break
            symbols.append(_rune(part[:1] or "\ufffd"))
        if symbols:
            out += (
                f"\n  Hint: on line {comment.loc.row}, symbol(s)"
                f" [{' '.join(symbols)}] immediately following a key/value separator"
                " ':' is not a legal yaml space character"
            )
    return out


def _rune(char: str) -> str:
    """Quote a character as Go's `%+q` does."""
    if " " <= char <= "~":
        return f"'\\{char}'" if char in "'\\" else f"'{char}'"
    code = ord(char)
    if code < 0x80:
        return f"'\\x{code:02x}'"
    return f"'\\u{code:04x}'" if code < 0x10000 else f"'\\U{code:08x}'"


# The normal form ------------------------------------------------------------


def _normal(raw: dict[str, Any], parse_term: TermParser) -> dict[str, Any]:
    """Return the known keys in their normal form, without the empty ones."""
    out: dict[str, Any] = {
        key: raw[key] for key in ("scope", "title", "description") if raw.get(key)
    }
    if raw.get("entrypoint"):
        out["entrypoint"] = True
    if raw.get("organizations"):
        out["organizations"] = [item or "" for item in raw["organizations"]]
    _items(raw, out, "related_resources", "related-resource", _resource)
    if "compile" in raw:
        out["compile"] = _compile(raw["compile"], parse_term)
    if raw.get("schemas"):
        out["schemas"] = [_schema(item, parse_term) for item in raw["schemas"]]
    _items(raw, out, "authors", "author", _author)
    for key in ("custom", "labels"):
        if raw.get(key):
            out[key] = {name: _text_keys(value, ()) for name, value in raw[key].items()}
    return out


def _items(
    raw: dict[str, Any],
    out: dict[str, Any],
    key: str,
    name: str,
    reader: Callable[[Any], dict[str, Any]],
) -> None:
    for item in raw.get(key) or ():
        try:
            found = reader(_text_keys(item, ()))
        except _Wrong as error:
            shown = _go(item)
            raise _Wrong(f"invalid {name} definition {shown}: {error}") from None
        out.setdefault(key, []).append(found)


def _text_keys(value: Any, path: tuple[str, ...]) -> Any:
    """Refuse mappings with keys that are not strings."""
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise _Wrong(f"invalid map key type(s): {'/'.join(path)}")
            _text_keys(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _text_keys(item, (*path, str(index)))
    return value


def _go(value: Any) -> str:
    """Return a value as Go's `%s` prints it."""
    if isinstance(value, dict):
        inner = " ".join(f"{key}:{_go(value[key])}" for key in sorted(value, key=str))
        return f"map[{inner}]"
    if isinstance(value, list):
        return "[" + " ".join(map(_go, value)) + "]"
    if isinstance(value, str):
        return value
    if value is None:
        return "%!s(<nil>)"
    kind = {bool: "bool", int: "int", float: "float64"}[type(value)]
    return f"%!s({kind}={str(value).lower() if kind == 'bool' else value})"


def _field(item: dict[str, Any], key: str) -> str:
    value = item.get(key)
    return value.strip() if isinstance(value, str) else ""


def _resource(item: Any) -> dict[str, Any]:
    if isinstance(item, str):
        if not item:
            raise _Wrong("ref URL may not be empty string")
        return {"ref": item}
    if isinstance(item, dict):
        ref, description = _field(item, "ref"), _field(item, "description")
        if not ref:
            raise _Wrong("'ref' value required in object")
        return {"ref": ref} | ({"description": description} if description else {})
    raise _Wrong("invalid value type, must be string or map")


def _author(item: Any) -> dict[str, Any]:
    if isinstance(item, str):
        words = item.split()
        if not words:
            raise _Wrong("author is an empty string")
        email = ""
        if words[-1].startswith("<") and words[-1].endswith(">"):
            email = words.pop()[1:-1]
        name = " ".join(words)
    elif isinstance(item, dict):
        name, email = _field(item, "name"), _field(item, "email")
        if not name and not email:
            raise _Wrong("'name' and/or 'email' values required in object")
    else:
        raise _Wrong("invalid value type, must be string or map")
    return {"name": name} | ({"email": email} if email else {})


def _compile(raw: dict[str, Any], parse_term: TermParser) -> dict[str, Any]:
    out: dict[str, Any] = {}
    unknowns = raw.get("unknowns")
    if isinstance(unknowns, list) and unknowns:
        out["unknowns"] = []
        for item in unknowns:
            if isinstance(item, str):
                try:
                    out["unknowns"].append(_ref(item, parse_term))
                except _Wrong as error:
                    quoted = quote(item)
                    raise _Wrong(
                        f"invalid unknowns element {quoted}: {error}"
                    ) from None
    mask = raw.get("mask_rule")
    if isinstance(mask, str):
        quoted = quote(mask)
        try:
            term = parse_term(mask)
        except RegoErrors as error:
            raise _Wrong(f"invalid mask_rule annotation {quoted}: {error}") from None
        if not isinstance(term, ast.Ref | ast.Var | ast.String):
            raise _Wrong(f"invalid mask_rule annotation type {quoted}: string")
        out["mask_rule"] = term if isinstance(term, ast.Ref) else ast.Ref([term])
    return out


def _schema(pair: dict[str, Any], parse_term: TermParser) -> dict[str, Any]:
    key, value = next(iter(pair.items()), ("", None))
    try:
        path = _ref(key, parse_term)
    except _Wrong:
        raise _Wrong("invalid document reference") from None
    if isinstance(value, str):
        try:
            schema = _ref(value, parse_term)
        except _Wrong:
            schema = ast.Ref([])
        if not schema.terms or schema.terms[0] != ast.Var("schema"):
            raise _Wrong("invalid schema reference")
        return {"path": path, "schema": schema}
    if isinstance(value, dict):
        return {"path": path, "definition": _text_keys(value, ())}
    quoted = quote(key)
    raise _Wrong(f"invalid schema declaration for path {quoted}")


def _ref(text: str, parse_term: TermParser) -> ast.Ref:
    try:
        term = parse_term(text)
    except RegoErrors as error:
        raise _Wrong(f"failed to parse ref: {error}") from None
    if not isinstance(term, ast.Ref):
        shown = printer.term_text(term)
        raise _Wrong(f"failed to parse ref: expected ref but got {shown}")
    return term


# Attaching ------------------------------------------------------------------


def attach(module: ast.Module) -> list[Error]:
    """Give each block its target and scope, and each rule its blocks.

    Returns what is wrong with scopes; then the rules were left alone.
    """
    statements: list[ast.Package | ast.Import | ast.Rule] = [
        module.package,
        *module.imports,
        *module.rules,
    ]
    statements.sort(key=lambda statement: statement.loc.row)
    found: list[Error] = []
    for note in module.annotations:
        target = next((s for s in statements if s.loc.row > note.loc.row), None)
        if not note.scope:
            note.scope = _default_scope(note, target)
        note.data = {"scope": note.scope} | note.data
        if not isinstance(target, ast.Import):
            note.target = target
        found += [
            Error(PARSE_ERROR, message, note.loc)
            for message in _scope_errors(note, target)
        ]
    if not found:
        _attach_rules(module)
    return found


def _default_scope(note: ast.Annotations, target: Any) -> str:
    match target:
        case ast.Rule():
            return "document" if note.data.get("entrypoint") else "rule"
        case ast.Package():
            return "package"
        case ast.Import():
            return "import"
        case _:
            return ""


def _scope_errors(note: ast.Annotations, target: Any) -> list[str]:
    out = []
    scope = note.scope
    wanted: type = ast.Rule
    if scope in _PACKAGE_SCOPES:
        wanted = ast.Package
    if scope not in (*_PACKAGE_SCOPES, *_RULE_SCOPES):
        out.append(
            f"invalid annotation scope '{scope}'. Use one of 'rule', 'document',"
            " 'package', or 'subpackages'"
        )
    elif not isinstance(target, wanted):
        have = f" (have {type(target).__name__.lower()})" if target else ""
        name = wanted.__name__.lower()
        out.append(f"annotation scope '{scope}' must be applied to {name}{have}")
    if note.data.get("entrypoint") and scope not in ("document", "package"):
        out.append(
            f"annotation entrypoint applied to non-document or package scope '{scope}'"
        )
    return out


def _attach_rules(module: ast.Module) -> None:
    notes = [note for note in module.annotations if note.scope in _RULE_SCOPES]
    paths = [_path(note.target) for note in notes]
    claimed: set[int] = set()
    for rule in module.rules:
        path = _path(rule)
        last = -1
        for index, note in enumerate(notes):
            if paths[index] != path or index in claimed:
                continue
            if note.scope == "rule":
                if note.loc.row >= rule.loc.row:
                    continue
                last = index
            rule.annotations.append(note)
        if last >= 0:
            claimed.add(last)


def _path(target: Any) -> str:
    """Return the constant part of a rule's ref, as text."""
    if not isinstance(target, ast.Rule):
        return ""
    terms = target.head.reference.terms
    for index, term in enumerate(terms):
        if index and not is_ground(term):
            terms = terms[:index]
            break
    return printer.ref_text(terms)

"""From Rego text to the syntax tree: modules, queries, terms.

The parser is a recursive descent over the token lists of `lexer`, in layers, each
a class that extends the one before:

    parser_cursor     the place in the tokens, going back, errors
    parser_scalars    strings, numbers, templates
    parser_terms      terms, refs, calls, collections, operators
    parser_bodies     literals, `some`, `every`, `not`, `with`
    parser_logic      the opt-in `and`, `or`, `not { ... }`
    parser_rules      heads, rules, `else`, package and import
    parser            statements, modules, queries (this file)

Beside them stand `parser_constants` (a bare query that is a rule),
`parser_checks` (what v1 demands) and `annotations` (metadata comments).

Rego has versions 0, 1 and 2; `import rego.v1` and `import rego.v2` raise a
module's version.  All texts, codes and places of errors are OPA's (1.22).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from gatewright.rego import annotations as metadata
from gatewright.rego import ast, errors, printer, tokens
from gatewright.rego.depth import deeply
from gatewright.rego.parser_checks import check_v1, missing_keyword
from gatewright.rego.parser_constants import NotARule, rule_of
from gatewright.rego.parser_rules import RuleParser

if TYPE_CHECKING:
    from gatewright.builtins.capabilities import Capabilities

__all__ = ["NotOneTerm", "parse_body", "parse_module", "parse_ref", "parse_term"]

#: A query that stands as a statement is a list of expressions.
Statement: TypeAlias = ast.Package | ast.Import | ast.Rule | ast.Body

#: What `future.keywords` may be followed by.
_FUTURE: Final = "and contains every if in not or"
_V1_WORDS: Final = frozenset({"contains", "every", "if", "in"})


@deeply
def parse_module(
    file: str,
    text: str,
    *,
    version: int = 1,
    process_annotations: bool = False,
    future_keywords: Iterable[str] = (),
    capabilities: Capabilities | None = None,
    v0_v1: bool = False,
) -> ast.Module:
    """Parse one module; `file` is the name that errors show.

    `version` is the Rego version the text is read as (0, 1, 2).  Metadata
    comments are parsed (and may then be in error) with `process_annotations`.
    `capabilities` say which parts of the language there are (None: all).
    `v0_v1`: the text has to be good as v0 and as v1; `version` does not count.
    Raises `RegoErrors` with code `rego_parse_error`.
    """
    if v0_v1:
        version = 0
    source = ast.Source(file, text)
    parser = _Statements(source, version=version, soft=_soft(future_keywords))
    if capabilities is not None:
        parser.restrict(capabilities)
    parser.v0_v1 = v0_v1
    return parser.module(process_annotations=process_annotations)


@deeply
def parse_body(
    text: str,
    *,
    version: int = 1,
    file: str = "",
    future_keywords: Iterable[str] = (),
    capabilities: Capabilities | None = None,
) -> ast.Body:
    """Parse a query: expressions separated by `;` or line breaks.

    Raises `RegoErrors` with code `rego_parse_error`.
    """
    source = ast.Source(file, text)
    parser = _Statements(source, version=version, soft=_soft(future_keywords))
    if capabilities is not None:
        parser.restrict(capabilities)
    body: ast.Body = []
    statements = parser.statements(rules=False)
    parser.check()
    for statement in statements:
        if not isinstance(statement, list):
            kind = type(statement).__name__
            message = f"expected body but got *ast.{kind}"
            loc = getattr(statement, "loc", ast.NO_LOCATION)
            raise errors.RegoErrors([errors.Error(errors.PARSE_ERROR, message, loc)])
        for expr in statement:
            expr.index = len(body)
            body.append(expr)
    return body


@deeply
def parse_term(text: str, *, version: int = 1, file: str = "") -> ast.Term:
    """Parse exactly one term.  Raises `RegoErrors`, `NotOneTerm` among them."""
    body = parse_body(text, version=version, file=file)
    if len(body) != 1:
        found = printer.body_text(body)
        raise NotOneTerm(f"expected exactly one term but got: {found}", body)
    terms = body[0].terms
    if isinstance(terms, list):
        operator, *args = terms
        if isinstance(operator, ast.Ref) and printer.ref_text(operator) not in (
            "eq",
            "assign",
        ):
            return ast.Call(operator, args, body[0].loc)
    elif not isinstance(terms, ast.SomeDecl | ast.Every | ast.Logical):
        return terms
    raise NotOneTerm(f"expected term but got {printer.body_text(body)}", body)


def parse_ref(text: str) -> ast.Ref:
    """Parse exactly one ref; a lone name counts as one.  Raises `RegoErrors`."""
    term = parse_term(text)
    if isinstance(term, ast.Var):
        return ast.Ref([term], term.loc)
    if not isinstance(term, ast.Ref):
        shown = printer.term_text(term)
        raise NotOneTerm(f"expected ref but got {shown}", [ast.Expr(term)])
    return term


class NotOneTerm(errors.RegoErrors):
    """The text reads as a query, but not as the one term that was asked for."""

    def __init__(self, message: str, body: ast.Body) -> None:
        loc = body[0].loc if body else ast.NO_LOCATION
        super().__init__([errors.Error(errors.PARSE_ERROR, message, loc)])

    def __str__(self) -> str:
        return self.errors[0].message


def _soft(words: Iterable[str]) -> frozenset[int]:
    kinds = set()
    for word in words:
        if word not in _FUTURE.split():
            message = f"unknown future keyword: {word}"
            raise errors.RegoErrors([errors.Error(errors.PARSE_ERROR, message)])
        kinds.add(tokens.KEYWORDS[word])
    return frozenset(kinds)


def _illegal(message: str) -> errors.RegoErrors:
    text = f"illegal capabilities: {message}"
    return errors.RegoErrors([errors.Error(errors.PARSE_ERROR, text)])


class _Statements(RuleParser):
    """The top layer: statements one after the other, then the module of them."""

    __slots__ = ("features", "future_words", "v0_v1")

    def __init__(self, text: ast.Source, *, version: int, soft: frozenset[int]) -> None:
        super().__init__(text, version=version, soft=soft)
        self.future_words: Sequence[str] = _FUTURE.split()
        self.features: frozenset[str] | None = None
        self.v0_v1 = False

    def restrict(self, capabilities: Capabilities) -> None:
        """Take away what they do not have.  Raises `RegoErrors` if that is too much."""
        needed = {1: "rego_v1", 2: "rego_v2"}.get(self.version)
        if needed is not None and needed not in capabilities.features:
            message = f"{needed} feature required for parsing v{self.version} Rego"
            raise _illegal(message)
        for word in capabilities.future_keywords:
            if word not in self.future_words:
                raise _illegal(f"unknown keyword: {word}")
        words = set(capabilities.future_keywords)
        if self.version or "rego_v1" in capabilities.features:
            words |= _V1_WORDS
        if self.version == 2:
            words |= set(_FUTURE.split())
        self.future_words = sorted(words)
        self.features = capabilities.features
        self.older = capabilities.older
        # Of 1.17, v0 has none, whatever its capabilities say
        has_templates = bool(self.version) or not self.older
        self.templates = has_templates and "template_strings" in capabilities.features

    def statements(self, *, rules: bool = True) -> list[Statement]:
        """Read statements to the end of the text, or until there is an error."""
        if tokens.NOT in self.soft:
            self.not_bodies = True
        found: list[Statement] = []
        try:
            while self.tok != tokens.EOF:
                more = self._statement(rules=rules)
                if more is None:
                    break
                found += more
        except RecursionError:
            self.too_deep()
        return found

    def _statement(self, *, rules: bool) -> list[Statement] | None:
        self.memo = [known for known in self.memo if known[0] >= self.i]
        if rules and self.keyword_as_rule(default=False):
            return None
        state = self.save()
        if self.tok == tokens.PACKAGE:
            package = self.package()
            if package is not None:
                if self.tok == tokens.SUB and not self.older:
                    self.unexpected()
                    return None
                return [package]
            if self.errors:
                return None
            self.restore(state)
        elif self.tok == tokens.IMPORT:
            item = self.import_()
            if item is not None:
                if self.tok == tokens.SUB and not self.older:
                    self.unexpected()
                    return None
                self._apply(item)
                return [item]
            if self.errors:
                return None
            self.restore(state)
        if rules:
            found = self.rules()
            if found is not None:
                return list(found)
            if self.errors:
                return None
            self.restore(state)
        body = self.query(tokens.EOF, one=True)
        return None if body is None else [body]

    # Imports that change the language -----------------------------------------

    def _apply(self, item: ast.Import) -> None:
        match item.path.terms:
            case [ast.Var(name="rego"), *_]:
                self._apply_rego(item)
            case [ast.Var(name="future"), *_]:
                self._apply_future(item)
            case _:
                return
        if not self.older:
            self.reclassify()

    def _apply_rego(self, item: ast.Import) -> None:
        path = printer.ref_text(item.path)
        known = ("rego.v1",) if self.older else ("rego.v1", "rego.v2")
        if path not in known:
            one_of = "" if self.older else "one of: "
            listed = ", ".join(f"`{name}`" for name in known)
            message = f"invalid import `{path}`, must be {one_of}{listed}"
            self.error(item.path.loc, message)
        elif item.alias:
            self.error(self._alias_loc(item), "`rego` imports cannot be aliased")
        elif not self._has_import(path):
            self.error(
                item.path.loc,
                f"invalid import, `{path}` is not supported by current capabilities",
            )
        elif path == "rego.v1":
            if self.version == 0:
                self.enable(tokens.V1_KEYWORDS)
        elif self.version < 2:
            self.enable(tokens.V1_KEYWORDS | tokens.V2_KEYWORDS)
            self.not_bodies = True

    def _alias_loc(self, item: ast.Import) -> ast.Location:
        """Where OPA says that an alias is wrong."""
        return item.path.loc if self.older else item.alias_loc

    def _has_import(self, path: str) -> bool:
        name = path.replace(".", "_")  # rego_v1, and rego_v2, which has that too
        known = {name, f"{name}_import", "rego_v2"}
        return self.features is None or not known.isdisjoint(self.features)

    def _apply_future(self, item: ast.Import) -> None:
        terms = item.path.terms
        if len(terms) == 1 or terms[1] != ast.String("keywords"):
            self.error(item.path.loc, "invalid import, must be `future.keywords`")
            return
        if item.alias:
            self.error(self._alias_loc(item), "`future` imports cannot be aliased")
            return
        words = list(self.future_words)
        if len(terms) == 3 and isinstance(terms[2], ast.String):
            word = terms[2].value
            if word not in words:
                self.error(
                    item.path.loc,
                    f"unexpected keyword, must be one of [{' '.join(words)}]",
                )
                return
            if word == "not" and self.older:
                self.not_bodies = True  # and all other words are there too
            else:
                words = [word]
        if "not" in words and not self.older:
            self.not_bodies = True
        self.enable(
            frozenset(
                tokens.SOFT_KEYWORDS[word]
                for word in words
                if word in tokens.SOFT_KEYWORDS
            )
        )

    # Modules -----------------------------------------------------------------

    def module(self, *, process_annotations: bool) -> ast.Module:
        """Read the whole text as a module.  Raises `RegoErrors`."""
        statements = self.statements()
        notes: list[ast.Annotations] = []
        comments = self._comments()
        if process_annotations:
            here = self.starts[self.i]
            notes, found = metadata.parse(
                [comment for comment in comments if comment.loc.offset < here],
                parse_term,
            )
            for loc, message in found:
                self.error(loc, message)
        self.check()
        if not statements and not notes:
            raise errors.RegoErrors([self._finding("empty module", self._no_place())])
        findings: list[errors.Error] = []
        package = statements[0] if statements else None
        if not isinstance(package, ast.Package):
            loc = self._loc(package) if package else notes[0].loc
            findings.append(self._finding("package expected", loc))
            package = ast.Package(ast.Ref([]))
        out = ast.Module(
            package,
            [],
            [],
            comments=comments,
            annotations=notes,
            rego_version=1 if self.v0_v1 else self.version,
            source=self.source,
        )
        for index, statement in enumerate(statements[1:], 1):
            if isinstance(statement, ast.Import):
                self._add_import(out, statement)
            elif isinstance(statement, ast.Rule):
                out.rules.append(statement)
            elif isinstance(statement, ast.Package):
                findings.append(self._finding("unexpected package", statement.loc))
            else:
                try:
                    rule = rule_of(statement)
                except NotARule as verdict:
                    message = str(verdict)
                    if out.rego_version == 0 and not self.older:
                        message += missing_keyword(statements, index)
                    loc = statement[0].loc
                    findings.append(self._finding(message, loc))
                    continue
                rule.generated_body = True
                out.rules.append(rule)
        if out.rego_version >= 1:
            for rule in out.rules:
                findings += check_v1(rule)
        if not findings and notes:
            findings += metadata.attach(out)
        if findings:
            raise errors.RegoErrors(findings)
        for rule in out.rules:
            branch: ast.Rule | None = rule
            while branch is not None:
                branch.module = out
                branch = branch.else_
        return out

    def _add_import(self, module: ast.Module, item: ast.Import) -> None:
        module.imports.append(item)
        path = printer.ref_text(item.path)
        if path == "rego.v1":
            module.rego_version = max(module.rego_version, 1)
        elif path == "rego.v2":
            module.rego_version = max(module.rego_version, 2)

    def _comments(self) -> list[ast.Comment]:
        lines = self.lines
        out = []
        row = 1
        for start, end in self.lexed.comments:
            while row < len(lines) and lines[row] <= start:
                row += 1
            text = self.text[start + 1 : end]
            if text == "\r":
                text = ""
            elif text.endswith("\r"):
                text = text[:1] + text[1:].rstrip("\r")
            loc = ast.Location(self.source, row, start - lines[row - 1] + 1, start, end)
            out.append(ast.Comment(text, loc))
        return out

    def _finding(self, message: str, loc: ast.Location) -> errors.Error:
        return errors.Error(errors.PARSE_ERROR, message, loc)

    def _no_place(self) -> ast.Location:
        return ast.Location(self.source, 0, 0)

    def _loc(self, statement: Statement) -> ast.Location:
        return statement[0].loc if isinstance(statement, list) else statement.loc

"""Reading statements that define: heads, rules, `else`, `package`, `import`.

A rule that this file cannot read (a constant such as `p := 1`) is read as a
query by the caller and turned into a rule afterwards (`parser_constants`).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

from gatewright.rego import ast, copies, printer, tokens
from gatewright.rego.parser_logic import LogicParser

__all__ = ["RuleParser", "is_ground", "true_body"]

_ASSIGNING: Final = (tokens.ASSIGN, tokens.UNIFY)
_RULE_FOLLOWERS: Final = (*_ASSIGNING, tokens.IF, tokens.CONTAINS, tokens.LPAREN)
_OPERATOR_FOLLOWERS: Final = (*_ASSIGNING, tokens.IF, tokens.CONTAINS)
_PATH_FOLLOWERS: Final = (*_ASSIGNING, tokens.LPAREN)
#: What follows a keyword when the author meant it as the name of a rule.
_NAME_FOLLOWERS: Final[dict[int, tuple[int, ...]]] = {
    tokens.EVERY: _RULE_FOLLOWERS,
    tokens.IF: _RULE_FOLLOWERS,
    tokens.IN: _RULE_FOLLOWERS,
    tokens.SOME: _RULE_FOLLOWERS,
    tokens.AS: _RULE_FOLLOWERS,
    tokens.PACKAGE: _PATH_FOLLOWERS,
    tokens.IMPORT: _PATH_FOLLOWERS,
    tokens.NOT: _OPERATOR_FOLLOWERS,
    tokens.LOGICAL_AND: _OPERATOR_FOLLOWERS,
    tokens.LOGICAL_OR: _OPERATOR_FOLLOWERS,
    tokens.CONTAINS: (tokens.IF, tokens.CONTAINS),
}
_IMPORT_ROOTS: Final = frozenset({"data", "future", "input", "rego"})


def true_body(loc: ast.Location) -> ast.Body:
    """Return the body of a rule that was written without one."""
    return [ast.Expr(ast.Boolean(True, loc), generated=True, loc=loc)]


def is_ground(term: ast.Term) -> bool:
    """Tell whether a term holds no variable; a ref's head does not count, and a
    comprehension never is ground."""
    match term:
        case ast.Var():
            return False
        case ast.Ref(terms=terms):
            return all(map(is_ground, terms[1:]))
        case ast.Array(items=items) | ast.Set(items=items):
            return all(map(is_ground, items))
        case ast.Object(items=pairs):
            return all(is_ground(k) and is_ground(v) for k, v in pairs)
        case ast.Call(operator=operator, args=args):
            return is_ground(operator) and all(map(is_ground, args))
        case (
            ast.ArrayComprehension()
            | ast.SetComprehension()
            | ast.ObjectComprehension()
            | ast.TemplateString()
        ):
            return False
        case _:
            return True


class RuleParser(LogicParser):
    """The part of the parser that reads statements."""

    __slots__ = ()

    # Package and import ------------------------------------------------------

    def _keyword(self) -> bool:
        """Pass the word that begins a statement and its path; False: it does not."""
        if self.touching() in (tokens.DOT, tokens.LBRACK):
            return False
        self.scan()
        if not self.take_name():
            self.unexpected()
            return False
        return True

    def package(self) -> ast.Package | None:
        """Read `package a.b["c"]`; None without an error: it is no package."""
        loc = self.loc()
        if not self._keyword():
            return None
        term = self.term()
        if term is None:
            if not self.errors:
                self.error(self.loc(), "expected path")
            return None
        parts = term.terms if isinstance(term, ast.Ref) else [term]
        head = parts[0]
        if not isinstance(term, ast.Ref | ast.Var):
            self.unexpected()
            return None
        if not isinstance(head, ast.Var):
            kind = printer.value_name(head)
            self.error(head.loc, f"unexpected {kind} token: expecting var")
            return None
        for part in parts[1:]:
            if not isinstance(part, ast.String):
                kind = printer.value_name(part)
                self.error(part.loc, f"unexpected {kind} token: expecting string")
                return None
        path: list[ast.Term] = [
            ast.Var("data", head.loc),
            ast.String(head.name, head.loc),
            *parts[1:],
        ]
        return ast.Package(ast.Ref(path, term.loc), loc)

    def import_(self) -> ast.Import | None:
        """Read `import path as alias`; None without an error: it is no import."""
        loc = self.loc()
        if not self._keyword():
            return None
        path = self._import_path()
        if path is None:
            return None
        head = path.terms[0]
        name = head.name if isinstance(head, ast.Var) else ""
        if name not in _IMPORT_ROOTS:
            self.hint("if this is unexpected, try updating OPA")
            self.error(
                path.loc,
                "unexpected import path, must begin with one of:"
                f" {{data, future, input, rego}}, got: {printer.term_text(head)}",
            )
            return None
        if self.tok == tokens.AS:
            return self._alias(ast.Import(path, loc=loc))
        last = path.terms[-1]
        word = ""
        if len(path.terms) == 1:
            word = name
        elif name != "future" and isinstance(last, ast.String):
            word = last.value
        if word in tokens.keywords_of(self.version):
            self.hint("import a different path or use an alias")
            self.error(
                last.loc,
                f"unexpected import path, must not end with a keyword, got: {word}",
            )
        return ast.Import(path, loc=loc)

    def _import_path(self) -> ast.Ref | None:
        # No soft keyword counts here, or importing one twice would not read.
        soft, self.soft = self.soft, frozenset()
        term = self.term()
        self.soft = soft
        if isinstance(term, ast.Var):
            return ast.Ref([term], term.loc)
        if not isinstance(term, ast.Ref):
            self.error(self.loc(), "expected path")
            return None
        for part in term.terms[1:]:
            if not isinstance(part, ast.String):
                kind = printer.value_name(part)
                self.error(part.loc, f"unexpected {kind} token: expecting string")
                return None
        return term

    def _alias(self, item: ast.Import) -> ast.Import | None:
        self.scan()
        if self.tok != tokens.IDENT:
            self.unexpected("expected var")
            return None
        alias = self.term()
        if isinstance(alias, ast.Var):
            item.alias = alias.name
            item.alias_loc = alias.loc
            return item
        # OPA 1.17 finds the fault in what follows
        if isinstance(alias, ast.Ref) and len(alias.terms) == 1 and not self.older:
            name = printer.term_text(alias.terms[0])
            if name in ("data", "input"):
                self.error(
                    alias.loc,
                    "unexpected import alias, must not be a reserved name,"
                    f" got: {name}",
                )
                return None
        self.unexpected("expected var")
        return None

    # Rules -------------------------------------------------------------------

    def keyword_as_rule(self, *, default: bool) -> bool:
        """Report a keyword that is used as the name of a rule."""
        followers = _NAME_FOLLOWERS.get(self.tok)
        if self.older:
            return False
        if followers is None or (not default and self.peek() not in followers):
            return False
        name = tokens.NAMES[self.tok]
        self.error(self.loc(), f"{name} keyword cannot be used for rule name")
        return True

    def rules(self) -> list[ast.Rule] | None:
        """Read a rule; a v0 rule with several bodies gives several rules.

        None without an error: it does not read as a rule.
        """
        loc = self.loc()
        self.opens_ref()
        default = self.tok == tokens.DEFAULT
        if default:
            self.scan()
            self.opens_ref()
        if self.tok != tokens.IDENT:
            if default:
                self.keyword_as_rule(default=True)
            return None
        head = self.head(default=default)
        if head is None:
            return None
        if default:
            rule = ast.Rule(head, [], default=True, loc=loc)
            if not self._check_default(rule):
                return None
            rule.body = true_body(loc)
            return [rule]
        return self._ruled(head, loc)

    def _ruled(self, head: ast.Head, loc: ast.Location) -> list[ast.Rule] | None:
        contains = "contains" in head.keywords
        has_if = self.tok == tokens.IF
        if not contains and len(head.reference.terms) == 2 and not head.args:
            first, last = head.reference.terms
            if not has_if and not isinstance(first, ast.Var):
                return None
            if has_if:
                head.shows_name = head.value is not None
                if isinstance(last, ast.Ref) or not is_ground(last):
                    head.shown_key = last
                if head.value is None:
                    head.generated_value = True
                    head.value = ast.Boolean(True, head.loc)
            elif head.value is None:
                head.key = last
                head.reference = ast.Ref([first], head.reference.loc)
            else:
                head.shows_name, head.shown_key = True, last
        elif not contains and has_if and len(head.reference.terms) == 2:
            head.shows_name = True
        rule = ast.Rule(head, [], loc=loc)
        if has_if:
            head.keywords = (*head.keywords, "if")
            self.scan()
            body = self._if_body()
        elif self.tok == tokens.LBRACE:
            body = self._braced_body()
        elif contains:
            rule.body = true_body(loc)
            rule.generated_body = True
            rule.loc = head.loc
            return [rule]
        else:
            return None
        if body is None:
            return None
        rule.body = body
        if self.tok == tokens.ELSE and not self.opens_ref():
            if not self._else_allowed(head):
                return None
            branch = self._else_chain(head)
            if branch is None:
                return None
            rule.else_ = branch
        loc.end = self.last_end()
        return self._chained(rule)

    def _if_body(self) -> ast.Body | None:
        """Read what follows `if`: one literal, or braces with a body."""
        state = self.save()
        # OPA 1.17 takes whatever does not read as a literal for braces
        braces = self.older or self.tok == tokens.LBRACE
        expr = self.literal()
        # A set is never false, so `p if { true }` means a body.
        if expr is not None and not (braces and isinstance(expr.terms, ast.Set)):
            return [expr]
        if not braces:
            return None
        self.restore(state)
        return self._braced_body()

    def _braced_body(self) -> ast.Body | None:
        self.scan()
        body = self.body(tokens.RBRACE)
        if body is not None:
            self.scan()
        return body

    def _chained(self, rule: ast.Rule) -> list[ast.Rule] | None:
        """Read further bodies: each is another rule with the same head."""
        rules = [rule]
        while self.tok == tokens.LBRACE:
            if rule.else_ is not None:
                self.error(self.loc(), "expected else keyword")
                return None
            loc = self.loc()
            body = self._braced_body()
            if body is None:
                return None
            loc.end = self.last_end()
            head = self._copied(rule.head)
            _relocate(head, loc)
            rules.append(ast.Rule(head, body, loc=loc))
        return rules

    def _copied(self, head: ast.Head) -> ast.Head:
        """Return a copy of a head; wildcard parameters get names of their own."""
        copy = copies.copy_head(head)
        for arg in copy.args or ():
            if isinstance(arg, ast.Var) and arg.name.startswith("$"):
                arg.name = self.wildcard()
        return copy

    def _else_allowed(self, head: ast.Head) -> bool:
        terms = head.reference.terms
        message = ""
        if len(terms) > 1 and not all(map(is_ground, terms[1:])):
            message = "else keyword cannot be used on rules with variables in head"
        elif head.key is not None or head.shown_key is not None:
            message = "else keyword cannot be used on multi-value rules"
        if message:
            self.error(self.loc(), message)
        return not message

    def _else_chain(self, head: ast.Head) -> ast.Rule | None:
        branches: list[ast.Rule] = []
        while True:
            branch = self._else(head)
            if branch is None:
                return None
            branches.append(branch)
            if branch.generated_body or self.tok != tokens.ELSE:
                break
        for before, after in pairwise(branches):
            before.else_ = after
        for branch in branches:
            branch.loc.end = self.last_end()
        return branches[0]

    def _else(self, of: ast.Head) -> ast.Rule | None:
        loc = self.loc()
        head = self._copied(of)
        head.generated_value = False
        head.keywords = ()
        head.loc = self.loc()
        rule = ast.Rule(head, [], loc=loc)
        self.scan()
        if self.tok in (tokens.LBRACE, tokens.IF):
            head.generated_value = True
            head.value = ast.Boolean(True)
        elif self.tok in _ASSIGNING:
            head.assign = self.tok == tokens.ASSIGN
            self.scan()
            head.value = self.infix()
            if head.value is None:
                return None
            head.loc.end = self.last_end()
        else:
            self.unexpected("expected else value term or rule body")
            return None
        has_if = self.tok == tokens.IF
        if not has_if and self.tok != tokens.LBRACE:
            rule.body = true_body(loc)
            rule.generated_body = True
            return rule
        if has_if:
            head.keywords = ("if",)
            self.scan()
        if self.tok == tokens.LBRACE:
            body = self._braced_body()
            if body is None:
                return None
            rule.body = body
        elif self.tok != tokens.EOF:
            expr = self.literal()
            if expr is None:
                return None
            _relocate(expr, loc)
            rule.body = [expr]
        else:
            self.unexpected("rule body expected")
            return None
        return rule

    # Heads -------------------------------------------------------------------

    def head(self, *, default: bool) -> ast.Head | None:
        """Read a rule head up to its body."""
        loc = self.loc()
        head = self._head(default=default)
        if head is not None:
            loc.end = self.last_end()
            head.loc = loc
        return head

    def _head(self, *, default: bool) -> ast.Head | None:
        term = self._head_ref()
        head: ast.Head
        match term:
            case None:
                self.unexpected("expected rule head name")
                return None
            case ast.Var():
                head = ast.Head(ast.Ref([term], term.loc))
            case ast.Ref():
                head = ast.Head(term)
            case ast.Call(operator=operator, args=args):
                if not isinstance(operator.terms[0], ast.Var):
                    text = printer.ref_text(operator)
                    self.unexpected(f"rule head ref {text} invalid")
                    return None
                head = ast.Head(operator, args=list(args))
            case _:
                return None
        name = printer.ref_text(head.reference)
        if self.tok == tokens.CONTAINS:
            if head.args is not None:
                self.unexpected(
                    "the contains keyword can only be used with multi-value rule"
                    f" definitions (e.g., {name} contains <VALUE> {{ ... }})"
                )
            self.scan()
            head.keywords = ("contains",)
            head.key = self.infix()
            if head.key is None:
                self.unexpected(
                    f"expected rule key term (e.g., {name} contains <VALUE> {{ ... }})"
                )
            return head
        if self.tok == tokens.UNIFY:
            self.scan()
            head.value = self.infix()
            if head.value is None:
                # OPA's format has room for a key that is never there.
                self.unexpected(
                    "expected rule value term"
                    f" (e.g., {name}[<nil>] = <VALUE> {{ ... }})"
                )
        elif self.tok == tokens.ASSIGN:
            self.scan()
            head.assign = True
            head.value = self.infix()
            if head.value is None:
                self._report_no_value(head, name, default=default)
        if head.value is None and (len(head.reference.terms) != 2 or head.args):
            head.generated_value = True
            head.value = ast.Boolean(True)
        return head

    def _report_no_value(self, head: ast.Head, name: str, *, default: bool) -> None:
        if head.args:
            self.unexpected(
                f"expected function value term (e.g., {name}(...) := <VALUE> {{ ... }})"
            )
        elif default:
            self.unexpected(
                f"expected default rule value term (e.g., default {name} := <VALUE>)"
            )
        else:
            self.unexpected(
                f"expected rule value term (e.g., {name} := <VALUE> {{ ... }})"
            )

    def _head_ref(self) -> ast.Term | None:
        """Read the name of a head; blanks may stand before its first part."""
        head = self.var()
        offset = self.starts[self.i]
        touching = self.touching()
        self.scan()
        if tokens.BINDING[self.tok] and touching == self.kinds[self.i]:
            self.unexpected()
        if self.tok in (tokens.DOT, tokens.LBRACK, tokens.LPAREN):
            return self.ref(head, offset, apart=True)
        if head.name in ("data", "input"):
            return ast.Ref([head], head.loc)
        return head

    # Defaults ----------------------------------------------------------------

    def _check_default(self, rule: ast.Rule) -> bool:
        value = rule.head.value
        if value is None:
            self.error(rule.loc, "illegal default rule (must have a value)")
            return False
        before = len(self.errors)
        for kind in _unfit(value):
            self.error(rule.loc, f"illegal default rule (value cannot contain {kind})")
        if len(self.errors) > before:
            return False
        seen: set[str] = set()
        for arg in rule.head.args or ():
            if not isinstance(arg, ast.Var):
                kind = printer.value_name(arg)
                message = f"arguments cannot contain {kind}"
            elif arg.name in seen:
                message = f"arguments cannot be repeated {printer.term_text(arg)}"
            else:
                seen.add(arg.name)
                continue
            self.error(rule.loc, f"illegal default rule ({message})")
        return len(self.errors) == before


def _unfit(term: ast.Term) -> Iterator[str]:
    """Yield the kinds of parts that a default value may not have."""
    match term:
        case ast.Var() | ast.Ref() | ast.Call():
            yield printer.value_name(term)
        case ast.Array(items=items) | ast.Set(items=items):
            for item in items:
                yield from _unfit(item)
        case ast.Object(items=pairs):
            for key, value in pairs:
                yield from _unfit(key)
                yield from _unfit(value)
        case ast.TemplateString(parts=parts):
            for part in parts:
                if isinstance(part, ast.Expr):
                    for item in _direct_terms(part):
                        yield from _unfit(item)


def _direct_terms(expr: ast.Expr) -> list[ast.Term]:
    if isinstance(expr.terms, list):
        return expr.terms
    if isinstance(expr.terms, ast.SomeDecl | ast.Every | ast.Logical):
        return []
    return [expr.terms]


def _relocate(node: Any, loc: ast.Location) -> None:
    """Give a node and everything below it one location; a head's ref keeps its."""
    if isinstance(node, list | tuple):
        for item in node:
            _relocate(item, loc)
    elif hasattr(node, "loc"):
        node.loc = loc
        for name in node.__slots__:
            if name == "reference":
                continue
            child = getattr(node, name)
            if isinstance(child, list | tuple) or (
                name != "loc" and hasattr(child, "loc")
            ):
                _relocate(child, loc)

"""Reading bodies: literals, `some`, `every`, `not`, `with`.

Expressions of a body are separated by `;` or a line break.  An expression that
holds a call is stored as the call's parts, as OPA does.
"""

from __future__ import annotations

from typing import Final

from gatewright.rego import ast, tokens
from gatewright.rego.parser_cursor import MAX_BODIES, State
from gatewright.rego.parser_terms import TermParser

__all__ = ["BodyParser", "member_arity"]

_INFIX_EXAMPLES: Final = {"in": "x in xs", "and": "x and y", "or": "x or y"}


def member_arity(term: ast.Term | None) -> int:
    """Return 2 for `x in xs`, 3 for `k, v in xs`, 0 for any other term."""
    if isinstance(term, ast.Call):
        match term.operator.terms:
            case [ast.Var(name="internal"), ast.String(value="member_2")]:
                return 2
            case [ast.Var(name="internal"), ast.String(value="member_3")]:
                return 3
    return 0


class BodyParser(TermParser):
    """The part of the parser that reads the expressions of bodies."""

    __slots__ = ()

    def body(self, end: int) -> ast.Body | None:
        """Read the expressions up to the closing token `end`."""
        if self.bodies >= MAX_BODIES:
            self.too_deep()
            return None
        self.bodies += 1
        found = self.query(end)
        self.bodies -= 1
        return found

    def query(self, end: int, *, one: bool = False) -> ast.Body | None:
        """Read expressions up to `end`; with `one`, only those joined by `;`."""
        if self.tok == end:
            self.error(self.loc(), "found empty body")
            return None
        body: ast.Body = []
        while True:
            expr = self.literal()
            if expr is None:
                return None
            expr.index = len(body)
            body.append(expr)
            if self.tok == tokens.SEMICOLON:
                self.scan()
                continue
            if self.tok == end or one:
                return body
            if not self.after_newline():
                if not self.errors:
                    self._hint_infix_keyword()
                    self.unexpected(f"expected \\n or ; or {tokens.NAMES[end]}")
                return None

    def literal(self) -> ast.Expr | None:
        """Read one expression, with its negation and modifiers."""
        loc = self.loc()
        expr = self._literal()
        if expr is not None:
            loc.end = self.last_end()
            expr.loc = loc
            if expr.negated_body is not None and not expr.explicit_body:
                for inner in expr.negated_body:
                    inner.loc = loc
        return expr

    def _literal(self) -> ast.Expr | None:
        if self.logical and self.tok in (tokens.LBRACE, tokens.LPAREN):
            tried, expr = self.leading_operand()
            if tried:
                return expr
        if self.opens_ref():
            return self._plain(None)
        not_loc = None
        if self.tok == tokens.NOT:
            not_loc = self.loc()
            self.scan()
            if self.not_bodies and self.tok == tokens.LBRACE:
                inner = self.not_body(not_loc)
                if inner is None:
                    return None
                return self.logical_tail([inner], inner.loc, explicit=False)
        if self.tok == tokens.SOME:
            if not_loc is not None:
                self.unexpected("illegal negation of 'some'")
                return None
            return self.some()
        if self.tok == tokens.EVERY:
            if not_loc is not None:
                self.unexpected("illegal negation of 'every'")
                return None
            return self.every()
        return self._plain(not_loc)

    def _plain(self, not_loc: ast.Location | None) -> ast.Expr | None:
        """Read an expression without a keyword of its own; `not` was read."""
        state = self.save()
        if not_loc is not None and self.not_bodies and self.tok == tokens.LPAREN:
            tried, group = self.negated_group(not_loc)
            if tried:
                if group is None:
                    return None
                return self.logical_tail([group], group.loc, explicit=False)
        start = self.loc()
        expr = self.expression()
        if expr is None:
            return None
        with_loc = None
        if self.tok == tokens.WITH:
            with_loc = self.loc()
            if not self.modifiers(expr):
                return None
        if self.version == 0 and isinstance(expr.terms, ast.Var):
            self._hint_every(expr.terms, state)
        if not_loc is not None and self.not_bodies:
            modifiers, expr.with_ = expr.with_, []
            expr = self.negation([expr], self.spanned(not_loc), explicit=False)
            expr.with_ = modifiers
        else:
            expr.negated = not_loc is not None
        if self.tok >= tokens.LOGICAL_AND:
            return self.operator_follows(expr, start, with_loc, negated=not_loc)
        return expr

    def expression(self) -> ast.Expr | None:
        """Read a term, or two terms joined by `:=` or `=`."""
        lhs = self.infix()
        if lhs is None:
            return None
        if self.tok == tokens.ASSIGN or self.tok == tokens.UNIFY:
            loc = self.loc()
            operator = ast.Ref([ast.Var(tokens.NAMES[self.tok], loc)], loc)
            self.scan()
            rhs = self.infix()
            if rhs is None:
                return None
            return ast.Expr([operator, lhs, rhs])
        if isinstance(lhs, ast.Call):
            return ast.Expr([lhs.operator, *lhs.args])
        return ast.Expr(lhs)

    def modifiers(self, expr: ast.Expr) -> bool:
        """Read the `with ... as ...` parts after an expression."""
        found: list[ast.With] = []
        while self.tok == tokens.WITH:
            loc = self.loc()
            self.scan()
            if self.tok != tokens.IDENT:
                self.unexpected("expected ident")
                return False
            target = self.term()
            if target is None:
                return False
            if not isinstance(target, ast.Ref | ast.Var):
                self.unexpected("expected with target path")
            if self.tok != tokens.AS:
                self.unexpected("expected as keyword")
                return False
            self.scan()
            value = self.infix()
            if value is None:
                return False
            loc.end = self.last_end()
            # After an error the target is no ref, and the tree is not used.
            ref = target if isinstance(target, ast.Ref) else ast.Ref([target])
            ref.loc = target.loc
            found.append(ast.With(ref, value, loc))
        expr.with_ = found
        return True

    # Declarations ------------------------------------------------------------

    def some(self) -> ast.Expr | None:
        """Read `some x, y` or `some x in xs`."""
        loc = self.loc()
        state = self.save()
        self.scan()
        term = self.infix()
        if isinstance(term, ast.Call):
            arity = member_arity(term)
            if not arity:
                self.unexpected("expected `x in xs` or `x, y in xs` expression")
                return None
            if len(term.args) != arity:
                self.unexpected("illegal domain")
                return None
            expr = ast.Expr(ast.SomeDecl([term], loc))
            if self.tok == tokens.WITH and not self.modifiers(expr):
                return None
            return expr
        self.restore(state)
        if self.version == 0:
            self._hint_some()
        symbols: list[ast.Term] = []
        while True:
            self.scan()
            if self.tok != tokens.IDENT:
                self.unexpected("expected var")
                return None
            symbols.append(self.var())
            self.scan()
            if self.tok != tokens.COMMA:
                break
        return ast.Expr(ast.SomeDecl(symbols, loc))

    def every(self) -> ast.Expr | None:
        """Read `every k, v in xs { ... }`."""
        loc = self.loc()
        self.scan()
        term = self.infix()
        if term is None:
            return None
        arity = member_arity(term)
        if not arity or not isinstance(term, ast.Call):
            self.unexpected("expected `x[, y] in xs { ... }` expression")
            return None
        if len(term.args) != arity:
            self.unexpected("illegal domain")
            return None
        key = term.args[0] if arity == 3 else None
        value, domain = term.args[-2:]
        if key is not None and not isinstance(key, ast.Var):
            self.unexpected("expected key to be a variable")
            return None
        if not isinstance(value, ast.Var):
            self.unexpected("expected value to be a variable")
            return None
        if self.tok != tokens.LBRACE:
            self.unexpected("missing body")
            return None
        self.scan()
        body = self.body(tokens.RBRACE)
        if body is None:
            return None
        self.scan()
        expr = ast.Expr(ast.Every(key, value, domain, body, loc))
        if self.tok == tokens.WITH and not self.modifiers(expr):
            return None
        return expr

    # Hints -------------------------------------------------------------------

    def _hint_infix_keyword(self) -> None:
        """Hint at the import that would make a stray `in`, `and`, `or` work."""
        if self.hints or self.older:
            return
        word = "in"
        if self.tok == tokens.IDENT:
            word = self.texts[self.i]
            if word not in _INFIX_EXAMPLES:
                return
        elif self.tok == tokens.COMMA:
            state = self.save()
            self.scan()
            kept = self.future()
            term = self.infix()
            self.present(kept)
            self.restore(state)
            if not member_arity(term):
                return
        else:
            return
        example = _INFIX_EXAMPLES[word]
        self.hint(f"`import future.keywords.{word}` for `{example}` expressions")

    def _hint_some(self) -> None:
        state = self.save()
        self.scan()
        kept = self.future()
        term = self.infix()
        self.present(kept)
        self.restore(state)
        if member_arity(term):
            self.hint("`import future.keywords.in` for `some x in xs` expressions")

    def _hint_every(self, term: ast.Var, before: State) -> None:
        if term.name != "every":
            return
        after = self.save()
        self.restore(before)
        kept = self.future()
        expr = self.every()
        self.present(kept)
        self.restore(after)
        if expr is not None:
            self.hint(
                "`import future.keywords.every` for `every x in xs { ... }` expressions"
            )

    # Read elsewhere ----------------------------------------------------------

    def negation(
        self, body: ast.Body, loc: ast.Location, *, explicit: bool
    ) -> ast.Expr:
        """Return the expression that negates a body (opt-in `not`)."""
        return ast.Expr(
            ast.Boolean(True, loc),
            negated_body=body,
            explicit_body=explicit,
            loc=loc,
        )

    def leading_operand(self) -> tuple[bool, ast.Expr | None]:
        """Read `{...}` or `(...)` as operand of `and`, `or` (see `parser_logic`)."""
        raise NotImplementedError

    def not_body(self, not_loc: ast.Location) -> ast.Expr | None:
        """Read `{...}` after the opt-in `not` (see `parser_logic`)."""
        raise NotImplementedError

    def negated_group(self, not_loc: ast.Location) -> tuple[bool, ast.Expr | None]:
        """Read `(...)` after the opt-in `not` (see `parser_logic`)."""
        raise NotImplementedError

    def logical_tail(
        self, body: ast.Body, loc: ast.Location, *, explicit: bool
    ) -> ast.Expr | None:
        """Read what may follow an operand (see `parser_logic`)."""
        raise NotImplementedError

    def operator_follows(
        self,
        expr: ast.Expr,
        start: ast.Location,
        with_loc: ast.Location | None,
        *,
        negated: ast.Location | None,
    ) -> ast.Expr | None:
        """Read on where `and` or `or` follows (see `parser_logic`)."""
        raise NotImplementedError

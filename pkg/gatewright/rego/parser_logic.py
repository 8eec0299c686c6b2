"""Reading the opt-in `and`, `or` and `not { ... }`.

An operand is a body: `{ ... }`, a group in parentheses that holds operators, or
one expression.  Braces here always open a body; a value in braces has to be put
in parentheses, and most messages of this file say so.
"""

from __future__ import annotations

from typing import NamedTuple

from gatewright.builtins.declarations import TABLE
from gatewright.rego import ast, printer, tokens
from gatewright.rego.parser_bodies import BodyParser
from gatewright.rego.parser_cursor import MAX_BODIES, State

__all__ = ["LogicParser", "Operand"]


class Operand(NamedTuple):
    """One side of an operator: its body, its place, whether braces were written."""

    body: ast.Body
    explicit: bool
    loc: ast.Location


class LogicParser(BodyParser):
    """The part of the parser that reads logical operators."""

    __slots__ = ()

    # Entries from a literal --------------------------------------------------

    def leading_operand(self) -> tuple[bool, ast.Expr | None]:
        """Try `{...}` or `(...)` at the start of a literal as an operand.

        The first result is False when it is none; then nothing was read.
        """
        if self.tok == tokens.LPAREN:
            tried, operand = self.group(inside=False, prefix="")
            if not tried:
                return False, None
            if operand is None:
                return True, None
            return True, self.logical_tail(
                operand.body, operand.loc, explicit=operand.explicit
            )
        state, memo = self.save(), list(self.memo)
        loc = self.loc()
        self.scan()
        body = self.body(tokens.RBRACE)
        if body is not None:
            self.scan()
            if self.tok >= tokens.LOGICAL_AND:
                if _ambiguous(body):
                    self._report_ambiguous(loc, body, "")
                    return True, None
                chain = self._or_chain(Operand(body, True, loc))
                return True, self._with(chain)
        self.restore(state)
        self.memo = memo
        return False, None

    def logical_tail(
        self, body: ast.Body, loc: ast.Location, *, explicit: bool
    ) -> ast.Expr | None:
        if self.tok >= tokens.LOGICAL_AND:
            return self._with(self._or_chain(Operand(body, explicit, loc)))
        return self._with(body[0])

    def operator_follows(
        self,
        expr: ast.Expr,
        start: ast.Location,
        with_loc: ast.Location | None,
        *,
        negated: ast.Location | None,
    ) -> ast.Expr | None:
        op = tokens.NAMES[self.tok]
        if with_loc is not None:
            self._report_with(with_loc, op)
            return None
        if expr.loc is ast.NO_LOCATION:
            start.end = self.last_end()
            expr.loc = start
        text = expr.loc.text
        if negated is None and text.startswith("{"):
            if isinstance(expr.terms, ast.Object) and not expr.terms.items:
                self.error(expr.loc, "found empty body")
            else:
                self._report_braces(expr.loc, text, op)
            return None
        return self._with(self._or_chain(Operand([expr], False, expr.loc)))

    def not_body(self, not_loc: ast.Location) -> ast.Expr | None:
        brace = self.loc()
        state = self.save()
        self.scan()
        empty = self.tok == tokens.RBRACE
        body = self.body(tokens.RBRACE)
        if body is None:
            if empty:
                return None
            failed = self.save()
            self.restore(state)
            term = self.infix()
            if term is None:
                self.restore(failed)
                return None
            operand = self.text[brace.offset : self.last_end()]
            kind = printer.value_name(_brace_led(term))
            self.hint(
                f"write `not ({operand})` to negate the value, or"
                f" `not {{{operand}}}` for a body holding it"
            )
            self.error(
                brace,
                "`{...}` in an operand position must contain expression(s),"
                f" got: {kind}",
            )
            return None
        self.scan()
        if _ambiguous(body):
            self._report_ambiguous(brace, body, "not ")
            return None
        return self.negation(body, self.spanned(not_loc), explicit=True)

    def negated_group(self, not_loc: ast.Location) -> tuple[bool, ast.Expr | None]:
        tried, operand = self.group(inside=True, prefix="not ")
        if not tried or operand is None:
            return tried, None
        loc = self.spanned(not_loc)
        return True, self.negation(operand.body, loc, explicit=operand.explicit)

    def _with(self, expr: ast.Expr | None) -> ast.Expr | None:
        if expr is not None and self.tok == tokens.WITH and not self.modifiers(expr):
            return None
        return expr

    # Chains ------------------------------------------------------------------

    def _or_chain(self, left: Operand) -> ast.Expr | None:
        """Fold `and`s and `or`s after an operand; `and` binds tighter."""
        first: Operand | None = left
        if self.tok == tokens.LOGICAL_AND:
            first = self._and_chain(left)
        chain = self.bodies
        while first is not None and self.tok == tokens.LOGICAL_OR:
            self.scan()
            right = self._operand("or")
            if right is not None and self.tok == tokens.LOGICAL_AND:
                right = self._and_chain(right)
            if right is None:
                return None
            chain += 1
            if chain > MAX_BODIES:
                self.too_deep()
                return None
            first = self._joined("or", first, right)
        return None if first is None else first.body[0]

    def _and_chain(self, left: Operand) -> Operand | None:
        chain = self.bodies
        while self.tok == tokens.LOGICAL_AND:
            self.scan()
            right = self._operand("and")
            if right is None:
                return None
            chain += 1
            if chain > MAX_BODIES:
                self.too_deep()
                return None
            left = self._joined("and", left, right)
        return left

    def _joined(self, op: str, left: Operand, right: Operand) -> Operand:
        for side in (left, right):
            self._check_void(side.body, op)
        loc = self.spanned(left.loc)
        node = ast.Logical(
            op,
            left.body,
            right.body,
            loc,
            explicit_left=left.explicit,
            explicit_right=right.explicit,
        )
        return Operand([ast.Expr(node, loc=loc)], False, loc)

    def _operand(self, op: str) -> Operand | None:
        """Read one operand; `op` is empty while only trying."""
        if self.tok == tokens.LBRACE:
            return self._braced(op)
        not_loc = None
        if self.tok == tokens.NOT and self.touching() not in (
            tokens.DOT,
            tokens.LBRACK,
        ):
            not_loc = self.loc()
            self.scan()
            if self.not_bodies and self.tok == tokens.LBRACE:
                inner = self.not_body(not_loc)
                return None if inner is None else Operand([inner], False, inner.loc)
        if self.tok == tokens.LPAREN and self.logical:
            if not_loc is None:
                tried, operand = self.group(inside=True, prefix="")
                if tried:
                    return operand
            elif self.not_bodies:
                tried, operand = self.group(inside=True, prefix="not ")
                if tried:
                    if operand is None:
                        return None
                    loc = self.spanned(not_loc)
                    outer = self.negation(operand.body, loc, explicit=operand.explicit)
                    return Operand([outer], False, loc)
        start = self.loc()
        expr = self.expression()
        if expr is None:
            return None
        start.end = self.last_end()
        expr.loc = start
        if not_loc is not None:
            if self.not_bodies:
                loc = self.spanned(not_loc)
                expr = self.negation([expr], loc, explicit=False)
            else:
                expr.negated = True
        return Operand([expr], False, expr.loc)

    def _braced(self, op: str) -> Operand | None:
        loc = self.loc()
        state = self.save()
        self.scan()
        empty = self.tok == tokens.RBRACE
        body = self.body(tokens.RBRACE)
        if body is None:
            if empty or not op:
                return None
            failed = self.save()
            self.restore(state)
            if self.infix() is None:
                self.restore(failed)
                return None
            self._report_braces(loc, self.text[loc.offset : self.last_end()], op)
            return None
        self.scan()
        if _ambiguous(body):
            # The body is handed back: a group that goes back drops the error.
            self._report_ambiguous(loc, body, "")
        return Operand(body, True, loc)

    def group(self, *, inside: bool, prefix: str) -> tuple[bool, Operand | None]:
        """Try `(...)` as a group of operands.

        The first result is False when the parentheses hold a plain term; then
        nothing was read.  `inside`: they are already an operand.
        """
        state = self.save()
        opening = self.loc()
        self.scan()
        if self.tok == tokens.RPAREN:
            if inside:
                self.error(opening, "empty parenthesized group")
                return True, None
            self.restore(state)
            return False, None
        if self.bodies >= MAX_BODIES:
            self.too_deep()
            return True, None
        self.bodies += 1
        left = self._operand("")
        self.bodies -= 1
        if left is None:
            self.restore(state)
            return False, None
        if self.tok >= tokens.LOGICAL_AND:
            expr = self._with(self._or_chain(left))
            if expr is None or not self._closing():
                return True, None
            return True, Operand([expr], False, self.spanned(opening))
        if self.tok == tokens.WITH and not left.explicit and len(left.body) == 1:
            return self._group_with(left, opening, state, inside=inside)
        if left.explicit:
            return self._braces_in_parens(left, opening, state, prefix)
        only = left.body[0]
        logical = isinstance(only.terms, ast.Logical)
        if logical or only.negated or only.negated_body is not None:
            if not self._closing():
                return True, None
            return True, Operand(left.body, False, self.spanned(opening))
        self.restore(state)
        return False, None

    def _group_with(
        self,
        left: Operand,
        opening: ast.Location,
        state: State,
        *,
        inside: bool,
    ) -> tuple[bool, Operand | None]:
        with_loc = self.loc()
        if self._with(left.body[0]) is None:
            return True, None
        if self.tok >= tokens.LOGICAL_AND:
            self._report_with(with_loc, tokens.NAMES[self.tok])
            return True, None
        if not self._closing():
            return True, None
        if inside or self.tok >= tokens.LOGICAL_AND:
            return True, Operand(left.body, False, self.spanned(opening))
        self.restore(state)
        return False, None

    def _braces_in_parens(
        self,
        left: Operand,
        opening: ast.Location,
        state: State,
        prefix: str,
    ) -> tuple[bool, Operand | None]:
        braces = self.text[left.loc.offset : self.last_end()]
        self.restore(state)
        self.scan()
        term = self.term()
        self.restore(state)
        if term is not None:
            return False, None
        self.hint(f"drop the parens to keep the body: `{prefix}{braces}`")
        self.error(opening, "`(...)` in an operand position cannot contain a body")
        return True, None

    def _closing(self) -> bool:
        if self.tok != tokens.RPAREN:
            self.error(self.loc(), "expected ) to close parenthesized group")
            return False
        self.scan()
        return True

    # Findings ----------------------------------------------------------------

    def _report_with(self, loc: ast.Location, op: str) -> None:
        self.hint(
            "Wrap the operand in `(...)` or `{...}` to scope, or move `with` after"
            f" the `{op}` expression to apply it to the whole expression"
        )
        self.error(loc, f"`with` modifier is not allowed on operand of `{op}`")

    def _report_braces(self, loc: ast.Location, operand: str, op: str) -> None:
        self.hint(f"wrap the operand to keep the value: `({operand}) {op} ...`")
        self.error(
            loc,
            f"operand of `{op}` cannot begin with `{{` unless the braces hold a body",
        )

    def _report_ambiguous(self, loc: ast.Location, body: ast.Body, prefix: str) -> None:
        begin = self.lines[loc.row - 1] + loc.col - 1
        end = self.last_end()
        braces = union = self.text[begin:end]
        inner = body[0].loc
        if inner is not ast.NO_LOCATION and begin < inner.offset <= inner.end <= end:
            union = (
                f"{self.text[begin : inner.offset]}({inner.text})"
                f"{self.text[inner.end : end]}"
            )
        self.hint(
            f"write `{prefix}({braces})` for the comprehension, or `{prefix}{union}`"
            " for the set union"
        )
        self.error(
            loc,
            "ambiguous `{ ... | ... }` operand: read as a body holding a set-union"
            " expression, not as a comprehension",
        )

    def _check_void(self, body: ast.Body, op: str) -> None:
        """Refuse an operand that only calls built-ins without a value."""
        for expr in body:
            if expr.negated or not isinstance(expr.terms, list):
                return
            builtin = TABLE.get(printer.term_text(expr.terms[0]))
            if builtin is None or not builtin.void:
                return
        call = body[0].terms
        assert isinstance(call, list)
        name = printer.term_text(call[0])
        self.hint(
            f"`{name}` produces no value and always succeeds, so the operand can"
            " never fail; move it out of the operand, or add an expression that can"
            " fail"
        )
        self.error(
            body[0].loc,
            f"operand of `{op}` cannot consist only of calls to `{name}`",
        )


def _ambiguous(body: ast.Body) -> bool:
    """Tell whether a body reads `{ a | b }`, which looks like a comprehension."""
    first = body[0]
    if not isinstance(first.terms, list):
        return False
    operator = first.terms[0]
    if printer.term_text(operator) != "or" or operator.loc.text != "|":
        return False
    return not first.loc.text.strip().startswith("(")


def _brace_led(term: ast.Term) -> ast.Term:
    """Return the value that the leading brace of a term's text opens."""
    while (
        isinstance(term, ast.Call)
        and len(term.args) == 2
        and printer.ref_text(term.operator) in printer.INFIX
    ):
        term = term.args[0]
    return term

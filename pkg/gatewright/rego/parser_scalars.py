"""Reading strings, numbers and templates.

Numbers keep their spelling.  A template's holes are literals of a body, though
most kinds of literal are refused in them.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from math import log2
from typing import Any, Final

from gatewright.rego import ast, printer, tokens
from gatewright.rego.parser_cursor import Cursor
from gatewright.rego.source import extent

__all__ = ["MAX_EXPONENT", "ScalarParser"]

#: Numbers whose binary exponent is beyond this are refused.
MAX_EXPONENT: Final = 100_000
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_SCALARS: Final = (ast.String, ast.Number, ast.Boolean, ast.Null)


class ScalarParser(Cursor):
    """The part of the parser that reads scalars and templates."""

    __slots__ = ()

    def string(self) -> ast.Term | None:
        """Read a quoted string."""
        word = self.texts[self.i]
        if "\\" not in word:
            return ast.String(word[1:-1], self.loc())
        value = _unquoted(word)
        if value is None:
            self.error(self.loc(), f"illegal string literal: {word}")
            return None
        return ast.String(value, self.loc())

    def number(self) -> ast.Term | None:
        """Read a number, with its sign; the spelling is kept."""
        loc = self.loc()
        prefix = ""
        if self.tok == tokens.SUB:
            prefix = "-"
            self.scan()
            if self.tok not in (tokens.NUMBER, tokens.DOT):
                self.unexpected("expected number")
                return None
        if self.tok == tokens.DOT:
            prefix += "."
            self.scan()
            if self.tok != tokens.NUMBER:
                self.unexpected("expected number")
                return None
        word = self.texts[self.i]
        if not prefix.endswith(".") and len(word) > 1 and word[0] == "0":
            decimal = word[1] == "."
            scientific = len(word) > 2 and word[1] in "eE"
            if not decimal and not scientific:
                self.unexpected("expected number without leading zero")
                return None
        text = prefix + word
        end = self.ends[self.i]
        # OPA counts half of a following non-ASCII character in.
        if text.count(".") > 1 or self.text[end : end + 1] > "\x7f":
            self.unexpected("invalid float")
            return None
        if _too_big(text):
            self.error(self.loc(), "number too big")
            return None
        return ast.Number(text, loc)

    # Templates ---------------------------------------------------------------

    def template(self) -> ast.Term | None:
        """Read a template string, from its first stretch of text to its last."""
        loc = self.loc()
        if not self.templates:
            message = "template strings are not supported by current capabilities"
            self.error(loc, message)
            return None
        raw = self.tok in (tokens.RAW_TEMPLATE_PART, tokens.RAW_TEMPLATE_END)
        parts: list[Any] = []
        while True:
            if not tokens.TEMPLATE_PART <= self.tok <= tokens.RAW_TEMPLATE_END:
                self.error(self.loc(), "expected template-string part")
                return None
            literal: str | None = self.texts[self.i]
            if not raw and "\\" in self.texts[self.i]:
                literal = _unquoted(f'"{literal}"')
                if literal is None:
                    word = self._template_word()
                    self.error(self.loc(), f"illegal template-string part: {word}")
                    return None
            if literal:
                parts.append(ast.String(literal, self.loc()))
            if self.tok in (tokens.TEMPLATE_END, tokens.RAW_TEMPLATE_END):
                break
            begin = self.ends[self.i]
            self.scan()
            comment = "#" in self.text[begin : self.starts[self.i]]
            hole = self._hole()
            if hole is None:
                return None
            scalar = isinstance(hole.terms, _SCALARS) and hole.negated_body is None
            if scalar and not comment:
                parts.append(hole.terms)
            else:
                parts.append(hole)
            if self.tok != tokens.RBRACE:
                self.error(self.loc(), "expected } to end template string expression")
                return None
            self.scan()
        loc = extent(loc, start=loc.offset, end=self.ends[self.i])
        return ast.TemplateString(parts, raw, loc)

    def _template_word(self) -> str:
        """Return the stretch of template text with its delimiters, as written."""
        start, end = self.starts[self.i], self.ends[self.i]
        if self.text[start : start + 1] == "$":
            start += 1
        elif start and self.text[start - 1] == "}":
            start -= 1
        return self.text[start:end]

    def _hole(self) -> ast.Expr | None:
        """Read the expression of a template's braces and refuse what may not be
        there."""
        expr = self.literal()
        if expr is None:
            self.error(self.loc(), "invalid template-string expression")
            return None
        message = ""
        if expr.negated:
            message = "unexpected negation ('not') in template-string expression"
        elif isinstance(expr.terms, list):
            operator = printer.term_text(expr.terms[0])
            if operator == "eq":
                message = "unexpected unification ('=')"
            elif operator == "assign":
                message = "unexpected assignment (':=')"
            if message:
                message += " in template-string expression"
        elif isinstance(expr.terms, ast.Every):
            message = "unexpected 'every' in template-string expression"
        elif isinstance(expr.terms, ast.SomeDecl):
            message = "unexpected 'some' in template-string expression"
        if message:
            self.error(expr.loc, message)
            return None
        return expr

    def literal(self) -> ast.Expr | None:
        """Read one literal of a body (see `parser_bodies`)."""
        raise NotImplementedError


def _unquoted(word: str) -> str | None:
    """Decode a JSON string; a lone surrogate becomes U+FFFD."""
    try:
        value: str = json.loads(word)
    except ValueError:
        return None
    return _SURROGATE.sub("\ufffd", value)


def _too_big(text: str) -> bool:
    if "e" not in text and "E" not in text and len(text) < MAX_EXPONENT // 4:
        return False
    try:
        value = Decimal(text).copy_abs()
    except InvalidOperation:
        return True
    if not value:
        return False
    digits = value.as_tuple().digits[:17]
    leading = int("".join(map(str, digits))) / 10 ** (len(digits) - 1)
    return abs(value.adjusted() * log2(10) + log2(leading)) > MAX_EXPONENT

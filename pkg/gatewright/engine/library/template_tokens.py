"""Tokens of Go's text/template, one at a time: what is wrong shows when it is reached."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from gatewright.engine.library.gotext import quote

__all__ = ["KEYWORDS", "Lexer", "Token"]

#: Words with a meaning of their own, and the dot alone.
KEYWORDS: Final = frozenset(
    [
        "block",
        "break",
        "continue",
        "define",
        "else",
        "end",
        "if",
        "nil",
        "range",
        "template",
        "with",
        ".",
    ]
)
_SPACES: Final = " \t\r\n"
_LITERALS: Final = {
    '"': ("string", re.compile(r'"(?:[^"\\\n]|\\[^\n])*"'), "quoted string"),
    "`": ("raw", re.compile(r"`[^`]*`"), "raw quoted string"),
    "'": ("char", re.compile(r"'(?:[^'\\\n]|\\[^\n])*'"), "character constant"),
}
_SIGNS: Final = {"=": "assign", "|": "pipe", "(": "(", ")": ")"}
_NUMBER: Final = re.compile(
    r"""[+-]?(?:
        0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?
        |0[oO][0-7_]*(?:\.[0-7_]*)?
        |0[bB][01_]*(?:\.[01_]*)?
        |[0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9_]*)?
    )i?""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Token:
    """`at`: where it starts; `line` from 1."""

    kind: str
    text: str
    at: int
    line: int

    def __str__(self) -> str:
        if self.kind == "eof":
            return "EOF"
        if self.kind == "error":
            return self.text
        if self.kind in KEYWORDS:
            return f"<{self.text}>"
        if len(self.text.encode("utf-8", "surrogateescape")) > 10:
            return f"{quote(self.text[:10])}..."
        return quote(self.text)


def _word(char: str) -> bool:
    return char == "_" or char.isalpha() or char.isdecimal()


def _named(char: str) -> str:
    """A character as Go's `%#U`."""
    code = 0xFFFD if "\udc80" <= char <= "\udcff" else ord(char)
    shown = f" '{chr(code)}'" if chr(code).isprintable() else ""
    return f"U+{code:04X}{shown}"


class Lexer:
    """Cuts a template; after an error there are no more tokens."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.inside = False
        self.depth = 0
        self._counted = 0
        self._line = 1

    def next(self) -> Token:
        return self._inside() if self.inside else self._outside()

    def _token(self, kind: str, start: int, end: int) -> Token:
        self.at = end
        return Token(kind, self.text[start:end], start, self._line_of(start))

    def _line_of(self, at: int) -> int:
        # Tokens come in order, so each line is counted once.
        if at < self._counted:
            return self.text.count("\n", 0, at) + 1
        self._line += self.text.count("\n", self._counted, at)
        self._counted = at
        return self._line

    def _error(self, start: int, message: str) -> Token:
        return Token("error", message, start, self._line_of(start))

    def _trims(self, at: int) -> bool:
        """Tell whether `-` and a space follow."""
        return self.text.startswith("-", at) and self.text[at + 1 : at + 2] in tuple(
            _SPACES
        )

    def _closes(self, at: int) -> tuple[bool, bool]:
        """Tell whether `}}` follows, and whether with a mark that trims."""
        if self.text[at : at + 1] in tuple(_SPACES) and self.text.startswith(
            "-}}", at + 1
        ):
            return True, True
        return self.text.startswith("}}", at), False

    def _skip_spaces(self, at: int) -> int:
        while at < len(self.text) and self.text[at] in _SPACES:
            at += 1
        return at

    def _outside(self) -> Token:
        while True:
            start = self.at
            opening = self.text.find("{{", start)
            if opening < 0:
                if start < len(self.text):
                    return self._token("text", start, len(self.text))
                return self._token("eof", start, start)
            trims = self._trims(opening + 2)
            end = opening
            while trims and end > start and self.text[end - 1] in _SPACES:
                end -= 1
            if end > start:
                token = self._token("text", start, end)
                self.at = opening
                return token
            inner = opening + (4 if trims else 2)
            if not self.text.startswith("/*", inner):
                self.inside = True
                self.depth = 0
                token = self._token("{{", opening, opening + 2)
                self.at = inner
                return token
            stop = self.text.find("*/", inner + 2)
            if stop < 0:
                return self._error(inner, "unclosed comment")
            closes, trims = self._closes(stop + 2)
            if not closes:
                return self._error(inner, "comment ends before closing delimiter")
            self.at = stop + 4
            if trims:
                self.at = self._skip_spaces(stop + 6)

    def _inside(self) -> Token:
        start, text = self.at, self.text
        closes, trims = self._closes(start)
        if closes:
            if self.depth:
                return self._error(start, "unclosed left paren")
            return self._close(start, trims=trims)
        if start >= len(text):
            return self._error(start, "unclosed action")
        char = text[start]
        if char in _SPACES:
            return self._space(start)
        if char == ":":
            if not text.startswith(":=", start):
                return self._error(start, "expected :=")
            return self._token("declare", start, start + 2)
        if char in _LITERALS:
            kind, pattern, what = _LITERALS[char]
            found = pattern.match(text, start)
            if found is None:
                return self._error(start, f"unterminated {what}")
            return self._token(kind, start, found.end())
        if char == "(":
            self.depth += 1
        elif char == ")":
            self.depth -= 1
            if self.depth < 0:
                return self._error(start, "unexpected right paren")
        if char in _SIGNS:
            return self._token(_SIGNS[char], start, start + 1)
        if char == "$":
            return self._named("variable", start, start + 1)
        digits = text[start + 1 : start + 2]
        if char == "." and digits and not "0" <= digits <= "9":
            return self._named("field", start, start + 1)
        if char in "+-." or "0" <= char <= "9":
            return self._number(start)
        if _word(char):
            return self._named("name", start, start)
        if " " <= char <= "~":
            return self._token("sign", start, start + 1)
        return self._error(start, f"unrecognized character in action: {_named(char)}")

    def _close(self, start: int, *, trims: bool) -> Token:
        self.inside = False
        if not trims:
            return self._token("}}", start, start + 2)
        token = self._token("}}", start + 2, start + 4)
        self.at = self._skip_spaces(start + 4)
        return token

    def _space(self, start: int) -> Token:
        end = self._skip_spaces(start)
        if self.text.startswith("-}}", end):
            end -= 1  # the last of the spaces belongs to the mark
        return self._token("space", start, end)

    def _ends(self, at: int) -> bool:
        """Tell whether a word may end here."""
        char = self.text[at : at + 1]
        return not char or char in " \t\r\n.,|:)(" or self.text.startswith("}}", at)

    def _named(self, kind: str, start: int, at: int) -> Token:
        text = self.text
        if at > start and self._ends(at):
            return self._token("." if kind == "field" else kind, start, at)
        while at < len(text) and _word(text[at]):
            at += 1
        if not self._ends(at):
            return self._error(start, f"bad character {_named(text[at])}")
        if kind == "name":
            word = text[start:at]
            if word in KEYWORDS:
                kind = word
            elif word in ("true", "false"):
                kind = "bool"
        return self._token(kind, start, at)

    def _number(self, start: int) -> Token:
        end, good = self._digits(start)
        kind = "number"
        if good and self.text[end : end + 1] in ("+", "-"):
            end, good = self._digits(end)
            good = good and self.text[end - 1] == "i"
            kind = "complex"
        if not good:
            shown = quote(self.text[start:end])
            return self._error(start, f"bad number syntax: {shown}")
        return self._token(kind, start, end)

    def _digits(self, at: int) -> tuple[int, bool]:
        found = _NUMBER.match(self.text, at)
        assert found
        end = found.end()
        if end < len(self.text) and _word(self.text[end]):
            return end + 1, False
        return end, True

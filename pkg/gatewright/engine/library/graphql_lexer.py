"""GraphQL's tokens, with the names and places that OPA's errors show."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from gatewright.engine.library.budget import LINE, charge
from gatewright.engine.library.gotext import quote

__all__ = ["INVALID", "Token", "tokens"]

INVALID: Final = "<Invalid>"
_SPACE: Final = re.compile(r"[ \t\r\n,\ufeff]*")
_COMMENT: Final = re.compile(r"#[^\x00-\x08\x0a-\x1f]*")
#: The library takes a line to start behind its `\r`, before its `\n`.
_LINE: Final = re.compile(r"\n|\r\n?")
_NAME: Final = re.compile(r"[_A-Za-z][_0-9A-Za-z]*")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)")
_PUNCTUATION: Final = frozenset("!$&():=@[]{|}")
#: Of more than three quotes at the end the first ones belong to the text.
_BLOCK: Final = re.compile(
    r'"""(?P<raw>(?:\\"""|"{1,2}(?!")|[^"\x00-\x08\x0b\x0c\x0e-\x1f])*)(?P<end>"{3,}|)'
)
_ESCAPES: Final = {
    '"': '"',
    "\\": "\\",
    "/": "/",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
}


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` as errors name it; `value` of names, numbers and strings.

    `comments` stand before it.
    """

    kind: str
    value: str
    line: int
    column: int
    comments: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind} {quote(self.value)}" if self.value else self.kind


class _Invalid(Exception):
    """No token begins or ends here."""


def tokens(text: str) -> list[Token]:
    """Return the tokens; the last is `<EOF>`, or `<Invalid>` where reading stopped."""
    lexer = _Lexer(text)
    out: list[Token] = []
    while True:
        out.append(lexer.next())
        if out[-1].kind in ("<EOF>", INVALID):
            return out


class _Lexer:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.line = 1
        self.line_start = 0

    def advance(self, to: int) -> None:
        for found in re.finditer(r"\r\n|\n|\r", self.text[self.at : to]):
            self.line += 1
            self.line_start = self.at + found.end()
        self.at = to

    def skip_space(self) -> None:
        found = _SPACE.match(self.text, self.at)
        assert found is not None
        for line in _LINE.finditer(self.text, self.at, found.end()):
            self.line += 1
            self.line_start = line.start() + 1
        self.at = found.end()

    def token(self, kind: str, value: str = "", start: int | None = None) -> Token:
        at = self.at if start is None else start
        return Token(kind, value, self.line, at - self.line_start + 1)

    def next(self) -> Token:
        charge(60 * LINE)
        comments: list[str] = []
        self.skip_space()
        while found := _COMMENT.match(self.text, self.at):
            comments.append(found[0])
            self.at = found.end()
            self.skip_space()
        try:
            token = self.read()
        except _Invalid:
            token = self.token(INVALID)
        return replace(token, comments=tuple(comments)) if comments else token

    def read(self) -> Token:
        text, start = self.text, self.at
        if start >= len(text):
            return self.token("<EOF>")
        char = text[start]
        if char in _PUNCTUATION:
            self.at += 1
            return self.token(char, start=start)
        if text.startswith("...", start):
            self.at += 3
            return self.token("...", start=start)
        if name := _NAME.match(text, start):
            self.at = name.end()
            return self.token("Name", name[0], start)
        if char == '"':
            if text.startswith('"""', start):
                return self.block()
            return self.string()
        if char == "-" or "0" <= char <= "9":
            return self.number()
        raise _Invalid

    def number(self) -> Token:
        start = self.at
        whole = _NUMBER.match(self.text, start)
        if whole is None:
            self.at += 1
            raise _Invalid
        self.at = whole.end()
        kind = "Int"
        if self.digit() and whole[0].lstrip("-") == "0":
            raise _Invalid
        if self.peek() == ".":
            kind = "Float"
            self.at += 1
            self.digits()
        if self.peek() in ("e", "E"):
            kind = "Float"
            self.at += 1
            if self.peek() in ("+", "-"):
                self.at += 1
            self.digits()
        return self.token(kind, self.text[start : self.at], start)

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def digit(self) -> bool:
        return bool(self.peek()) and self.peek() in "0123456789"

    def digits(self) -> None:
        if not self.digit():
            raise _Invalid
        while self.digit():
            self.at += 1

    def string(self) -> Token:
        start = self.at
        self.at += 1
        out: list[str] = []
        while (char := self.peek()) != '"':
            if not char or char in "\r\n" or (char < " " and char != "\t"):
                raise _Invalid
            self.at += 1
            out.append(self.escape() if char == "\\" else char)
        self.at += 1
        # OPA's places of strings lie behind the quote.
        return self.token("String", "".join(out), start + 1)

    def escape(self) -> str:
        char = self.peek()
        if char == "u":
            digits = self.text[self.at + 1 : self.at + 5]
            if not re.fullmatch(r"[0-9a-fA-F]{4}", digits):
                raise _Invalid
            self.at += 5
            code = int(digits, 16)
            return "\ufffd" if 0xD800 <= code < 0xE000 else chr(code)
        if char not in _ESCAPES:
            raise _Invalid
        self.at += 1
        return _ESCAPES[char]

    def block(self) -> Token:
        start = self.at
        found = _BLOCK.match(self.text, start)
        assert found is not None
        self.advance(found.end())
        if not found["end"]:
            raise _Invalid
        raw = found["raw"].replace('\\"""', '"""') + found["end"][3:]
        # From the start of the last line, where OPA looks: below 0 for long ones.
        column = start - self.line_start + 4
        return Token("BlockString", _block_value(raw), self.line, column)


def _block_value(raw: str) -> str:
    lines = re.split(r"\r\n|\n|\r", raw)
    indents = [
        len(line) - len(line.lstrip(" \t")) for line in lines if line.strip(" \t")
    ]
    common = min(indents, default=0)
    lines = lines[:1] + [line[common:] for line in lines[1:]]
    while lines and not lines[0].strip(" \t"):
        lines.pop(0)
    while lines and not lines[-1].strip(" \t"):
        lines.pop()
    return "\n".join(lines)

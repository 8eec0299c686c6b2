"""Scalars of YAML: plain, quoted, and in blocks; lines folded."""

from __future__ import annotations

import re
from typing import Final

from gatewright.engine.library.yaml_cursor import (
    BLANKS,
    BLANKZ,
    BREAKS,
    TO_BREAK,
    Cursor,
    Token,
)

__all__ = ["block", "plain", "quoted"]

#: Outside and inside `[]` and `{}`.
_PLAIN: Final = (
    re.compile(f"(?:[^{BLANKZ}:]|:(?![{BLANKZ}]))+"),
    re.compile(f"(?:[^{BLANKZ}:,?\\[\\]{{}}]|:(?![{BLANKZ}]))+"),
)
_RUNS: Final = {
    "'": re.compile(f"[^{BLANKZ}']+"),
    '"': re.compile(f'[^{BLANKZ}"\\\\]+'),
}
_ESCAPES: Final = {
    "0": "\0", "a": "\a", "b": "\b", "t": "\t", "\t": "\t", "n": "\n", "v": "\v",
    "f": "\f", "r": "\r", "e": "\x1b", " ": " ", '"': '"', "'": "'", "\\": "\\",
    "N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029",
}  # fmt: skip
_CODES: Final = {"x": 2, "u": 4, "U": 8}
_HEX: Final = re.compile("[0-9A-Fa-f]+")
_HEADER: Final = re.compile("([+-]?)([0-9]?)([+-]?)")
_INDENT: Final = re.compile(" +")


class _Gap:
    """Blanks and line breaks inside a scalar, and what becomes of them."""

    def __init__(self, *, broken: bool = False) -> None:
        self.broken = broken  # there was a line break
        self.blanks = self.first = self.more = ""

    def read(self, cursor: Cursor, indent: int, line: int) -> None:
        """Take them all; a tab must not stand before `indent`."""
        while True:
            if blanks := cursor.take(BLANKS):
                if not self.broken:
                    self.blanks += blanks
                elif (
                    "\t" in blanks
                    and (at := cursor.column - len(blanks) + blanks.index("\t"))
                    < indent
                ):
                    cursor.at = cursor.begin + at
                    cursor.fail("found a tab character that violates indentation", line)
            char = cursor.read_break()
            if not char:
                return
            if self.broken:
                self.more += char
            else:
                self.first, self.broken = char, True

    def text(self) -> str:
        """One break is a space, more are one less."""
        if not self.broken:
            return self.blanks
        if self.first == "\n":
            return self.more or " "
        return self.first + self.more


def plain(cursor: Cursor) -> Token:
    """Read a plain scalar; behind lines a key may begin again."""
    text, line, indent = cursor.text, cursor.line, cursor.indent + 1
    pattern = _PLAIN[bool(cursor.flow)]
    parts: list[str] = []
    gap = _Gap()
    while not cursor.is_marked() and text[cursor.at] != "#":
        if run := cursor.take(pattern):
            parts += (gap.text(), run)
            gap = _Gap()
        if text[cursor.at] not in BLANKZ or text[cursor.at] == "\0":
            break
        gap.read(cursor, indent, line)
        if not cursor.flow and cursor.column < indent:
            break
    if gap.broken:
        cursor.allowed = True
    return ("scalar", line, "".join(parts), "")


def quoted(cursor: Cursor, quote: str) -> Token:
    """Read a scalar in quotes."""
    text, line = cursor.text, cursor.line
    cursor.at += 1
    parts: list[str] = []
    while True:
        if cursor.is_marked():
            cursor.fail("found unexpected document indicator", line)
        if text[cursor.at] == "\0":
            cursor.fail("found unexpected end of stream", line)
        broken = _word(cursor, quote, parts, line)
        if text[cursor.at] == quote:
            cursor.at += 1
            return ("scalar", line, "".join(parts), quote)
        gap = _Gap(broken=broken)
        gap.read(cursor, 0, line)
        parts.append(gap.text())


def _word(cursor: Cursor, quote: str, parts: list[str], line: int) -> bool:
    """Read up to a blank or the end; True when a line break was escaped."""
    text = cursor.text
    while True:
        if run := cursor.take(_RUNS[quote]):
            parts.append(run)
        char, following = text[cursor.at], text[cursor.at + 1 : cursor.at + 2]
        if char == "'" == quote == following:
            parts.append(char)
            cursor.at += 2
        elif char != "\\" or quote == "'":
            return False
        elif following and following in BREAKS:
            cursor.at += 1
            cursor.skip_break()
            return True
        else:
            parts.append(_escape(cursor, following, line))


def _escape(cursor: Cursor, letter: str, line: int) -> str:
    size = _CODES.get(letter, 0)
    if not size and letter not in _ESCAPES:
        cursor.fail("found unknown escape character", line)
    cursor.at += 2
    if not size:
        return _ESCAPES[letter]
    digits = cursor.text[cursor.at : cursor.at + size]
    if len(digits) < size or not _HEX.fullmatch(digits):
        cursor.fail("did not find expected hexdecimal number", line)
    code = int(digits, 16)
    if 0xD800 <= code <= 0xDFFF or code > 0x10FFFF:
        cursor.fail("found invalid Unicode character escape code", line)
    cursor.at += size
    return chr(code)


def block(cursor: Cursor, style: str) -> Token:
    """Read a literal (`|`) or folded (`>`) scalar."""
    text, line = cursor.text, cursor.line
    cursor.at += 1
    chomp, indent = _header(cursor, line)
    if indent and cursor.indent >= 0:
        indent += cursor.indent
    more, indent = _breaks(cursor, indent, line)
    parts: list[str] = []
    first, spaced = "", False
    while cursor.column == indent and text[cursor.at] != "\0":
        blank = text[cursor.at] in " \t"
        if style == ">" and not spaced and not blank and first == "\n":
            parts.append("" if more else " ")
        else:
            parts.append(first)
        parts += (more, cursor.take(TO_BREAK))
        spaced = blank
        first = cursor.read_break()
        more, indent = _breaks(cursor, indent, line)
    if chomp != "-":
        parts.append(first)
    if chomp == "+":
        parts.append(more)
    return ("scalar", line, "".join(parts), style)


def _header(cursor: Cursor, line: int) -> tuple[str, int]:
    """Read what follows `|`: how line breaks at the end are kept, and an indent."""
    found = _HEADER.match(cursor.text, cursor.at)
    assert found is not None
    sign, digit, last = found.groups()
    if digit == "0":
        cursor.at = found.end(1)
        cursor.fail("found an indentation indicator equal to 0", line)
    cursor.at = found.end(2) if sign or not digit else found.end()
    chomp = sign or (last if digit else "")
    cursor.take(BLANKS)
    if cursor.text[cursor.at] == "#":
        cursor.take(TO_BREAK)
    if not cursor.skip_break() and cursor.text[cursor.at] != "\0":
        cursor.fail("did not find expected comment or line break", line)
    return chomp, int(digit or 0)


def _breaks(cursor: Cursor, indent: int, line: int) -> tuple[str, int]:
    """Read indents and empty lines; the first lines tell the indent, if none does."""
    deepest, out = 0, []
    while True:
        spaces = len(cursor.take(_INDENT))
        if indent and spaces > indent:
            cursor.at = cursor.begin + indent
        deepest = max(deepest, cursor.column)
        short = not indent or cursor.column < indent
        if short and cursor.text[cursor.at] == "\t":
            cursor.fail(
                "found a tab character where an indentation space is expected", line
            )
        if char := cursor.read_break():
            out.append(char)
            continue
        return "".join(out), indent or max(deepest, cursor.indent + 1, 1)

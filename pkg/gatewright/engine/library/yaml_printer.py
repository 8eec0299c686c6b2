"""Values as YAML text, as Go's library prints them: blocks, and each scalar in the
first style that can hold it.

A value is a list, a dict of texts in the order wanted, or a `Scalar`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from gatewright.engine.library.budget import LINE, charge

__all__ = ["Scalar", "print_yaml"]

_INDENT: Final = 2
#: Longer keys, in bytes, stand behind a `?`.
_KEY_SIZE: Final = 128
_BREAKS: Final = "\r\n\x85\u2028\u2029"
_UNPRINTABLE: Final = re.compile("[^\n\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]")
_FIRST: Final = frozenset("#,[]{}&*!|>'\"%@`")
_ESCAPES: Final = {
    "\0": "0", "\a": "a", "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r",
    "\x1b": "e", '"': '"', "\\": "\\", "\x85": "N", "\xa0": "_", "\u2028": "L", "\u2029": "P",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text; `quoted`: plain it would be read as something else."""

    text: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class _Form:
    """What styles a text can be printed in; `lines`: it has line breaks."""

    lines: bool
    plain: bool
    single: bool
    block: bool


def print_yaml(value: Any, *, older: bool) -> str:
    """Print a document; `older`: as OPA 1.17 does."""
    printer = _Printer(older=older)
    printer.value(value)
    printer.to_indent()
    return "".join(printer.out)


def _form(text: str, *, older: bool) -> _Form:
    if not text:
        return _Form(lines=False, plain=True, single=True, block=False)
    lines = any(char in text for char in _BREAKS)
    odd = _UNPRINTABLE.search(text if older else text.replace("\t", "")) is not None
    broken = re.search(f" [{_BREAKS}]", text) is not None
    indented = re.search(f"[{_BREAKS}] ", text) is not None
    edges = text[0] == " " or text[-1] == " "
    tab = "\t" in text
    plain = not (edges or lines or odd or tab or _indicates(text))
    single = not (indented or broken or odd or tab)
    block = not (text[-1] == " " or broken or odd)
    return _Form(lines=lines, plain=plain, single=single, block=block)


def _indicates(text: str) -> bool:
    """Tell whether a plain text would be read as something of YAML's own."""
    if text.startswith(("---", "...")) or text[0] in _FIRST:
        return True
    following = text[1:2]
    if text[0] in "?:-" and (not following or following in " \t"):
        return True
    return bool(re.search(r".:(?:[ \t]|\Z)", text, re.DOTALL)) or bool(
        re.search(f"[ \t\0{_BREAKS}]#", text)
    )


class _Printer:
    """Text as it grows; what is known of its last line is what the library knows."""

    def __init__(self, *, older: bool) -> None:
        self.older = older
        self.width = 80 if older else 1 << 31
        self.out: list[str] = []
        self.column = 0
        self.indent = -1
        self.blank = True  # a space or nothing is before
        self.fresh = True  # so far the line has indents and signs of entries

    def put(self, text: str) -> None:
        self.out.append(text)
        self.column += len(text)

    def end_line(self, mark: str = "\n") -> None:
        self.out.append(mark)
        self.column = 0
        if not self.older:
            self.fresh = True

    def to_indent(self) -> None:
        indent = max(self.indent, 0)
        if (
            not self.fresh
            or self.column > indent
            or (self.column == indent and not self.blank)
        ):
            self.end_line()
        self.put(" " * (indent - self.column))
        self.blank = True
        if self.older:
            self.fresh = True

    def sign(
        self, text: str, *, apart: bool, blank: bool = False, entry: bool = False
    ) -> None:
        """Put an indicator; `apart`: behind a space."""
        if apart and not self.blank:
            self.put(" ")
        self.put(text)
        self.blank = blank
        self.fresh = self.fresh and entry

    # Collections

    def value(self, value: Any, *, mapped: bool = False) -> None:
        """Print a value; `mapped`: of a mapping, a key or what belongs to one."""
        charge(8 * LINE)
        if isinstance(value, Scalar):
            self.scalar(value)
        elif not value:
            self.sign("[" if isinstance(value, list) else "{", apart=True, blank=True)
            self.sign("]" if isinstance(value, list) else "}", apart=False)
        elif isinstance(value, list):
            self.sequence(value, mapped=mapped)
        else:
            self.mapping(value)

    def sequence(self, items: list[Any], *, mapped: bool) -> None:
        before = self.indent
        if before < 0:
            self.indent = 0
        elif not (self.older and mapped and not self.fresh):
            self.indent += _INDENT
        for item in items:
            self.to_indent()
            self.sign("-", apart=True, entry=True)
            self.value(item)
        self.indent = before

    def mapping(self, entries: dict[Scalar, Any]) -> None:
        before = self.indent
        self.indent = 0 if before < 0 else before + _INDENT
        for key, entry in entries.items():
            self.to_indent()
            short = len(key.text.encode("utf-8", "replace")) <= _KEY_SIZE
            if short and not any(char in key.text for char in _BREAKS):
                self.scalar(key, simple=True)
                self.sign(":", apart=False)
            else:
                self.sign("?", apart=True, entry=True)
                self.value(key, mapped=True)
                self.to_indent()
                self.sign(":", apart=True, entry=True)
            self.value(entry, mapped=True)
        self.indent = before

    # Scalars

    def scalar(self, value: Scalar, *, simple: bool = False) -> None:
        """Print a text; `simple`: a key without `?`, on one line."""
        text = value.text
        charge(LINE + 4 * len(text))
        form = _form(text, older=self.older)
        before = self.indent
        # Its lines stand deeper than what it is in
        self.indent = max(before, 0) + _INDENT
        if "\n" in text and form.block and not simple:
            self.literal(text)
        elif "\n" in text or value.quoted:
            self.double(text, folds=not simple)
        elif form.plain and (text or not simple):
            self.plain(text, folds=not simple)
        elif form.single:
            self.single(text, folds=not simple)
        else:
            self.double(text, folds=not simple)
        self.indent = before

    def plain(self, text: str, *, folds: bool) -> None:
        if (text or self.older) and not self.blank:
            self.put(" ")
        self.words(text, folds=folds, first=0, last=len(text))
        if text or self.older:
            self.blank = False
        self.fresh = False

    def single(self, text: str, *, folds: bool) -> None:
        self.sign("'", apart=True)
        self.words(text, folds=folds, first=1, last=len(text) - 1, quote="'")
        self.sign("'", apart=False)
        self.blank = self.fresh = False

    def words(
        self, text: str, *, folds: bool, first: int, last: int, quote: str = ""
    ) -> None:
        """Print a text that may have line breaks, broken where it is too wide."""
        if not (folds and self.older) and not any(char in text for char in _BREAKS):
            self.put(text.replace("'", "''") if quote else text)
            return
        spaces = breaks = False
        for at, char in enumerate(text):
            if char == " ":
                wide = folds and not spaces and self.column > self.width
                if wide and first <= at < last and text[at + 1 : at + 2] != " ":
                    self.to_indent()
                else:
                    self.put(char)
                spaces = True
            elif char in _BREAKS:
                if not breaks and char == "\n":
                    self.end_line()
                self.end_line(char)
                breaks = True
                if self.older:
                    self.fresh = True
            else:
                if breaks:
                    self.to_indent()
                self.put("''" if char == "'" == quote else char)
                self.fresh = spaces = breaks = False

    def double(self, text: str, *, folds: bool) -> None:
        self.sign('"', apart=True)
        marked = text.startswith("\ufeff")
        spaces = False
        for at, char in enumerate(text):
            odd = char in _BREAKS or char in '"\\' or _UNPRINTABLE.match(char)
            if marked or odd:
                self.put(_escaped(char))
                spaces = False
            elif char != " ":
                self.put(char)
                spaces = False
            else:
                wide = folds and not spaces and self.column > self.width
                if wide and 0 < at < len(text) - 1:
                    self.to_indent()
                    if text[at + 1] == " ":
                        self.put("\\")
                else:
                    self.put(char)
                spaces = True
        self.sign('"', apart=False)
        self.blank = self.fresh = False

    def literal(self, text: str) -> None:
        self.sign("|", apart=True)
        if text[0] == " " or text[0] in _BREAKS:
            self.sign(str(_INDENT), apart=False)
        if text[-1] not in _BREAKS:
            self.sign("-", apart=False)
        elif len(text) == 1 or text[-2] in _BREAKS:
            self.sign("+", apart=False)
        self.end_line()
        self.blank = True
        if self.older:
            self.fresh = True
        for line in re.split(f"([{_BREAKS}])", text):
            if line and line in _BREAKS:
                self.end_line(line)
                if self.older:
                    self.fresh = True
            elif line:
                self.to_indent()
                self.put(line)
                self.fresh = False


def _escaped(char: str) -> str:
    if char in _ESCAPES:
        return "\\" + _ESCAPES[char]
    code = ord(char)
    if code <= 0xFF:
        return f"\\x{code:02X}"
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"

r"""`glob.match` and `glob.quote_meta`: globs, translated to RE2.

`*` runs over anything but delimiters, `**` over anything, `?` is one character that
is no delimiter; `[abc]`, `[a-z]`, `[!a]` (delimiters included), `{a,b*}` nested
alternatives, `\` takes away a meaning.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from gatewright.engine.library import gobwas
from gatewright.engine.library.budget import older
from gatewright.engine.library.errors import BuiltinError, element_error, operand_error
from gatewright.engine.library.operands import string, utf8
from gatewright.engine.library.re2 import Pattern, compile_pattern, quote_meta
from gatewright.engine.values import Value

__all__ = ["match", "quote_glob", "translate"]

_META: Final = frozenset("*?\\[]{}")


def match(pattern: Value, delimiters: Value, value: Value) -> bool:
    """Match a whole string; null: no delimiters, `[]`: the dot."""
    source = string(pattern, 1)
    if delimiters is None:
        marks: tuple[str, ...] = ()
    elif isinstance(delimiters, list):
        marks = _runes(delimiters) or (".",)
    else:
        raise operand_error(2, delimiters, "array", "null")
    text = string(value, 3)
    if older():
        # A byte that is no UTF-8 is U+FFFD there
        runes = (
            0xFFFD if "\udc80" <= mark <= "\udcff" else ord(mark) for mark in marks
        )
        return gobwas.compiled(utf8(source), tuple(runes)).match(utf8(text))
    return _compiled(source, marks).test(utf8(text))


def quote_glob(value: Value) -> str:
    """Escape every character that means something in a glob."""
    text = string(value, 1)
    return "".join("\\" + char if char in _META else char for char in text)


def _runes(delimiters: list[Value]) -> tuple[str, ...]:
    for item in delimiters:
        if not isinstance(item, str):
            raise element_error(2, delimiters, item, "string")
        if len(item) != 1:
            raise element_error(2, delimiters, item, "rune")
    return tuple(delimiters)


@lru_cache(500)
def _compiled(source: str, marks: tuple[str, ...]) -> Pattern:
    return compile_pattern(translate(source, marks))


def translate(source: str, marks: tuple[str, ...]) -> str:
    """Return the RE2 pattern of a glob; BuiltinError when it is malformed."""
    return _Translation(source, marks).run()


class _Translation:
    def __init__(self, source: str, marks: tuple[str, ...]) -> None:
        self.source = source
        self.at = 0
        if marks:
            self.one = f"[^{''.join(map(_class_char, marks))}]"
        else:
            self.one = "."

    def fail(self, message: str) -> BuiltinError:
        offset = len(utf8(self.source[: self.at]))
        return BuiltinError(f"glob: syntax error at {offset}: {message}")

    def read(self) -> str:
        """Take a character; "" at the end."""
        char = self.source[self.at : self.at + 1]
        self.at += len(char)
        return char

    def run(self) -> str:
        out = ["(?s)\\A"]
        depth = 0
        while char := self.read():
            if char == "*":
                if self.source.startswith("*", self.at):
                    self.at += 1
                    out.append(".*")
                else:
                    out.append(f"{self.one}*")
            elif char == "?":
                out.append(self.one)
            elif char == "[":
                out.append(self.range())
            elif char == "{":
                depth += 1
                out.append("(?:")
            elif char == "," and depth:
                out.append("|")
            elif char == "}" and depth:
                depth -= 1
                out.append(")")
            elif char == "\\":
                escaped = self.read()
                if not escaped:
                    raise self.fail("trailing backslash")
                out.append(quote_meta(escaped))
            else:
                out.append(quote_meta(char))
        if depth:
            raise self.fail("unclosed `{`")
        out.append("\\z")
        return "".join(out)

    def range(self) -> str:
        """Translate what follows `[`: a list of characters or one range."""
        negate = self.source.startswith("!", self.at)
        self.at += negate
        low = self.read()
        if not low:
            raise self.fail("unexpected end of input")
        if self.source.startswith("-", self.at):
            self.at += 1
            high = self.read()
            close = self.read()
            if not high or not close:
                raise self.fail("unexpected end of input")
            if close != "]":
                raise self.fail("expected close range character")
            if high < low:
                raise self.fail("range hi character is less than lo")
            body = f"{_class_char(low)}-{_class_char(high)}"
        else:
            self.at -= 1
            body = "".join(map(_class_char, self.members()))
            if not body:
                raise self.fail("could not parse range")
        return f"[{'^' if negate else ''}{body}]"

    def members(self) -> list[str]:
        """Take the characters up to the closing `]` and that."""
        out: list[str] = []
        while True:
            char = self.read()
            if char == "]":
                return out
            if char == "\\":
                char = self.read()
            if not char:
                raise self.fail("unexpected end of input")
            out.append(char)


def _class_char(char: str) -> str:
    return "\\" + char if char in "\\]^-[" else char

"""YAML as tokens, in the order and with the mistakes that Go's library finds.

The library is libyaml in Go, in two releases that differ: that of OPA 1.22 keeps
comments, so it looks two tokens further ahead, and it names other lines; that of
OPA 1.17, for templates, does neither.

A token is `(kind, line, text, more)`: of a scalar its value and its style (`""`,
`'`, `"`, `|`, `>`), of a tag its handle and suffix, of `%TAG` handle and prefix, of
`%YAML` the version, of an anchor and an alias the name.  Lines count from 0.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gatewright.engine.library import yaml_scalars as scalars
from gatewright.engine.library import yaml_words as words
from gatewright.engine.library.budget import LINE, charge
from gatewright.engine.library.yaml_cursor import (
    BLANKS,
    BLANKZ,
    BREAKS,
    TO_BREAK,
    Cursor,
    Token,
    YamlFault,
)
from gatewright.engine.library.yaml_input import AHEAD, Input

__all__ = ["Scanner"]

#: Collections and indents nest so deep in the library.
MAX_DEPTH: Final = 10_000
#: Characters that a key without `?` may have.
_KEY_SIZE: Final = 1024
_SPACES: Final = re.compile(" *")
#: A comment, and those that follow it with blank lines between.
_COMMENTS: Final = re.compile(
    f"#[^{BREAKS}\0]*(?:[\r\n][ \t\r\n]{{0,510}}#[^{BREAKS}\0]*)*"
)
#: What a token cannot begin with, unless `-`, `?` and `:` are followed by more.
_NO_START: Final = frozenset(BLANKZ + "-?:,[]{}#&*!|>'\"%@`")


@dataclass(slots=True)
class _Key:
    """What may turn out to be a key without `?`, when `:` follows."""

    possible: bool = False
    required: bool = False
    number: int = 0  # of its token
    at: int = 0
    line: int = 0
    column: int = 0


class Scanner(Cursor):
    """Tokens of a stream, on demand; `older`: as OPA 1.17 has them."""

    def __init__(self, source: Input, *, older: bool) -> None:
        super().__init__(source, older=older)
        self.tokens: list[Token] = [("stream start", 0, "", "")]
        self.taken = 0  # tokens that were taken from the queue
        self.available = False
        self.indents: list[int] = []
        self.keys = [_Key()]
        self.by_token: dict[int, int] = {}
        self.ahead = 0 if older else 2
        self.fetchers: dict[str, Callable[[str], None]] = {
            "[": self.fetch_open,
            "{": self.fetch_open,
            "]": self.fetch_close,
            "}": self.fetch_close,
            ",": self.fetch_comma,
            "*": self.fetch_anchor,
            "&": self.fetch_anchor,
            "!": self.fetch_tag,
            "'": self.fetch_quoted,
            '"': self.fetch_quoted,
        }

    def peek(self) -> Token:
        """The next token."""
        if not self.available:
            self.fill()
            self.available = True
        return self.tokens[0]

    def skip(self) -> None:
        """Take the token that was looked at."""
        self.available = False
        self.taken += 1
        del self.tokens[0]

    def fill(self) -> None:
        """Fetch until it is known what the next token is."""
        while True:
            if len(self.tokens) > self.ahead:
                level = self.by_token.get(self.taken)
                if level is None or not self.is_key(self.keys[level]):
                    return
            charge(50 * LINE)
            limit = self.source.limit
            try:
                self.fetch()
            except YamlFault:
                if limit < 0 or self.at + AHEAD <= limit:
                    raise
            if 0 <= limit < self.at + AHEAD:
                raise YamlFault(self.source.fault)

    # Keys and indents

    def is_key(self, key: _Key) -> bool:
        """May it still be one?  Not on another line, and not too far away."""
        if not key.possible:
            return False
        if key.line < self.line or key.at + _KEY_SIZE < self.at:
            if key.required:
                self.fail("could not find expected ':'", key.line)
            key.possible = False
            return False
        return True

    def save_key(self) -> None:
        if self.allowed:
            self.drop_key()
            number = self.taken + len(self.tokens)
            required = not self.flow and self.indent == self.column
            self.keys[-1] = _Key(
                True, required, number, self.at, self.line, self.column
            )
            self.by_token[number] = len(self.keys) - 1

    def drop_key(self) -> None:
        key = self.keys[-1]
        if key.possible:
            if key.required:
                self.fail("could not find expected ':'", key.line)
            key.possible = False
            self.by_token.pop(key.number, None)

    def roll(self, kind: str, column: int, line: int, place: int | None = None) -> None:
        """A collection begins where the indent grows."""
        if self.flow or self.indent >= column:
            return
        self.indents.append(self.indent)
        self.indent = column
        if len(self.indents) > MAX_DEPTH:
            self.fail(f"exceeded max depth of {MAX_DEPTH}", self.keys[-1].line)
        place = len(self.tokens) if place is None else place
        self.tokens.insert(place, (kind, line, "", ""))

    def unroll(self, column: int, line: int) -> None:
        while not self.flow and self.indent > column:
            self.tokens.append(("end", line, "", ""))
            self.indent = self.indents.pop()

    def to_next(self) -> None:
        """Skip blanks, comments and line breaks."""
        if not self.at and self.text.startswith("\ufeff"):
            self.at = 1
        while True:
            self.take(BLANKS if self.flow or not self.allowed else _SPACES)
            if self.text[self.at] == "#":
                found = (TO_BREAK if self.older else _COMMENTS).match(
                    self.text, self.at
                )
                assert found is not None
                self.over(found.end())
            if not self.skip_break():
                return
            if not self.flow:
                self.allowed = True

    def fetch(self) -> None:
        """Append the next token, or more."""
        line = self.line
        self.to_next()
        self.unroll(self.column, self.line if self.older else line)
        char = self.text[self.at]
        if char == "\0":
            self.fetch_end()
            return
        first = self.at == self.begin
        if first and char == "%":
            self.fetch_directive()
            return
        if first and char in "-." and self.is_marked():
            self.unroll(-1, self.line)
            self.drop_key()
            self.allowed = False
            kind = "document start" if char == "-" else "document end"
            self.tokens.append((kind, self.line, "", ""))
            self.at += 3
            return
        self.fetch_content(char)
        # Behind the `-` of an entry it belongs to what follows
        if not self.older and self.tokens[-1][0] != "entry":
            self.line_comment()

    def fetch_content(self, char: str) -> None:
        following = self.text[self.at + 1]
        spaced = following in BLANKZ
        if char in self.fetchers:
            self.fetchers[char](char)
        elif char == "-" and spaced:
            self.fetch_entry()
        elif char == "?" and (self.flow or spaced):
            self.fetch_question()
        elif char == ":" and (self.flow or spaced):
            self.fetch_value()
        elif char in "|>" and not self.flow:
            self.fetch_block(char)
        elif (
            char not in _NO_START
            or (char == "-" and following not in " \t")
            or (not self.flow and char in "?:")
        ):
            self.fetch_plain()
        else:
            self.fail("found character that cannot start any token")

    def put(self, kind: str) -> None:
        """Append a token of one character."""
        self.tokens.append((kind, self.line, "", ""))
        self.at += 1

    def fetch_end(self) -> None:
        if self.column:
            self.line += 1
            self.begin = self.at
        self.unroll(-1, self.line)
        self.drop_key()
        self.allowed = False
        self.tokens.append(("stream end", self.line, "", ""))

    def fetch_open(self, char: str) -> None:
        self.save_key()
        number = self.taken + len(self.tokens)
        self.keys.append(_Key(number=number, line=self.line))
        self.flow += 1
        if self.flow > MAX_DEPTH:
            self.fail(f"exceeded max depth of {MAX_DEPTH}")
        self.allowed = True
        self.put(char)

    def fetch_close(self, char: str) -> None:
        self.drop_key()
        if self.flow:
            self.flow -= 1
            self.by_token.pop(self.keys.pop().number, None)
        self.allowed = False
        self.put(char)

    def fetch_comma(self, char: str) -> None:
        self.drop_key()
        self.allowed = True
        self.put(char)

    def fetch_entry(self) -> None:
        if not self.flow:
            if not self.allowed:
                self.fail("block sequence entries are not allowed in this context")
            self.roll("sequence", self.column, self.line)
        self.drop_key()
        self.allowed = True
        self.put("entry")

    def fetch_question(self) -> None:
        if not self.flow:
            if not self.allowed:
                self.fail("mapping keys are not allowed in this context")
            self.roll("mapping", self.column, self.line)
        self.drop_key()
        self.allowed = not self.flow
        self.put("key")

    def fetch_value(self) -> None:
        key = self.keys[-1]
        if self.is_key(key):
            place = key.number - self.taken
            self.tokens.insert(place, ("key", key.line, "", ""))
            self.roll("mapping", key.column, key.line, place)
            key.possible = False
            self.by_token.pop(key.number, None)
            self.allowed = False
        else:
            if not self.flow:
                if not self.allowed:
                    self.fail("mapping values are not allowed in this context")
                self.roll("mapping", self.column, self.line)
            self.allowed = not self.flow
        self.put("value")

    def fetch_directive(self) -> None:
        self.unroll(-1, self.line)
        self.drop_key()
        self.allowed = False
        self.tokens.append(words.directive(self))

    def fetch_anchor(self, char: str) -> None:
        self.save_key()
        self.allowed = False
        self.tokens.append(words.anchor(self, char))

    def fetch_tag(self, char: str) -> None:
        del char
        self.save_key()
        self.allowed = False
        self.tokens.append(words.tag(self))

    def fetch_block(self, char: str) -> None:
        self.drop_key()
        self.allowed = True
        self.tokens.append(scalars.block(self, char))

    def fetch_quoted(self, char: str) -> None:
        self.save_key()
        self.allowed = False
        self.tokens.append(scalars.quoted(self, char))

    def fetch_plain(self) -> None:
        self.save_key()
        self.allowed = False
        self.tokens.append(scalars.plain(self))

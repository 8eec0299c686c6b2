"""Which texts are an e-mail address, as Go's net/mail has it (RFC 5322, mostly)."""

from __future__ import annotations

import base64
import re
from typing import Final

from gatewright.engine.library.net import read_address

__all__ = ["is_address"]

_VISIBLE: Final = "!-~\x80-\ud7ff\ue000-\U0010ffff"
_ATOM: Final = re.compile(rf'(?:(?![()<>\[\]:;@\\,"])[{_VISIBLE}])+')
_QUOTED: Final = re.compile(
    rf'"(?P<inner>(?:(?!["\\])[{_VISIBLE} \t]|\\[{_VISIBLE} \t])*)"'
)
_LITERAL: Final = re.compile(rf"\[(?P<inner>(?:(?![\[\]\\])[{_VISIBLE}])*)\]")
_ENCODED: Final = re.compile(r"=\?([^?]+)\?([^?])\?([^?]*)\?=")
_CHARSETS: Final = frozenset(["utf-8", "iso-8859-1", "us-ascii"])
_Q_TEXT: Final = re.compile(r"(?:=[0-9a-fA-F]{2}|[!-<>-~ \n\r\t])*")


class _Wrong(Exception):
    """It is no address."""


def is_address(text: str) -> bool:
    """Tell whether a text is one address, a group of one included."""
    parser = _Parser(text)
    try:
        count = parser.address(group=True)
        parser.skip_comments()
    except _Wrong:
        return False
    return count == 1 and parser.at == len(text)


def _known_charset(word: str) -> bool:
    """Tell whether a word is no encoded one, or one that can be read."""
    found = _ENCODED.fullmatch(word)
    if found is None or len(word) < 8:
        return True
    charset, encoding, text = found.groups()
    if encoding in "bB":
        try:
            base64.b64decode(text.encode(), validate=True)
        except ValueError:
            return True
    elif encoding not in "qQ" or not _Q_TEXT.fullmatch(text):
        return True
    return charset.lower() in _CHARSETS


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def take(self, char: str) -> bool:
        if self.peek() != char:
            return False
        self.at += 1
        return True

    def skip_space(self) -> None:
        while self.peek() and self.peek() in " \t":
            self.at += 1

    def skip_comments(self) -> None:
        self.skip_space()
        while self.take("("):
            self.comment()
            self.skip_space()

    def comment(self) -> str:
        """What is behind `(`, up to its end."""
        start, depth = self.at, 1
        while depth:
            if not self.peek():
                raise _Wrong
            if self.peek() == "\\" and self.at + 1 < len(self.text):
                self.at += 1
            elif self.peek() == "(":
                depth += 1
            elif self.peek() == ")":
                depth -= 1
            self.at += 1
        return self.text[start : self.at - 1]

    def address(self, *, group: bool) -> int:
        """Read an address or a group; how many addresses it has."""
        self.skip_space()
        if not self.peek():
            raise _Wrong
        start = self.at
        try:
            self.spec()
        except _Wrong:
            self.at = start
        else:
            self.skip_space()
            if self.take("("):
                words = re.split("[ \t]+", self.comment())
                if not all(map(_known_charset, words)):
                    raise _Wrong
            return 1
        if self.peek() != "<":
            self.phrase()
        self.skip_space()
        if group and self.take(":"):
            return self.members()
        if not self.take("<"):
            raise _Wrong
        self.spec()
        if not self.take(">"):
            raise _Wrong
        return 1

    def members(self) -> int:
        self.skip_space()
        count = 0
        if self.take(";"):
            self.skip_comments()
            return count
        while True:
            count += self.address(group=False)
            self.skip_comments()
            if self.take(";"):
                self.skip_comments()
                return count
            if not self.take(","):
                raise _Wrong

    def spec(self) -> None:
        """Read `local@domain`."""
        self.skip_space()
        if self.peek() == '"':
            if not self.quoted():
                raise _Wrong
        else:
            self.atom(dots=False)
        if not self.take("@"):
            raise _Wrong
        self.skip_space()
        found = _LITERAL.match(self.text, self.at)
        if found is None:
            self.atom(dots=False)
        elif read_address(found["inner"]) is None:
            raise _Wrong
        else:
            self.at = found.end()

    def quoted(self) -> str:
        found = _QUOTED.match(self.text, self.at)
        if found is None:
            raise _Wrong
        self.at = found.end()
        return found["inner"]

    def atom(self, *, dots: bool) -> str:
        """Read an atom; `dots`: they may be anywhere in it."""
        found = _ATOM.match(self.text, self.at)
        if found is None:
            raise _Wrong
        self.at = found.end()
        atom = found[0]
        if not dots and (".." in atom or atom.startswith(".") or atom.endswith(".")):
            raise _Wrong
        return atom

    def phrase(self) -> None:
        """Read the words of a name, up to what is none."""
        count = 0
        while True:
            if count:
                self.skip_comments()
            self.skip_space()
            if not self.peek():
                return
            try:
                if self.peek() == '"':
                    self.quoted()
                elif not _known_charset(self.atom(dots=True)):
                    raise _Wrong
            except _Wrong:
                if not count:
                    raise
                return
            count += 1

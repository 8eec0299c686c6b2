"""The location grammar: `spec.containers[name: *].image` to nodes.

    location := object ('.' object)*
    object   := name listSpec?
    listSpec := '[' key ':' (value | '*') ']'

A name is a run of `[A-Za-z0-9_-]` that starts with no digit, or quoted with `'`
or `"` (a backslash takes the next character as it is).  A run of digits is an
integer, which only a list value may be.  White space between tokens is skipped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

__all__ = ["Field", "Items", "LocationError", "Node", "Path", "parse_location"]

INT64_MAX: Final = 2**63 - 1


class LocationError(Exception):
    """The text is no location; `str()` is Gatekeeper's text."""


@dataclass(frozen=True, slots=True)
class Field:
    """One step into an object."""

    name: str

    def __str__(self) -> str:
        return quoted(self.name)


@dataclass(frozen=True, slots=True)
class Items:
    """One step into a list of objects: those whose `key` equals `value`, or all
    (`value` is None: a glob)."""

    key: str
    value: str | int | None

    @property
    def glob(self) -> bool:
        return self.value is None

    def __str__(self) -> str:
        if self.value is None:
            value = "*"
        elif isinstance(self.value, int):
            value = str(self.value)
        else:
            value = quoted(self.value)
        return f"[{quoted(self.key)}: {value}]"


Node: TypeAlias = Field | Items
Path: TypeAlias = tuple[Node, ...]

PLAIN: Final = re.compile(r"[A-Za-z_-][A-Za-z0-9_-]*\Z")


def quoted(text: str) -> str:
    """`text` as it is written in a location."""
    return text if PLAIN.match(text) else json.dumps(text, ensure_ascii=False)


TOKEN: Final = re.compile(
    r"""\s*(?:
      (?P<INT>[0-9]+)
    | (?P<IDENT>[A-Za-z_-][A-Za-z0-9_-]*)
    | (?P<QUOTED>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<OPEN>["'].*)
    | (?P<LBRACKET>\[)
    | (?P<RBRACKET>\])
    | (?P<SEPARATOR>\.)
    | (?P<COLON>:)
    | (?P<GLOB>\*)
    | (?P<EOF>\Z)
    | (?P<ERROR>.)
    )""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    type: str
    literal: str

    def __str__(self) -> str:
        return f"{self.type}: {json.dumps(self.literal, ensure_ascii=False)}"


def tokens(text: str) -> list[Token]:
    """The tokens of a location, closed by EOF or by the first ERROR."""
    out: list[Token] = []
    at = 0
    while True:
        found = TOKEN.match(text, at)
        if found is None:  # the last alternatives match whatever is left
            raise AssertionError(text)
        at = found.end()
        kind = str(found.lastgroup)
        literal = found.group(kind)
        if kind == "QUOTED":
            out.append(Token("IDENT", re.sub(r"(?s)\\(.)", r"\1", literal[1:-1])))
        elif kind == "OPEN":  # no closing quote
            out.append(Token("ERROR", re.sub(r"(?s)\\(.)", r"\1", literal[1:])))
            return out
        else:
            out.append(Token(kind, literal))
            if kind in ("EOF", "ERROR"):
                return out


class Cursor:
    """The token that is next; EOF and ERROR stay for ever."""

    __slots__ = ("at", "items")

    def __init__(self, items: Sequence[Token]) -> None:
        self.items = items
        self.at = 0

    @property
    def current(self) -> Token:
        return self.items[self.at]

    def advance(self) -> Token:
        token = self.current
        if self.at + 1 < len(self.items):
            self.at += 1
        return token


def parse_location(text: str) -> Path:
    """The nodes of a location; an empty text has none.

    Raises LocationError with Gatekeeper's wording.
    """
    cursor = Cursor(tokens(text))
    path: list[Node] = []
    while cursor.current.type != "EOF":
        if cursor.current.type != "IDENT":
            raise unexpected("field name or eof", cursor.current)
        path.append(Field(cursor.advance().literal))
        if cursor.current.type == "LBRACKET":
            cursor.advance()
            path.append(parse_items(cursor))
        if cursor.current.type == "SEPARATOR":
            cursor.advance()
            if cursor.current.type == "EOF":
                raise LocationError("trailing separators are forbidden")
        elif cursor.current.type != "EOF":
            raise unexpected("'.' or eof", cursor.current)
    return tuple(path)


def parse_items(cursor: Cursor) -> Items:
    """The rest of a listSpec, behind its bracket."""
    key = cursor.advance()
    if key.type != "IDENT":
        raise unexpected("keyField in listSpec", key)
    colon = cursor.advance()
    if colon.type != "COLON":
        raise unexpected(f"':' following keyField {key.literal}", colon)
    token = cursor.advance()
    value: str | int | None
    if token.type == "GLOB":
        value = None
    elif token.type == "IDENT":
        value = token.literal
    elif token.type == "INT":
        value = int(token.literal)
        if value > INT64_MAX:
            raise LocationError(
                f"invalid integer: overflow in integer string: {token.literal}: "
                f"parsing key value for key: {key.literal}"
            )
    else:
        raise unexpected("key value or glob in listSpec", token)
    end = cursor.advance()
    if end.type != "RBRACKET":
        raise unexpected("']' following listSpec", end)
    return Items(key.literal, value)


def unexpected(wanted: str, got: Token) -> LocationError:
    return LocationError(f"unexpected token: expected {wanted}, got: {got}")

"""Source text: from bytes to characters, positions, and the line under an error.

Rego source is UTF-8.  A byte that is not keeps its place as a lone surrogate, so
that the lexer can report it where it stands.
"""

from __future__ import annotations

from typing import Final

from gatewright.rego.ast import Location, Source

__all__ = [
    "Source",
    "caret_detail",
    "caret_lines",
    "decode",
    "encode",
    "extent",
    "line_starts",
]

_SPACE: Final = b"\t\n\v\f\r \x85\xa0"


def decode(data: bytes) -> str:
    """Decode UTF-8; a wrong byte becomes a lone surrogate (U+DC80 to U+DCFF)."""
    return data.decode("utf-8", "surrogateescape")


def encode(text: str) -> bytes:
    """Undo `decode`."""
    return text.encode("utf-8", "surrogateescape")


def line_starts(text: str) -> list[int]:
    """Return the character position at which each line starts."""
    starts = [0]
    at = text.find("\n")
    while at >= 0:
        starts.append(at + 1)
        at = text.find("\n", at + 1)
    return starts


def caret_detail(data: bytes, at: int) -> tuple[str, int]:
    """Return the line around a byte position and the byte index of the caret in it.

    Space before the position is skipped backwards first, so an error at the end
    of the file points at the last thing written.  OPA counts bytes here, and takes
    the bytes 0x85 and 0xA0 for space wherever they stand.
    """
    if not data:
        return "", 0
    at = min(max(at, 0), len(data) - 1)
    while at > 0 and data[at] in _SPACE:
        at -= 1
    begin = at
    while begin > 0 and data[begin] not in b"\r\n":
        begin -= 1
    if data[begin] in b"\r\n":
        begin += 1
    end = at
    while end < len(data) and data[end] not in b"\r\n":
        end += 1
    begin = min(begin, end)
    return data[begin:end].decode("utf-8", "surrogateescape"), at - begin


def caret_lines(line: str, index: int) -> tuple[str, ...]:
    """Return the two lines printed below a parse error: the source, the caret."""
    shown = line.lstrip("\t")
    indent = max(index - (len(line) - len(shown)), 0)
    return shown, " " * indent + "^"


def extent(loc: Location, *, start: int, end: int) -> Location:
    """Return a location at the place of `loc` whose text runs `start` to `end`."""
    return Location(loc.source, loc.row, loc.col, start, end)

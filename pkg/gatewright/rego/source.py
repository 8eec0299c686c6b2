"""Source text: from bytes to characters, positions, and the line under an error.

Rego source is UTF-8.  A byte that is not keeps its place as a lone surrogate, so
that the lexer can report it where it stands.
"""

from __future__ import annotations

from typing import Final

from gatewright.rego.ast import Location, Source

__all__ = ["Source", "caret_detail", "caret_lines", "decode", "line_starts"]

_SPACE: Final = frozenset("\t\n\v\f\r \x85\xa0")


def decode(data: bytes) -> str:
    """Decode UTF-8; a wrong byte becomes a lone surrogate (U+DC80 to U+DCFF)."""
    return data.decode("utf-8", "surrogateescape")


def line_starts(text: str) -> list[int]:
    """Return the character position at which each line starts."""
    starts = [0]
    at = text.find("\n")
    while at >= 0:
        starts.append(at + 1)
        at = text.find("\n", at + 1)
    return starts


def caret_detail(text: str, offset: int) -> tuple[str, int]:
    """Return the line around `offset` and the byte index of the caret in it.

    Space before the position is skipped backwards first, so an error at the end
    of the file points at the last thing written.
    """
    offset = min(max(offset, 0), len(text) - 1)
    while offset > 0 and text[offset] in _SPACE:
        offset -= 1
    if offset < 0:
        return "", 0
    if text[offset] in "\r\n":
        begin = offset + 1 if offset == 0 else _line_begin(text, offset)
    else:
        begin = _line_begin(text, offset)
    end = offset
    while end < len(text) and text[end] not in "\r\n":
        end += 1
    begin = min(begin, end)
    index = offset - begin
    if index > 0:
        index = len(text[begin:offset].encode("utf-8", "surrogateescape"))
    return text[begin:end], index


def _line_begin(text: str, offset: int) -> int:
    return max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1


def caret_lines(line: str, index: int) -> tuple[str, ...]:
    """Return the two lines printed below a parse error: the source, the caret."""
    shown = line.lstrip("\t")
    indent = max(index - (len(line) - len(shown)), 0)
    return shown, " " * indent + "^"


def extent(loc: Location, *, start: int, end: int) -> Location:
    """Return a location at the place of `loc` whose text runs `start` to `end`."""
    return Location(loc.source, loc.row, loc.col, start, end)

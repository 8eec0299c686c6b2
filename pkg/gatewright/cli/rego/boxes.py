"""Tables of box-drawing characters, as opa prints them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

__all__ = ["table"]


def _width(text: str) -> int:
    return sum(
        0
        if unicodedata.combining(char)
        else 2
        if unicodedata.east_asian_width(char) in "WF"
        else 1
        for char in text
    )


def _left(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def _right(text: str, width: int) -> str:
    return " " * (width - _width(text)) + text


def _centred(text: str, width: int) -> str:
    space = width - _width(text)
    return " " * (space // 2) + text + " " * (space - space // 2)


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: bool = False
) -> str:
    """Rows below a centred header (an empty one is left out).

    `numbers` puts the last column to the right.
    """
    lines = [header, *rows] if header else list(rows)
    widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]

    def rule(left: str, middle: str, right: str) -> str:
        return left + middle.join("─" * (width + 2) for width in widths) + right

    def line(cells: Sequence[str], *, centred: bool) -> str:
        shown = []
        last = len(cells) - 1
        for position, (cell, width) in enumerate(zip(cells, widths, strict=True)):
            place = _right if numbers and position == last else _left
            shown.append((_centred if centred else place)(cell, width))
        return "│ " + " │ ".join(shown) + " │"

    out = [rule("┌", "┬", "┐")]
    if header:
        out += [line(header, centred=True), rule("├", "┼", "┤")]
    out += [line(row, centred=False) for row in rows]
    out.append(rule("└", "┴", "┘"))
    return "\n".join(out) + "\n"

"""Text in columns, as Go's text/tabwriter sets it with two blanks between columns."""

from __future__ import annotations

__all__ = ["columns"]

_PADDING = 2


def columns(text: str) -> str:
    """Return a text whose cells, each ended by a tab, stand in columns.

    A column is a run of lines that have a cell there: a line without ends it.
    """
    rows = [line.split("\t") for line in text.split("\n")]
    depth = max(len(row) for row in rows)
    for column in range(depth - 1):
        start = 0
        while start < len(rows):
            end = start
            while end < len(rows) and len(rows[end]) > column + 1:
                end += 1
            if end > start:
                width = max(len(row[column]) for row in rows[start:end]) + _PADDING
                for row in rows[start:end]:
                    row[column] = row[column].ljust(width)
            start = max(end, start + 1)
    return "\n".join("".join(row) for row in rows)

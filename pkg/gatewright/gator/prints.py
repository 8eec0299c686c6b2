"""What policies print, kept until it is shown."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Final

from gatewright.engine.binding import Binding
from gatewright.engine.documents import Doc

__all__ = ["PrintBuffer"]

#: Bytes kept of one run; what comes after is dropped.
_LIMIT: Final = 1 << 20
_TRUNCATED: Final = "\n... additional print output truncated ...\n"


class PrintBuffer:
    """Collects the lines of print(); `binding` is what an image is given for it."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._size = 0
        self._truncated = False
        self.binding = Binding({"internal.print": self._print})

    def _print(self, operands: Sequence[Any]) -> bool:
        # Each operand is a set: no member is undefined, several print a line each.
        shown = [[_text(one) for one in operand.items] for operand in operands]
        for line in itertools.product(*(one or ["<undefined>"] for one in shown)):
            self._write(" ".join(line) + "\n")
        return True

    def _write(self, line: str) -> None:
        room = _LIMIT - self._size
        data = line.encode("utf-8", "surrogateescape")
        if len(data) > room:
            self._truncated = True
            data = data[:room]
        self._size += len(data)
        self._lines.append(data.decode("utf-8", "replace"))

    def take(self) -> str:
        """Return what was printed, and start anew."""
        text = "".join(self._lines)
        if self._truncated:
            text += _TRUNCATED
        self._lines, self._size, self._truncated = [], 0, False
        return text


def _text(value: Any) -> str:
    return value if isinstance(value, str) else Doc.from_python(value).rego_text()

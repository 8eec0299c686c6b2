"""What policies print: lines, kept or written at once."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from gatewright.engine.documents import Doc

__all__ = ["PrintOutput"]


class PrintOutput:
    """Carries out `print`; give `functions` to `compile_policy`.

    `write` takes each line with its line end; without one, lines are kept until
    `take` fetches them.
    """

    def __init__(self, write: Callable[[str], object] | None = None) -> None:
        self._kept: list[str] = []
        self._write = self._kept.append if write is None else write
        self.functions: dict[str, Callable[..., Any]] = {"internal.print": self._print}

    def _print(self, operands: Sequence[Any]) -> bool:
        # Each operand is a set: without a member it is undefined, and each of
        # several members has a line of its own.
        shown = [[_text(one) for one in operand.items] for operand in operands]
        for line in itertools.product(*(one or ["<undefined>"] for one in shown)):
            self._write(" ".join(line) + "\n")
        return True

    def take(self) -> str:
        """Return what was kept, and start anew."""
        text = "".join(self._kept)
        self._kept.clear()
        return text


def _text(value: Any) -> str:
    return value if isinstance(value, str) else Doc.from_python(value).rego_text()

"""RE2 expressions over names and messages."""

from __future__ import annotations

from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.re2 import compile_pattern

__all__ = ["Expression", "ExpressionError"]


class ExpressionError(ValueError):
    """An expression that cannot be compiled; the text is Go's."""


class Expression:
    """A compiled expression; raises ExpressionError."""

    __slots__ = ("_pattern",)

    def __init__(self, text: str) -> None:
        try:
            self._pattern = compile_pattern(text)
        except BuiltinError as error:
            raise ExpressionError(str(error)) from None

    def matches(self, text: str) -> bool:
        """Tell whether it matches anywhere in a text."""
        return self._pattern.test(text.encode("utf-8", "surrogateescape"))

"""What the native `regex.match` asks of Python: automata, and answers without one."""

from __future__ import annotations

from gatewright.engine.library.dfa import Tables, Unsupported, compile_tables
from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.re2 import compile_pattern

__all__ = ["compile_pattern_tables", "match_bytes"]


def compile_pattern_tables(pattern: bytes) -> Tables | None:
    """The automaton of a pattern, None when RE2 is to answer.

    RE2 has the last word on what is a pattern at all.
    """
    try:
        text = pattern.decode("utf-8")
        compile_pattern(text)
        return compile_tables(text)
    except (UnicodeDecodeError, BuiltinError, Unsupported):
        return None


def match_bytes(pattern: bytes, text: bytes) -> bool:
    """RE2's answer; raises ValueError with Go's words for a bad pattern."""
    try:
        return compile_pattern(pattern.decode("utf-8", "surrogateescape")).test(text)
    except BuiltinError as error:
        raise ValueError(str(error)) from error

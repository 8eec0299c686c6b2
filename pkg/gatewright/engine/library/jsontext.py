"""Values as JSON text in the style of Go, and back, numbers as spelled."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from gatewright.engine.library.gotext import rego_text
from gatewright.engine.values import Number, Set, Value, pairs

__all__ = ["dump", "key_text", "load"]

_INTEGER: Final = re.compile(r"0|-?[1-9][0-9]*")
_HTML: Final = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}
_UNSAFE: Final = re.compile('[<>&\u2028\u2029\x00-\x1f\x7f\\\\"\ud800-\udfff]')
_SHORT: Final = {
    '"': '\\"',
    "\\": "\\\\",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\b": "\\b",
    "\f": "\\f",
    "\x7f": "\x7f",
}


def _string(text: str) -> str:
    def escape(found: re.Match[str]) -> str:
        char = found[0]
        if char in _SHORT:
            return _SHORT[char]
        if char in _HTML:
            return _HTML[char]
        if "\ud800" <= char <= "\udfff":
            return "\\ufffd"
        return f"\\u{ord(char):04x}"

    return f'"{_UNSAFE.sub(escape, text)}"'


def key_text(key: Value) -> str:
    """Return a key of an object as JSON has it: others than strings as Rego."""
    return key if isinstance(key, str) else rego_text(key)


def dump(value: Value, *, newline: str = "", indent: str = "") -> str:
    """Print; keys are sorted, `<`, `>`, `&` escaped, sets are arrays.

    A `newline` (a line end and what each line begins with) puts members on lines.
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Number):
        return value.text
    inner = newline + indent if newline else ""
    if isinstance(value, (list, Set)):
        items = value if isinstance(value, list) else list(value.items)
        parts = [dump(item, newline=inner, indent=indent) for item in items]
        left, right = "[", "]"
    else:
        entries = {key_text(key): entry for key, entry in pairs(value)}
        colon = ": " if newline else ":"
        parts = [
            _string(key) + colon + dump(entries[key], newline=inner, indent=indent)
            for key in sorted(entries)
        ]
        left, right = "{", "}"
    if not parts:
        return left + right
    return left + inner + f",{inner}".join(parts) + newline + right


def _number(text: str) -> Any:
    return int(text) if _INTEGER.fullmatch(text) and len(text) < 4000 else Number(text)


def _constant(text: str) -> Any:
    raise ValueError(f"invalid number {text}")


def load(text: str) -> Value:
    """Read one JSON value; ValueError (RecursionError when deep) when it is none."""
    return json.loads(
        text, parse_int=_number, parse_float=Number, parse_constant=_constant
    )

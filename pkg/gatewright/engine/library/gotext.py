"""How Go and OPA print values, where their texts show them."""

from __future__ import annotations

import unicodedata
from typing import Final

from gatewright.engine.values import Number, Set, Value, pairs

__all__ = ["printable", "quote", "rego_text"]

_ESCAPES: Final = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    '"': '\\"',
    "\\": "\\\\",
}
_PRINTABLE: Final = frozenset("LMNPS")


def printable(char: str) -> bool:
    """Tell whether Go prints a character as it is."""
    return char == " " or unicodedata.category(char)[0] in _PRINTABLE


def quote(text: str) -> str:
    """Quote as Go's `%q` does."""
    out = ['"']
    for char in text:
        code = ord(char)
        if char in _ESCAPES:
            out.append(_ESCAPES[char])
        elif printable(char):
            out.append(char)
        elif 0xDC80 <= code <= 0xDCFF:
            out.append(f"\\x{code - 0xDC00:02x}")
        elif code < 0x20 or code == 0x7F:
            out.append(f"\\x{code:02x}")
        elif code < 0x10000:
            out.append(f"\\u{code:04x}")
        else:
            out.append(f"\\U{code:08x}")
    out.append('"')
    return "".join(out)


def rego_text(value: Value) -> str:
    """Print a value as Rego: `{"a": [1, null], "b": {2, 3}}`, `set()`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Number):
        return value.text
    if isinstance(value, list):
        return f"[{', '.join(map(rego_text, value))}]"
    if isinstance(value, Set):
        inner = ", ".join(map(rego_text, value.items))
        return f"{{{inner}}}" if inner else "set()"
    inner = ", ".join(f"{rego_text(k)}: {rego_text(v)}" for k, v in pairs(value))
    return f"{{{inner}}}"

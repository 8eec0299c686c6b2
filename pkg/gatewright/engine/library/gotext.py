"""How Go prints and quotes, where OPA's texts show it."""

from __future__ import annotations

import unicodedata
from typing import Final

__all__ = ["quote", "runes"]

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


def quote(text: str) -> str:
    """Quote as Go's `%q` does."""
    out = ['"']
    for char in text:
        code = ord(char)
        if char in _ESCAPES:
            out.append(_ESCAPES[char])
        elif char == " " or unicodedata.category(char)[0] in _PRINTABLE:
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


def runes(text: str) -> list[str]:
    """Split into code points; each invalid byte is one of its own."""
    return list(text)

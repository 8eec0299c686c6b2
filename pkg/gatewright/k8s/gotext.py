"""Values and strings as Go prints them.

Error texts of Gatekeeper carry Go's `%v`, `%T`, `%q` and JSON forms of what the
user wrote, so they are made here exactly as Go's fmt, strconv and encoding/json
make them.  Values are decoded JSON: None, bool, int (int64), float (float64),
str, list, dict.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Final

__all__ = ["format_float", "json_text", "quote", "quote_json", "type_name", "value"]

_HTML: Final = (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026"))
_SEPARATORS: Final = {"\u2028": "\\u2028", "\u2029": "\\u2029"}
_NEEDS_ESCAPE: Final = re.compile("[\u2028\u2029\ud800-\udfff]")
_encode_string = json.encoder.encode_basestring


def format_float(number: float) -> str:
    """Return `number` as `%v` prints a float64 (strconv 'g', shortest)."""
    return _shortest(number, -4, 6)


def _shortest(number: float, low: int, high: int) -> str:
    # The digits are repr's, the shortest that read back; the exponent form is
    # used for exponents below `low` and from `high`.
    if number != number:
        return "NaN"
    if number in (float("inf"), float("-inf")):
        return "+Inf" if number > 0 else "-Inf"
    text = repr(number)
    sign = ""
    if text[0] == "-":
        sign, text = "-", text[1:]
    mantissa, _, exponent_text = text.partition("e")
    whole, _, fraction = mantissa.partition(".")
    if fraction == "0":
        fraction = ""
    digits = whole + fraction
    point = len(whole) + (int(exponent_text) if exponent_text else 0)
    stripped = digits.lstrip("0")
    point -= len(digits) - len(stripped)
    digits = stripped.rstrip("0")
    if not digits:
        return sign + "0"
    exponent = point - 1
    if exponent < low or exponent >= high:
        head = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
        mark = "-" if exponent < 0 else "+"
        return f"{sign}{head}e{mark}{abs(exponent):02d}"
    if point <= 0:
        return sign + "0." + "0" * -point + digits
    if point >= len(digits):
        return sign + digits + "0" * (point - len(digits))
    return sign + digits[:point] + "." + digits[point:]


def value(item: Any) -> str:
    """Return `item` as `%v` prints it: `map[a:b]`, `[a b]`, `<nil>`."""
    if item is None:
        return "<nil>"
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, str):
        return item
    if isinstance(item, float):
        return format_float(item)
    if isinstance(item, dict):
        pairs = (f"{key}:{value(item[key])}" for key in sorted(item))
        return "map[" + " ".join(pairs) + "]"
    if isinstance(item, (list, tuple)):
        return "[" + " ".join(value(member) for member in item) + "]"
    return str(item)


def type_name(item: Any) -> str:
    """Return the Go type of decoded JSON as `%T` prints it."""
    if item is None:
        return "<nil>"
    if isinstance(item, bool):
        return "bool"
    if isinstance(item, str):
        return "string"
    if isinstance(item, int):
        return "int64"
    if isinstance(item, float):
        return "float64"
    if isinstance(item, dict):
        return "map[string]interface {}"
    return "[]interface {}"


def quote(text: str) -> str:
    """Return `text` as strconv.Quote writes it."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    out = ['"']
    for char in text:
        code = ord(char)
        if char in '"\\':
            out.append("\\" + char)
        elif 0xDC80 <= code <= 0xDCFF:
            out.append(f"\\x{code - 0xDC00:02x}")
        elif char.isprintable():
            out.append(char)
        elif char in _SHORT:
            out.append(_SHORT[char])
        elif code < 0x20 or code == 0x7F:
            out.append(f"\\x{code:02x}")
        elif code < 0x10000:
            out.append(f"\\u{code:04x}")
        else:
            out.append(f"\\U{code:08x}")
    out.append('"')
    return "".join(out)


_SHORT: Final = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}


def quote_json(text: str) -> str:
    """Return `text` as Go's encoding/json writes a string, HTML escaped."""
    encoded = _encode_string(text)
    for char, escape in _HTML:
        if char in encoded:
            encoded = encoded.replace(char, escape)
    if not encoded.isascii():
        return _NEEDS_ESCAPE.sub(_escape, encoded)
    return encoded


def _escape(found: re.Match[str]) -> str:
    return _SEPARATORS.get(found.group(), "\\ufffd")


def json_text(item: Any) -> str:
    """Return `item` as json.Marshal writes it: sorted keys, no blanks."""
    if item is None:
        return "null"
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, str):
        return quote_json(item)
    if isinstance(item, float):
        return _json_float(item)
    if isinstance(item, dict):
        return _joined(
            "{", (quote_json(k) + ":" + json_text(item[k]) for k in sorted(item)), "}"
        )
    if isinstance(item, (list, tuple)):
        return _joined("[", (json_text(member) for member in item), "]")
    return str(item)


def _joined(before: str, parts: Iterable[str], after: str) -> str:
    return before + ",".join(parts) + after


def _json_float(number: float) -> str:
    # Below 1e-6 and from 1e21 the exponent form, where e-09 is shortened to e-9.
    text = _shortest(number, -6, 21)
    if text[-4:-1] == "e-0":
        return text[:-2] + text[-1]
    return text

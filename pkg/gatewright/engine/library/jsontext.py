"""Values as JSON text in the style of Go, and back, numbers as spelled."""

from __future__ import annotations

import re
from typing import Final

from gatewright.engine.documents import Doc, JsonError, LimitError
from gatewright.engine.library.operands import utf8
from gatewright.engine.values import Number, Set, Value, integer_text, pairs

__all__ = ["dump", "json_number", "key_text", "load", "load_first"]

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


_NUMBER: Final = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_SPELLED: Final = re.compile(r"([+-]?)0*(\d*)((?:\.\d*)?)(.*)")


def json_number(text: str) -> str:
    """A number as JSON spells it: `+1`, `.5`, `2.`, `007`, `1_0` are none of its own.

    Only Rego's text and `to_number` make such numbers; `opa` cannot print them.
    """
    if _NUMBER.fullmatch(text):
        return text
    found = _SPELLED.fullmatch(text.replace("_", ""))
    assert found is not None, text
    sign, whole, fraction, exponent = found.groups()
    return (
        ("-" if sign == "-" else "")
        + (whole or "0")
        + ("" if fraction == "." else fraction)
        + exponent
    )


def key_text(key: Value) -> str:
    """Return a key of an object as JSON has it: others than strings as their JSON."""
    return key if isinstance(key, str) else dump(key)


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
        return integer_text(value)
    if isinstance(value, Number):
        return json_number(value.text)
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


def load(text: str | bytes) -> Value:
    """Read one JSON value; ValueError with Go's text when it is none."""
    data = utf8(text) if isinstance(text, str) else text
    try:
        return Doc.parse(data).python()
    except JsonError as error:
        if str(error) == "unexpected end of JSON input":
            message = "unexpected EOF" if data.strip() else "EOF"
            raise ValueError(message) from None
        raise ValueError(str(error)) from None
    except LimitError as error:
        raise ValueError(str(error)) from None


_TOKEN: Final = re.compile(
    rb'"(?:[^"\\]|\\.)*"|true|false|null|[\[\]{}]'
    rb"|-?(?:0|[1-9]\d*+)(?:\.\d++|(?!\.))(?:[eE][+-]?\d++|(?![eE]))",
    re.DOTALL,
)
_SPACE: Final = b" \t\r\n"


def load_first(data: bytes) -> Value:
    """Read a value of a stream as OPA does, which looks at one token behind it.

    ValueError with Go's text for what is no value, and for a token that is there and
    is not null.
    """
    try:
        return load(data)
    except ValueError as error:
        if not str(error).endswith("after top-level value"):
            raise
    end = _value_end(data)
    token = _first_token(data[end:].lstrip(_SPACE))
    if token is None:
        return load(data[:end])
    raise ValueError(f"error: invalid character '{token}' after top-level value")


def _value_end(data: bytes) -> int:
    """Where the first value ends, which is one."""
    depth = 0
    for found in _TOKEN.finditer(data):
        depth += (found[0] in b"[{") - (found[0] in b"]}")
        if not depth:
            return found.end()
    raise AssertionError(data)


def _first_token(rest: bytes) -> str | None:
    """The first token as Go's `%s` has it; None for null."""
    if rest[:1] in (b"[", b"{"):
        return rest[:1].decode()
    found = _TOKEN.match(rest)
    token = load(found[0] if found else rest)
    if token is None or isinstance(token, str):
        return token
    if isinstance(token, bool):
        return f"%!s(bool={dump(token)})"
    assert found is not None, rest
    return found[0].decode()

"""Constants of Go's text/template: numbers, characters, strings in quotes."""

from __future__ import annotations

import re
from typing import Final

from gatewright.engine.library.gotext import quote

__all__ = ["Overflow", "character", "complex_number", "number", "unquote"]

_INT: Final = re.compile(
    r"([+-]?)(?:0[xX](?P<x>[0-9a-fA-F_]+)|0[bB](?P<b>[01_]+)|0[oO]?(?P<o>[0-7_]+)"
    r"|(?P<d>0|[1-9][0-9_]*))"
)
_BASES: Final = {"x": 16, "b": 2, "o": 8, "d": 10}
_DECIMAL: Final = re.compile(
    r"[+-]?(?:[0-9_]+(?:\.[0-9_]*)?|\.[0-9_]+)(?:[eE][+-]?[0-9_]+)?"
)
_HEX: Final = re.compile(
    r"[+-]?0[xX](?:[0-9a-fA-F_]+(?:\.[0-9a-fA-F_]*)?|\.[0-9a-fA-F_]+)[pP][+-]?[0-9_]+"
)
_HAS_DIGIT: Final = re.compile("[0-9a-fA-F]")
_COMPLEX: Final = re.compile(r"([+-]?[^+-]*(?:[eEpP][+-][^+-]*)?)([+-].*)i")
_ESCAPES: Final = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
}
_CODE: Final = re.compile(
    r"x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})"
)


class Overflow(str):
    """A number's text: it fits an unsigned integer, and no int, which shows in use."""

    __slots__ = ()


def _separated(text: str) -> bool:
    """Tell whether underscores are between digits, or behind the base."""
    if "_" not in text:
        return True
    body = text.lstrip("+-")
    digits = "0123456789"
    before = ""
    if body[:2].lower() in ("0x", "0b", "0o"):
        before = "0"
        digits += "abcdef" if body[1] in "xX" else ""
        body = body[2:]
    for char in body.lower():
        if char in digits:
            before = "0"
        elif char == "_":
            if before != "0":
                return False
            before = "_"
        elif before == "_":
            return False
        else:
            before = "!"
    return before != "_"


def _integer(text: str) -> int | None:
    found = _INT.fullmatch(text)
    if found is None or not _separated(text):
        return None
    kind = next(kind for kind in _BASES if found[kind] is not None)
    digits = found[kind].replace("_", "")
    # 20 digits are all that 64 bits have, but zeros may lead.
    digits = digits.lstrip("0") or ("0" if digits else "")
    if not digits or len(digits) > 64:
        return None
    value = int(digits, _BASES[kind])
    return -value if found[1] == "-" else value


def _float(text: str) -> float | None:
    """As strconv.ParseFloat; None where it has an error."""
    if not _separated(text):
        return None
    plain = text.replace("_", "")
    if _DECIMAL.fullmatch(plain):
        value = float(plain)
    elif _HEX.fullmatch(plain):
        try:
            value = float.fromhex(plain)
        except OverflowError:
            return None
    else:
        return None
    return None if value in (float("inf"), float("-inf")) else value


def number(text: str) -> int | float | complex | Overflow:
    """Read a number; ValueError in Go's words."""
    if text.endswith("i"):
        imaginary = _float(text[:-1])
        if imaginary is not None:
            return complex(0, imaginary)
    whole = _integer(text)
    if whole is not None and -(1 << 63) <= whole < 1 << 63:
        return whole
    if whole is not None and text[0] not in "+-" and whole < 1 << 64:
        return Overflow(text)
    value = _float(text)
    if value is None:
        raise ValueError(f"illegal number syntax: {quote(text)}")
    if not any(char in text for char in ".eEpP"):
        raise ValueError(f"integer overflow: {quote(text)}")
    return value


def complex_number(text: str) -> complex:
    """Read `1+2i`; ValueError in Go's words."""
    found = _COMPLEX.fullmatch(text)
    parts = (_float(found[1]), _float(found[2])) if found else (None, None)
    if parts[0] is None or parts[1] is None:
        raise ValueError("syntax error scanning complex number")
    return complex(parts[0], parts[1])


def _escaped(text: str, at: int, mark: str) -> tuple[int, int, bool]:
    """The escape behind a backslash: its code, its end, and whether it is a byte."""
    char = text[at : at + 1]
    if char in _ESCAPES and char:
        return ord(_ESCAPES[char]), at + 1, False
    if char and char == mark and char in "'\"":
        return ord(char), at + 1, False
    found = _CODE.match(text, at)
    if found is None:
        raise ValueError("invalid syntax")
    code = int(found[0] if found[2] else found[0][1:], 8 if found[2] else 16)
    byte = bool(found[1] or found[2])
    if code > (0xFF if byte else 0x10FFFF) or (not byte and 0xD800 <= code < 0xE000):
        raise ValueError("invalid syntax")
    return code, found.end(), byte


def character(text: str) -> int:
    """Read a character between quotes; ValueError in Go's words."""
    if text[1] == "'":
        raise ValueError("invalid syntax")
    if text[1] != "\\":
        code = 0xFFFD if "\udc80" <= text[1] <= "\udcff" else ord(text[1])
        end = 2
    else:
        code, end, _ = _escaped(text, 2, "'")
    if text[end:] != "'":
        raise ValueError(f"malformed character constant: {text}")
    return code


def unquote(text: str) -> str:
    """Read a string between quotes or back quotes; ValueError in Go's words.

    Bytes that are no UTF-8 are kept as surrogates.
    """
    if text[0] == "`":
        return text[1:-1].replace("\r", "")
    if "\\" not in text:
        return text[1:-1]
    out = bytearray()
    at, end = 1, len(text) - 1
    while at < end:
        stop = text.find("\\", at)
        if stop < 0:
            stop = end
        out += text[at:stop].encode("utf-8", "surrogateescape")
        at = stop
        if at < end:
            code, at, byte = _escaped(text, at + 1, '"')
            out += bytes([code]) if byte else chr(code).encode()
    return out.decode("utf-8", "surrogateescape")

"""What scalars of YAML mean: numbers, words, points in time, and tags.

`yes` and `on` are strings (booleans for OPA 1.17), `012` is 10, dates are strings
unless a tag says otherwise.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, Final

from gatewright.engine.library.encoding import decode_base64
from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.layouts import parse_time
from gatewright.engine.library.operands import INT64_MIN, utf8

__all__ = [
    "BOOLS",
    "NULL",
    "OLD_BOOLS",
    "SPECIAL",
    "Instant",
    "is_time",
    "number",
    "resolve",
]

NULL: Final = frozenset(["", "~", "null", "Null", "NULL"])
BOOLS: Final = {
    **dict.fromkeys(["true", "True", "TRUE"], True),
    **dict.fromkeys(["false", "False", "FALSE"], False),
}
#: What YAML 1.1 readers, OPA 1.17 among them, take for booleans; quoted for them when
#: printed.
OLD_BOOLS: Final = {
    word: base in ("y", "yes", "on")
    for base in ("y", "n", "yes", "no", "on", "off")
    for word in (base, base.capitalize(), base.upper())
}
SPECIAL: Final = re.compile(r"[+-]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_INTEGER: Final = re.compile(
    r"[+-]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)"
)
_FLOAT: Final = re.compile(r"[+-]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][+-]?[0-9]+)?")
#: A `_` that is not between digits.
_LOOSE: Final = re.compile("(?<![0-9])_|_(?![0-9])")
_RESOLVED: Final = frozenset(
    ["", "!!str", "!!bool", "!!int", "!!float", "!!null", "!!timestamp"]
)
_DATE: Final = re.compile("[0-9]{4}-")
_TIMES: Final = (
    "2006-1-2T15:4:5.999999999Z07:00",
    "2006-1-2t15:4:5.999999999Z07:00",
    "2006-1-2 15:4:5.999999999",
    "2006-1-2",
)
_CIVIL: Final = re.compile(
    r"(\d{4})-(\d+)-(\d+)(?:[Tt ](\d+):(\d+):(\d+)(?:[.,](\d+))?(Z|[+-].*)?)?"
)


@dataclass(frozen=True, slots=True)
class Instant:
    """A point in time: year, month, day, hour, minute, second, fraction, zone."""

    parts: tuple[int, int, int, int, int, int, str, str]

    @property
    def text(self) -> str:
        """As JSON has it."""
        year, month, day, hour, minute, second, fraction, zone = self.parts
        point = "." if fraction else ""
        return (
            f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}"
            f"{point}{fraction}{zone}"
        )


def number(text: str) -> int | float | None:
    """Read a plain scalar as a number; None when it is none.

    Go's library drops `_` wherever it stands, but from what begins with a point.
    """
    if text[:1] == "_" or (text[:1] == "." and _LOOSE.search(text)):
        return None
    plain = text.replace("_", "")
    if _INTEGER.fullmatch(plain):
        body = plain.lstrip("+-")
        lowered = body.lower()
        base = {"0x": 16, "0b": 2, "0o": 8}.get(lowered[:2])
        if base:
            found = int(body[2:], base)
        elif len(body) > 1 and body[0] == "0":
            found = int(body, 8)
        elif len(body) > 20:
            found = 1 << 64
        else:
            found = int(body)
        found = -found if plain[0] == "-" else found
        if INT64_MIN <= found < 1 << 64:
            return found
    if _FLOAT.fullmatch(plain):
        value = float(plain)
        return None if math.isinf(value) else value
    return None


def is_time(text: str) -> bool:
    """Tell whether a plain scalar looks like a point in time."""
    return bool(_DATE.match(text)) and any(_reads(layout, text) for layout in _TIMES)


def _reads(layout: str, text: str) -> bool:
    try:
        parse_time(layout, text)
    except BuiltinError:
        return False
    return True


def _instant(text: str) -> Instant:
    found = _CIVIL.fullmatch(text)
    assert found is not None, text
    *numbers, fraction, zone = found.groups("")
    year, month, day, hour, minute, second = (int(number or 0) for number in numbers)
    zone = "Z" if zone in ("", "+00:00", "-00:00") else zone
    fraction = fraction[:9].rstrip("0")
    return Instant((year, month, day, hour, minute, second, fraction, zone))


def resolve(tag: str, text: str, *, older: bool) -> tuple[str, Any]:
    """Return the tag and the value of a scalar; BuiltinError when they do not fit."""
    if tag == "!!binary":
        try:
            data = decode_base64(utf8(text))
        except BuiltinError:
            raise BuiltinError(
                "yaml: !!binary value contains invalid base64 data"
            ) from None
        return tag, data.decode("utf-8", "surrogateescape")
    if tag not in _RESOLVED or tag == "!!str":
        return tag, text
    found, value = _guess(tag, text, older=older)
    if tag in ("", found):
        return found, value
    if tag == "!!float" and found == "!!int" and value < 1 << 63:
        return tag, float(value)
    raise BuiltinError(f"yaml: cannot decode {found} `{text}` as a {tag}")


def _guess(tag: str, text: str, *, older: bool) -> tuple[str, Any]:
    if text in NULL:
        return "!!null", None
    if text in BOOLS:
        return "!!bool", BOOLS[text]
    if older and text in OLD_BOOLS:
        return "!!bool", OLD_BOOLS[text]
    if text[0] not in "+-.0123456789":
        return "!!str", text
    if SPECIAL.fullmatch(text):
        return "!!float", float(text.replace(".", ""))
    if tag in ("", "!!timestamp") and is_time(text):
        return "!!timestamp", _instant(text)
    value = number(text)
    if value is None:
        return "!!str", text
    return "!!int" if isinstance(value, int) else "!!float", value

"""Go's duration texts with OPA's longer units: `1h30m`, `-1.5h`, `2w`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.gotext import quote
from gatewright.engine.library.operands import INT64_MAX, INT64_MIN

__all__ = ["parse_duration"]

_HOUR: Final = 3_600_000_000_000
_GO_UNITS: Final = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,
    "\u03bcs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": _HOUR,
}
_UNITS: Final = {
    **_GO_UNITS,
    "d": 24 * _HOUR,
    "w": 168 * _HOUR,
    "y": 8760 * _HOUR,
}
_LONG: Final = re.compile("[dwy]")
_WHOLE: Final = re.compile(r"[-+]?(?:[0-9.]+(?:ms|us|\u00b5s|ns|[a-z]))+")
_PART: Final = re.compile(r"([0-9]*)(?:\.([0-9]*))?([^0-9.]*)")


def parse_duration(text: str, *, long_units: bool = True) -> int:
    """Return ns; `long_units` admits d, w (7 d) and y (365 d)."""
    units = _GO_UNITS
    if long_units and (not text or _LONG.search(text)):
        # Read by OPA's own parser first, which has one error for all.
        units = _UNITS
        if text and not _WHOLE.fullmatch(text):
            raise _odd(text)
    try:
        return _read(text, units)
    except BuiltinError as error:
        if units is _UNITS and not str(error).startswith("time: unknown unit"):
            raise _odd(text) from None
        raise


def _read(text: str, units: Mapping[str, int]) -> int:
    rest = text
    negative = rest.startswith("-")
    if rest[:1] in ("-", "+"):
        rest = rest[1:]
    if rest == "0":
        return 0
    if not rest:
        raise _invalid(text)
    total = 0
    at = len(text) - len(rest)
    while at < len(text):
        found = _PART.match(text, at)
        if found is None or not (found[1] or found[2]):
            raise _invalid(text)
        unit = found[3]
        if not unit:
            raise BuiltinError(f"time: missing unit in duration {_quote(text)}")
        if unit not in units:
            raise BuiltinError(
                f"time: unknown unit {_quote(unit)} in duration {_quote(text)}"
            )
        if len(found[1]) > 19:
            raise _invalid(text)
        total += int(found[1] or "0") * units[unit]
        if found[2]:
            total += _fraction(found[2], units[unit])
        if total > -INT64_MIN:
            raise _invalid(text)
        at = found.end()
    if negative:
        return -total
    if total > INT64_MAX:
        raise _invalid(text)
    return total


def _fraction(digits: str, unit: int) -> int:
    """Go reads at most 18 digits or so, and multiplies them as floats."""
    value, scale = 0, 1.0
    for digit in digits:
        grown = value * 10 + int(digit)
        if grown > INT64_MAX:
            break
        value, scale = grown, scale * 10
    return int(float(value) * (float(unit) / scale))


def _odd(text: str) -> BuiltinError:
    return BuiltinError(f"time: invalid duration {quote(text)}")


def _invalid(text: str) -> BuiltinError:
    return BuiltinError(f"time: invalid duration {_quote(text)}")


def _quote(text: str) -> str:
    """A text in quotes, as Go's time package does it: byte by byte where not ASCII."""
    out = []
    for char in text:
        if " " <= char < "\x80":
            out.append("\\" + char if char in '"\\' else char)
        else:
            out += [
                f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogateescape")
            ]
    return f'"{"".join(out)}"'

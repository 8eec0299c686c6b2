"""Durations as Go writes and reads them; all are integers in nanoseconds."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["duration", "duration_ns", "rounded", "seconds"]

_SECOND: Final = 1_000_000_000
_UNITS: Final = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,
    "\u03bcs": 1_000,
    "ms": 1_000_000,
    "s": _SECOND,
    "m": 60 * _SECOND,
    "h": 3600 * _SECOND,
}
_PART: Final = re.compile(r"(\d*)(?:\.(\d*))?([a-z\u00b5\u03bc]+)")


def _decimal(whole: int, unit: int) -> str:
    # As many digits as there are, none of them a trailing zero.
    head, rest = divmod(whole, unit)
    digits = str(rest).zfill(len(str(unit)) - 1).rstrip("0")
    return f"{head}.{digits}" if rest else str(head)


def duration(ns: int) -> str:
    """Return what time.Duration's String gives: `1.59ms`, `2m3.5s`, `0s`."""
    if ns < 0:
        return "-" + duration(-ns)
    if ns < _SECOND:
        for unit, name in ((1, "ns"), (1_000, "\u00b5s"), (1_000_000, "ms")):
            if ns < 1000 * unit:
                return f"{_decimal(ns, unit)}{name}" if ns else "0s"
    minutes, rest = divmod(ns, 60 * _SECOND)
    text = f"{_decimal(rest, _SECOND)}s"
    if minutes:
        hours, minutes = divmod(minutes, 60)
        text = f"{minutes}m{text}"
        if hours:
            text = f"{hours}h{text}"
    return text


def duration_ns(text: str) -> int:
    """Return the duration that a text says; raise ValueError in Go's words."""
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0
    total, at = 0, 0
    while at < len(rest) or not rest:
        found = _PART.match(rest, at)
        if found is None or not (found[1] or found[2]):
            if re.fullmatch(r"[\d.]*\d[\d.]*", rest[at:]):
                raise ValueError(f'time: missing unit in duration "{text}"')
            raise ValueError(f'time: invalid duration "{text}"')
        unit = _UNITS.get(found[3])
        if unit is None:
            raise ValueError(f'time: unknown unit "{found[3]}" in duration "{text}"')
        fraction = found[2] or ""
        total += int(found[1] or 0) * unit
        total += int(fraction or 0) * unit // 10 ** len(fraction)
        at = found.end()
    return -total if text[0] == "-" else total


def seconds(ns: int) -> str:
    """Return what `gator verify` shows: `0.092s`."""
    return f"{ns / _SECOND:.3f}s"


def rounded(ns: int) -> str:
    """Return what the tables of `gator bench` show: `950ns`, `7.52ms`, `1.234s`."""
    if ns < 1_000:
        return f"{ns}ns"
    if ns < 1_000_000:
        return f"{ns / 1_000:.2f}\u00b5s"
    if ns < _SECOND:
        return f"{ns / 1_000_000:.2f}ms"
    return seconds(ns)

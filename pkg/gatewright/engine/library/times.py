"""The `time.*` family. All times are integers of ns since the epoch."""

from __future__ import annotations

import os
import posixpath
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final

from gatewright.engine.library.civil import (
    Moment,
    civil_from_days,
    days_in_month,
    normal_date,
)
from gatewright.engine.library.context import Context
from gatewright.engine.library.durations import parse_duration
from gatewright.engine.library.errors import BuiltinError, operand_error
from gatewright.engine.library.layouts import (
    NAMED,
    RFC3339,
    RFC3339_NANO,
    WEEKDAYS,
    format_time,
    parse_time,
)
from gatewright.engine.library.operands import (
    INT64_MAX,
    INT64_MIN,
    integer,
    number,
    string,
    whole,
)
from gatewright.engine.values import Value, is_number

__all__ = [
    "add_date",
    "clock",
    "date",
    "diff",
    "format_ns",
    "moment",
    "now_ns",
    "parse_duration_ns",
    "parse_ns",
    "parse_rfc3339_ns",
    "weekday",
]

_SECOND: Final = 1_000_000_000
_WANTED: Final = "either number (ns) or [number (ns), string (tz)]"
_WORD: Final = 1 << 64
#: Days beyond which numbers of 64 bits may not do.
_FAR: Final = 1 << 40
_FIRST_YEAR: Final = 292277022400
#: March 1 of minus that year, in seconds since the epoch.
_FIRST_SECOND: Final = -86400 * (_FIRST_YEAR // 400 * 146097 + 306 + 719162)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def now_ns(ctx: Context) -> int:
    """Return the query's time."""
    return ctx.clock


def parse_ns(layout: Value, value: Value) -> int:
    """Read a time by a layout or by the name of one."""
    name, text = string(layout, 1), string(value, 2)
    return _safe(parse_time(NAMED.get(name, name), text))


def parse_rfc3339_ns(value: Value) -> int:
    """Read a time in RFC 3339 form."""
    return _safe(parse_time(RFC3339, string(value, 1)))


def parse_duration_ns(value: Value) -> int:
    """Read a duration as `1h30m`."""
    return parse_duration(string(value, 1))


def format_ns(value: Value) -> str:
    """Print a time, in RFC 3339 with ns unless a layout is given."""
    ns, zone, layout = _time(value)
    return format_time(moment(ns, zone), layout)


def date(value: Value) -> list[int]:
    """Return year, month, day."""
    at = moment(*_time(value)[:2])
    return [at.year, at.month, at.day]


def clock(value: Value) -> list[int]:
    """Return hour, minute, second."""
    at = moment(*_time(value)[:2])
    return [at.hour, at.minute, at.second]


def weekday(value: Value) -> str:
    """Return the English name of the day."""
    return WEEKDAYS[moment(*_time(value)[:2]).weekday]


def add_date(value: Value, years: Value, months: Value, days: Value) -> int:
    """Add to a date; what overflows a month runs into the next."""
    ns, zone, _ = _time(value)
    added = integer(years, 2), integer(months, 3), integer(days, 4)
    at = moment(ns, zone)
    year, month, number_of_day = (
        _wrapped(part + more)
        for part, more in zip((at.year, at.month, at.day), added, strict=True)
    )
    # Go counts months from 0 first, which may go round as well.
    month = _wrapped(month - 1)
    year, month = _wrapped(year + month // 12), month % 12 + 1
    day = normal_date(year, month, number_of_day)
    start = day * 86400
    if abs(day) > _FAR:
        start = _wrapped_start(year, month, number_of_day)
    seconds = _wrapped(start + at.hour * 3600 + at.minute * 60 + at.second)
    if not INT64_MIN <= seconds * _SECOND <= INT64_MAX:
        return _safe(seconds * _SECOND)
    # As Go: the offset in force at that time read as UTC, unless it no longer (or
    # not yet) is at the instant which that gives.
    offset = _offset(seconds, zone)
    offset = _offset(seconds - offset, zone)
    return _safe((seconds - offset) * _SECOND + at.nanosecond)


def _wrapped_start(year: int, month: int, day: int) -> int:
    """The first second of a date as Go finds it, whose numbers have 64 bits.

    The month is one of the twelve, the day may be any.  Its years start with March
    and are counted from one far in the past.
    """
    late = month < 3
    start = (979 * (month + 12 * late) - 2919) >> 5
    century, rest = divmod((year - late + _FIRST_YEAR) % _WORD, 100)
    days = 146097 * century % _WORD // 4 + 1461 * rest // 4 + start + day - 1
    return _wrapped(days) * 86400 + _FIRST_SECOND


def _wrapped(number: int) -> int:
    return (number + (1 << 63)) % _WORD - (1 << 63)


def diff(first: Value, second: Value) -> list[int]:
    """Return years, months, days, hours, minutes, seconds between two times.

    Both are read in the zone of the first; their order does not matter.
    """
    left, zone, _ = _time(first)
    right, _, _ = _time(second)
    early, late = (moment(ns, zone) for ns in sorted((left, right)))
    year, month, day = (
        late.year - early.year,
        late.month - early.month,
        late.day - early.day,
    )
    hour, minute = late.hour - early.hour, late.minute - early.minute
    sec = late.second - early.second
    if sec < 0:
        sec, minute = sec + 60, minute - 1
    if minute < 0:
        minute, hour = minute + 60, hour - 1
    if hour < 0:
        hour, day = hour + 24, day - 1
    if day < 0:
        day, month = day + days_in_month(early.year, early.month), month - 1
    if month < 0:
        month, year = month + 12, year - 1
    return [year, month, day, hour, minute, sec]


def _safe(ns: int) -> int:
    if not INT64_MIN <= ns <= INT64_MAX:
        raise BuiltinError("time outside of valid range")
    return ns


def _time(value: Value) -> tuple[int, tzinfo, str]:
    """Read an operand: ns, or [ns, zone, layout]."""
    zone: tzinfo = UTC
    layout: str = RFC3339_NANO
    if isinstance(value, list) and value:
        stamp = number(value[0], 1)
        if len(value) > 1:
            zone = _zone(string(value[1], 1))
        if len(value) > 2 and string(value[2], 1):
            name = string(value[2], 1)
            layout = NAMED.get(name, name)
    elif is_number(value):
        stamp = value
    else:
        raise operand_error(1, value, _WANTED)
    ns = whole(stamp)
    if ns is None or not INT64_MIN <= ns <= INT64_MAX:
        raise BuiltinError("timestamp too big")
    return ns, zone, layout


@lru_cache(200)
def _zone(name: str) -> tzinfo:
    if name in ("", "UTC"):
        return UTC
    if name == "Local":
        return _local()
    if name[0] in "/\\" or ".." in name:
        raise BuiltinError("time: invalid location name")
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        # To Go a name is a path, with what a path may have more of
        return ZoneInfo(name if name.endswith("/") else posixpath.normpath(name))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BuiltinError(_zone_error(name)) from error


def _zone_error(name: str) -> str:
    """What is wrong with the file of a zone."""
    from zoneinfo import TZPATH

    for folder in TZPATH:
        try:
            with open(f"{folder}/{name}", "rb"):
                return "malformed time zone information"
        except FileNotFoundError:
            continue
        except ValueError:
            return "invalid argument"
        except OSError as error:
            return (error.strerror or "").lower()
    return f"unknown time zone {name}"


def _local() -> tzinfo:
    """The zone of this process: TZ, else /etc/localtime, else UTC."""
    from zoneinfo import ZoneInfo

    named = os.environ.get("TZ")
    try:
        if named is not None:
            return ZoneInfo(named.removeprefix(":")) if named else UTC
        with open("/etc/localtime", "rb") as file:
            return ZoneInfo.from_file(file)
    except (OSError, ValueError, LookupError):
        return UTC


def _local_time(seconds: int, zone: tzinfo) -> datetime:
    return (_EPOCH + timedelta(seconds=seconds)).astimezone(zone)


def _offset(seconds: int, zone: tzinfo) -> int:
    found = _local_time(seconds, zone).utcoffset()
    return 0 if found is None else found.days * 86400 + found.seconds


def moment(ns: int, zone: tzinfo) -> Moment:
    """Return the civil time of an instant within int64 ns."""
    seconds, nanosecond = divmod(ns, _SECOND)
    offset, name = 0, "UTC"
    if zone is not UTC:
        local = _local_time(seconds, zone)
        offset = _offset(seconds, zone)
        name = local.tzname() or ""
    days, rest = divmod(seconds + offset, 86400)
    year, month, day = civil_from_days(days)
    return Moment(
        year,
        month,
        day,
        rest // 3600,
        rest // 60 % 60,
        rest % 60,
        nanosecond,
        (days + 4) % 7,
        offset,
        name,
    )

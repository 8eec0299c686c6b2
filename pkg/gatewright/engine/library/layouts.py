"""Go's reference-time layouts: formatting and parsing `2006-01-02T15:04:05Z07:00`.

A layout is cut into chunks: literal text and elements such as `Jan`, `_2`, `.000`.
Both directions work on `Moment`, a civil time with its zone, never on floats.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from gatewright.engine.library.civil import (
    DAYS_BEFORE,
    Moment,
    days_from_civil,
    days_in_month,
    is_leap,
)
from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.operands import utf8

__all__ = [
    "MONTHS",
    "NAMED",
    "RFC3339",
    "RFC3339_NANO",
    "WEEKDAYS",
    "format_time",
    "parse_time",
]

RFC3339: Final = "2006-01-02T15:04:05Z07:00"
RFC3339_NANO: Final = "2006-01-02T15:04:05.999999999Z07:00"
#: Layouts that OPA knows by name.
NAMED: Final = {
    "ANSIC": "Mon Jan _2 15:04:05 2006",
    "UnixDate": "Mon Jan _2 15:04:05 MST 2006",
    "RubyDate": "Mon Jan 02 15:04:05 -0700 2006",
    "RFC822": "02 Jan 06 15:04 MST",
    "RFC822Z": "02 Jan 06 15:04 -0700",
    "RFC850": "Monday, 02-Jan-06 15:04:05 MST",
    "RFC1123": "Mon, 02 Jan 2006 15:04:05 MST",
    "RFC1123Z": "Mon, 02 Jan 2006 15:04:05 -0700",
    "RFC3339": RFC3339,
    "RFC3339Nano": RFC3339_NANO,
}
MONTHS: Final = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
WEEKDAYS: Final = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
]
_SHORT_YEAR: Final = re.compile("[-+0-9][0-9]")
_SHORT_MONTHS: Final = [name[:3] for name in MONTHS]
_SHORT_WEEKDAYS: Final = [name[:3] for name in WEEKDAYS]

_ZONES: Final = "Z070000|Z07:00:00|Z0700|Z07:00|Z07|-070000|-07:00:00|-0700|-07:00|-07"
_ELEMENT: Final = re.compile(
    r"January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|0[1-6]|002|15|1|2006|_(?=2006)|"
    rf"__2|_2|2|3|4|5|PM|pm|{_ZONES}|(?P<frac>[.,](?:0+|9+)(?![0-9]))"
)


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Literal text, then an element of the layout; "" at the end."""

    prefix: str
    element: str


@lru_cache(200)
def _chunks(layout: str) -> tuple[_Chunk, ...]:
    out: list[_Chunk] = []
    start = at = 0
    while found := _ELEMENT.search(layout, at):
        if found[0] == "_":  # the underscore of `_2006` is text
            at = found.end()
            continue
        out.append(_Chunk(layout[start : found.start()], found[0]))
        start = at = found.end()
    out.append(_Chunk(layout[start:], ""))
    return tuple(out)


def format_time(moment: Moment, layout: str) -> str:
    """Print a moment by a layout."""
    return "".join(
        chunk.prefix + (_show(moment, chunk.element) if chunk.element else "")
        for chunk in _chunks(layout)
    )


def _show(moment: Moment, element: str) -> str:
    year_day = (
        days_from_civil(moment.year, moment.month, moment.day)
        - days_from_civil(moment.year, 1, 1)
        + 1
    )
    hour12 = moment.hour % 12 or 12
    makers: dict[str, Callable[[], str]] = {
        "January": lambda: MONTHS[moment.month - 1],
        "Jan": lambda: _SHORT_MONTHS[moment.month - 1],
        "1": lambda: str(moment.month),
        "01": lambda: f"{moment.month:02d}",
        "Monday": lambda: WEEKDAYS[moment.weekday],
        "Mon": lambda: _SHORT_WEEKDAYS[moment.weekday],
        "2": lambda: str(moment.day),
        "_2": lambda: f"{moment.day:2d}",
        "02": lambda: f"{moment.day:02d}",
        "__2": lambda: f"{year_day:3d}",
        "002": lambda: f"{year_day:03d}",
        "15": lambda: f"{moment.hour:02d}",
        "3": lambda: str(hour12),
        "03": lambda: f"{hour12:02d}",
        "4": lambda: str(moment.minute),
        "04": lambda: f"{moment.minute:02d}",
        "5": lambda: str(moment.second),
        "05": lambda: f"{moment.second:02d}",
        "2006": lambda: f"{moment.year:04d}",
        "06": lambda: f"{moment.year % 100:02d}",
        "PM": lambda: "PM" if moment.hour >= 12 else "AM",
        "pm": lambda: "pm" if moment.hour >= 12 else "am",
        "MST": lambda: moment.zone or _show_offset(moment.offset, "-0700"),
    }
    if element in makers:
        return makers[element]()
    if element[0] in ".,":
        return _show_fraction(moment.nanosecond, element)
    return _show_offset(moment.offset, element)


def _show_fraction(nanosecond: int, element: str) -> str:
    digits = f"{nanosecond:09d}"[: len(element) - 1]
    if element[1] == "9":
        digits = digits.rstrip("0")
        if not digits:
            return ""
    return element[0] + digits


def _show_offset(offset: int, element: str) -> str:
    if element[0] == "Z" and not offset:
        return "Z"
    size = abs(offset)
    colon = ":" if ":" in element else ""
    minutes = size // 60
    out = f"{'-' if offset < 0 and minutes else '+'}{minutes // 60:02d}"
    if len(element) > 3:
        out += f"{colon}{minutes % 60:02d}"
    if len(element) > 6:
        out += f"{colon}{size % 60:02d}"
    return out


class _Bad(Exception):
    """The value does not fit the element."""


class _Range(Exception):
    """A part of the value is out of range; the argument names it."""


def _quote(text: str) -> str:
    out = []
    for char in text:
        if char in '"\\':
            out.append("\\" + char)
        elif " " <= char < "\x80":
            out.append(char)
        else:
            out += [f"\\x{byte:02x}" for byte in utf8(char)]
    return f'"{"".join(out)}"'


def parse_time(layout: str, value: str) -> int:
    """Read a time; returns ns since the epoch, of any size.

    A zone known by abbreviation alone counts as UTC. BuiltinError has Go's text.
    """
    reading = _Reading(value)
    chunks = _chunks(layout)
    for position, chunk in enumerate(chunks):
        if not reading.skip(chunk.prefix):
            raise _cannot(layout, value, chunk.prefix, reading.rest)
        if not chunk.element:
            if reading.rest:
                raise BuiltinError(
                    f"parsing time {_quote(value)}: extra text: {_quote(reading.rest)}"
                )
            break
        hold = reading.rest
        following = chunks[position + 1]
        fraction_next = not following.prefix and following.element[:1] in tuple(".,")
        try:
            reading.read(chunk.element, fraction_next=fraction_next)
        except _Range as error:
            raise BuiltinError(
                f"parsing time {_quote(value)}: {error} out of range"
            ) from None
        except _Bad:
            raise _cannot(layout, value, chunk.element, hold) from None
    problem = reading.settle()
    if problem:
        raise BuiltinError(f"parsing time {_quote(value)}: {problem}")
    return reading.nanoseconds()


def _cannot(layout: str, value: str, element: str, rest: str) -> BuiltinError:
    return BuiltinError(
        f"parsing time {_quote(value)} as {_quote(layout)}: "
        f"cannot parse {_quote(rest)} as {_quote(element)}"
    )


def _digits(text: str, limit: int) -> int:
    """Count leading ASCII digits, up to a limit."""
    count = 0
    while count < limit and text[count : count + 1] in tuple("0123456789"):
        count += 1
    return count


class _Reading:
    """What has been read so far; -1 where a part is not known."""

    def __init__(self, value: str) -> None:
        self.rest = value
        self.year = 0
        self.month = self.day = self.year_day = -1
        self.hour = self.minute = self.second = self.nanosecond = 0
        self.afternoon: bool | None = None
        self.offset = 0

    def skip(self, prefix: str) -> bool:
        """Take literal text; a run of spaces stands for any run, an end for none."""
        while prefix:
            if prefix[0] == " ":
                if self.rest and self.rest[0] != " ":
                    return False
                prefix = prefix.lstrip(" ")
                self.rest = self.rest.lstrip(" ")
                continue
            if self.rest[:1] != prefix[0]:
                return False
            prefix, self.rest = prefix[1:], self.rest[1:]
        return True

    def take(self, count: int) -> str:
        if len(self.rest) < count:
            raise _Bad
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken

    def number(self, *, exact: bool, most: int = 2) -> int:
        """Take one to `most` digits, exactly `most` when `exact`."""
        count = _digits(self.rest, most)
        if not count or (exact and count != most):
            raise _Bad
        return int(self.take(count))

    def name(self, names: list[str]) -> int:
        for index, name in enumerate(names):
            if self.rest[: len(name)].lower() == name.lower():
                self.rest = self.rest[len(name) :]
                return index
        raise _Bad

    def ranged(self, value: int, most: int, what: str, least: int = 0) -> int:
        if not least <= value <= most:
            raise _Range(what)
        return value

    def read(self, element: str, *, fraction_next: bool) -> None:
        """Take one element's text; raises _Bad or _Range."""
        exact = element[0] == "0"
        if element == "2006":
            if _digits(self.rest, 4) != 4:
                raise _Bad
            self.year = int(self.take(4))
        elif element == "06":
            # Go takes a sign for the first digit.
            if not _SHORT_YEAR.match(self.rest):
                raise _Bad
            year = int(self.take(2))
            self.year = year + (1900 if year >= 69 else 2000)
        elif element == "Jan":
            self.month = self.name(_SHORT_MONTHS) + 1
        elif element == "January":
            self.month = self.name(MONTHS) + 1
        elif element in ("1", "01"):
            self.month = self.ranged(self.number(exact=exact), 12, "month", 1)
        elif element == "Mon":
            self.name(_SHORT_WEEKDAYS)
        elif element == "Monday":
            self.name(WEEKDAYS)
        elif element in ("2", "_2", "02"):
            if element == "_2":
                self.rest = self.rest.removeprefix(" ")
            self.day = self.number(exact=exact)
        elif element in ("__2", "002"):
            if element == "__2":
                self.rest = self.rest.removeprefix(" ").removeprefix(" ")
            self.year_day = self.number(exact=exact, most=3)
        elif element == "15":
            self.hour = self.ranged(self.number(exact=False), 23, "hour")
        elif element in ("3", "03"):
            self.hour = self.ranged(self.number(exact=exact), 12, "hour")
        elif element in ("4", "04"):
            self.minute = self.ranged(self.number(exact=exact), 59, "minute")
        elif element in ("5", "05"):
            self.second = self.ranged(self.number(exact=exact), 59, "second")
            if not fraction_next:
                self.fraction_if_any()
        elif element in ("PM", "pm"):
            text = self.take(2)
            marks = ("AM", "PM") if element == "PM" else ("am", "pm")
            if text not in marks:
                raise _Bad
            self.afternoon = text == marks[1]
        elif element == "MST":
            self.zone_name()
        elif element[0] in ".,":
            if element[1] == "9":
                self.fraction_if_any()
            elif (
                self.rest[:1] not in (".", ",")
                or _digits(self.rest[1:], len(element) - 1) != len(element) - 1
            ):
                raise _Bad
            else:
                self.fraction(len(element) - 1)
        else:
            self.zone_offset(element)

    def fraction_if_any(self) -> None:
        if self.rest[:1] in (".", ",") and self.rest:
            count = _digits(self.rest[1:], len(self.rest))
            if count:
                self.fraction(count)

    def fraction(self, count: int) -> None:
        digits = self.take(count + 1)[1:10]
        self.nanosecond = int(digits.ljust(9, "0"))

    def zone_offset(self, element: str) -> None:
        if element[0] == "Z" and self.rest[:1] == "Z":
            self.rest = self.rest[1:]
            self.offset = 0
            return
        text = self.take(len(element))
        shape = "-07" + element[3:]
        for place, char in enumerate(shape):
            if char == ":" and text[place] != ":":
                raise _Bad
        parts = [part for part in re.split(":", text[1:]) if part]
        if ":" not in element:
            parts = [text[at : at + 2] for at in range(1, len(text), 2)]
        if any(_digits(part, 2) != 2 for part in parts):
            raise _Bad
        values = [int(part) for part in parts] + [0, 0]
        for value, most, what in zip(
            values, (24, 60, 60), ("hour", "minute", "second"), strict=False
        ):
            self.ranged(value, most, f"time zone offset {what}")
        if text[0] not in "+-":
            raise _Bad
        size = (values[0] * 60 + values[1]) * 60 + values[2]
        self.offset = -size if text[0] == "-" else size

    def zone_name(self) -> None:
        """Take an abbreviation; only UTC says an offset."""
        if self.rest.startswith("UTC"):
            self.rest = self.rest[3:]
            return
        size = _zone_size(self.rest)
        if not size:
            raise _Bad
        self.rest = self.rest[size:]

    def settle(self) -> str:
        """Fill in what was not given; returns what is out of range, or ""."""
        if self.afternoon is True and self.hour < 12:
            self.hour += 12
        elif self.afternoon is False and self.hour == 12:
            self.hour = 0
        if self.year_day >= 0:
            return self.settle_year_day()
        self.month = 1 if self.month < 0 else self.month
        self.day = 1 if self.day < 0 else self.day
        if not 1 <= self.day <= days_in_month(self.year, self.month):
            return "day out of range"
        return ""

    def settle_year_day(self) -> str:
        leap = is_leap(self.year)
        if not 1 <= self.year_day <= 365 + leap:
            return "day-of-year out of range"
        month = 12
        while DAYS_BEFORE[month - 1] + (leap and month > 2) >= self.year_day:
            month -= 1
        day = self.year_day - DAYS_BEFORE[month - 1] - (leap and month > 2)
        if self.month >= 0 and self.month != month:
            return "day-of-year does not match month"
        if self.day >= 0 and self.day != day:
            return "day-of-year does not match day"
        self.month, self.day = month, day
        return ""

    def nanoseconds(self) -> int:
        days = days_from_civil(self.year, self.month, self.day)
        minutes = self.hour * 60 + self.minute
        seconds = days * 86400 + minutes * 60 + self.second - self.offset
        return seconds * 1_000_000_000 + self.nanosecond


def _zone_size(text: str) -> int:
    """Length of the zone abbreviation that begins a text, 0 for none."""
    if len(text) < 3:
        return 0
    if text[:4] in ("ChST", "MeST"):
        return 4
    if text[:3] == "GMT":
        return 3 + _signed_offset_size(text[3:])
    if text[0] in "+-":
        return _signed_offset_size(text)
    upper = 0
    while upper < 6 and "A" <= text[upper : upper + 1] <= "Z":
        upper += 1
    if upper == 5:
        return 5 if text[4] == "T" else 0
    if upper == 4:
        return 4 if text[3] == "T" or text[:4] == "WITA" else 0
    return 3 if upper == 3 else 0


def _signed_offset_size(text: str) -> int:
    if text[:1] not in ("+", "-"):
        return 0
    count = _digits(text[1:], len(text))
    if not count or int(text[1 : 1 + min(count, 9)]) > 23:
        return 0
    return 1 + count

"""Civil dates in the proleptic Gregorian calendar, for years of any size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = [
    "DAYS_BEFORE",
    "Moment",
    "civil_from_days",
    "days_from_civil",
    "days_in_month",
    "is_leap",
    "normal_date",
]

#: Days before each month in a common year.
DAYS_BEFORE: Final = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)
_LENGTHS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time as a clock on a wall shows it.

    `offset`: seconds east of UTC. `zone`: its abbreviation, "" when unknown.
    `weekday`: 0 is Sunday.
    """

    year: int
    month: int
    day: int
    hour: int
    minute: int
    second: int
    nanosecond: int
    weekday: int
    offset: int
    zone: str


def is_leap(year: int) -> bool:
    """Tell whether a year has a 29th of February."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def days_in_month(year: int, month: int) -> int:
    """Return the number of days of a month."""
    return _LENGTHS[month - 1] + (month == 2 and is_leap(year))


def days_from_civil(year: int, month: int, day: int) -> int:
    """Return days since 1970-01-01; `day` may lie outside of the month."""
    before = year - 1
    leaps = before // 4 - before // 100 + before // 400
    days = before * 365 + leaps + DAYS_BEFORE[month - 1]
    return days + (month > 2 and is_leap(year)) + day - 719_163


def civil_from_days(days: int) -> tuple[int, int, int]:
    """Return year, month, day of a day counted from 1970-01-01."""
    eras, rest = divmod(days + 719_162, 146_097)
    year = eras * 400 + (rest - rest // 1460 + rest // 36_524 - rest // 146_096) // 365
    day = days - days_from_civil(year + 1, 1, 1)
    month = 12
    while days_from_civil(year + 1, month, 1) - days_from_civil(year + 1, 1, 1) > day:
        month -= 1
    return year + 1, month, days - days_from_civil(year + 1, month, 1) + 1


def normal_date(year: int, month: int, day: int) -> int:
    """Return days since the epoch of a date whose month and day may overflow."""
    carry, month0 = divmod(month - 1, 12)
    return days_from_civil(year + carry, month0 + 1, day)

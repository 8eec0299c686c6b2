"""Points in time, zones with a past, and layouts of many parts."""

from __future__ import annotations

import random
from typing import Any

from tests.fuzz.mutations import mutated

__all__ = ["BUILTINS", "call"]

BUILTINS = {
    "time.format": 1, "time.date": 1, "time.clock": 1, "time.weekday": 1, "time.diff": 2,
    "time.add_date": 4, "time.parse_ns": 2,
}  # fmt: skip
_SECOND = 10**9
_YEAR = 31_556_952 * _SECOND
#: Near a change of the clocks, a leap day, the ends of what 64 bits hold, the epoch.
_NEAR = (
    0, 951_782_400, 1_709_164_800, 1_711_846_800, 1_729_990_800, 1_710_054_000, 1_730_613_600,
    -2_147_483_648, 2_147_483_647, 4_102_444_800, -62_135_596_800, -9_223_372_036, 9_223_372_036,
    1_301_234_400, 1_325_203_200, -1_830_384_000, -2_208_988_800, 1_414_281_600, 7_258_118_400,
)  # fmt: skip
_ZONES = (
    "", "UTC", "America/New_York", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe",
    "America/St_Johns", "Pacific/Apia", "Africa/Monrovia", "Europe/Moscow", "Asia/Tehran",
    "America/Sao_Paulo", "Africa/Casablanca", "Europe/Dublin", "Antarctica/Troll", "EST", "EST5EDT",
    "CET", "GMT", "Etc/GMT+5", "Etc/GMT-14", "Asia/Kolkata", "Pacific/Kiritimati", "Europe/London",
    "Local", "Nope/Zone", "america/new_york", "../etc/passwd", "/etc/localtime", "Europe",
    "Europe/Berlin ", "Zulu", "W-SU", "posixrules", "America/Argentina/Buenos_Aires", "é",
)  # fmt: skip
_PARTS = (
    "2006", "06", "01", "1", "Jan", "January", "02", "2", "_2", "__2", "002", "Mon", "Monday", "15",
    "03", "3", "04", "4", "05", "5", "PM", "pm", "MST", "Z07:00", "Z0700", "Z07", "Z070000",
    "Z07:00:00", "-07:00", "-0700", "-07", "-070000", "-07:00:00", ".000", ".999", ",000000",
    ".000000000", ".999999999", ",9", ".0", "05.00", "05,999", "_2006", "__2006", "20060102", "0",
    "150405", "Z", "+07", "-7", "T", " ", "-", ":", "/", "é", "Janet", "Month", "Mona", "3PM",
    "12", "2007", "006", "00", "_", "__", ".00x", ".0000000001", "MSTx", "%d", "1504",
)  # fmt: skip
_NAMED = (
    "RFC3339", "RFC3339Nano", "RFC822", "RFC822Z", "RFC850", "RFC1123", "RFC1123Z", "ANSIC",
    "UnixDate", "RubyDate", "Kitchen", "Stamp", "StampMilli", "StampMicro", "StampNano", "DateTime",
    "DateOnly", "TimeOnly", "Layout", "rfc3339",
)  # fmt: skip
_TEXTS = (
    "2024-02-29T12:30:00Z", "2024-02-30", "29 Feb 24 12:30 CET", "Thu Feb 29 12:30:00 2024",
    "12:30PM", "2021-07-01T00:00:00.123456789+02:00", "2021-07-01 00:00:00,5", "Feb  9 00:00:01.000",
    "Thursday, 29-Feb-24 12:30:00 GMT+3", "366", "060", "0060", "24:00", "1:2:3", "13PM", "Z",
    "+24:00", "-23:59", "+1", "+25", "2024", "99", "-5", "20240229", "UTC", "WITA", "ChST", "MeST",
    "AMT", "+0330", "GMT-4", "x", "", "Feb", "february", "mon", "January", "10000-01-01", "0000-01-01",
)  # fmt: skip


def _stamp(rng: random.Random) -> Any:
    kind = rng.random()
    if kind < 0.03:
        return rng.choice(
            (1.5, 1e18, 1e19, 2**63, -(2**63), 2**63 - 1, "0", None, 1e3, -0.0)
        )
    if kind < 0.5:
        seconds = rng.choice(_NEAR) + rng.choice(
            (0, 0, 1, -1, 3599, -3600, 86400, -43200)
        )
        ns = seconds * _SECOND + rng.choice((0, 0, 1, 999_999_999, 120_000_000, 500))
        return max(-(2**63), min(ns, 2**63 - 1))
    if kind < 0.8:
        return rng.randrange(-50 * _YEAR, 100 * _YEAR)
    return rng.randrange(-(2**63), 2**63)


def _layout(rng: random.Random) -> str:
    if rng.random() < 0.25:
        return rng.choice(_NAMED)
    return "".join(rng.choice(_PARTS) for _ in range(rng.randint(1, 7)))


def _moment(rng: random.Random) -> Any:
    """A number, or an array with a zone and a layout."""
    kind = rng.random()
    if kind < 0.2:
        return _stamp(rng)
    if kind < 0.22:
        return rng.choice(([], None, "x", {}, [1, 2], ["a"], [0, None], [0, "UTC", 1]))
    zone = (
        rng.choice(_ZONES) if rng.random() < 0.9 else mutated(rng.choice(_ZONES), rng)
    )
    out = [_stamp(rng), zone]
    if rng.random() < 0.7:
        out.append(_layout(rng))
    if rng.random() < 0.03:
        out.append("x")
    return out


def call(rng: random.Random) -> tuple[str, list[Any]]:
    """A call, mostly of `time.format`."""
    kind = rng.random()
    if kind < 0.5:
        return "time.format", [_moment(rng)]
    if kind < 0.65:
        return rng.choice(("time.date", "time.clock", "time.weekday")), [_moment(rng)]
    if kind < 0.75:
        return "time.diff", [_moment(rng), _moment(rng)]
    if kind < 0.85:
        steps = [
            rng.choice((0, 1, -1, 12, -13, 29, 31, 365, 1.0, 1.5, 10**6)) for _ in "yms"
        ]
        return "time.add_date", [_moment(rng), *steps]
    text = rng.choice(_TEXTS)
    return "time.parse_ns", [
        _layout(rng),
        mutated(text, rng) if rng.random() < 0.4 else text,
    ]

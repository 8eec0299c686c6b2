"""The string formats that a schema may ask for, as apiextensions checks them.

A format that is not listed here for the schema's type is ignored, not refused.
Source of behaviour: apiextensions' list of supported formats and kube-openapi's
strfmt.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

from gatewright.k8s import names, patterns

__all__ = ["STRING_FORMATS", "is_valid", "normalise", "supported"]

_UUID: Final = "^[0-9a-f]{8}-?[0-9a-f]{4}-?%s-?%s-?[0-9a-f]{12}$"
_ANY: Final = "[0-9a-f]{4}"
_VARIANT: Final = "[89ab][0-9a-f]{3}"
_SIGN: Final = r"[a-zA-Z0-9\p{S}\p{L}]"
_SIGN_OR_DASH: Final = r"[a-zA-Z0-9\p{S}\p{L}-]"
#: One label, or several of which the last has two letters or more and nothing else.
_HOSTNAME: Final = (
    f"^({_SIGN}(-?{_SIGN}{{0,62}})?"
    f"|({_SIGN}({_SIGN_OR_DASH}{{0,61}}{_SIGN})?\\.)+[a-zA-Z\\p{{L}}]{{2,63}})$"
)
_EMAIL: Final = re.compile(r"(?:[^<>@]*<)?[^\s@<>]+@[^\s@<>]+>?")
_MAC: Final = re.compile(
    r"([0-9a-fA-F]{2}([:-])([0-9a-fA-F]{2}\2){4}([0-9a-fA-F]{2})"
    r"((\2[0-9a-fA-F]{2}){2}|(\2[0-9a-fA-F]{2}){14})?"
    r"|([0-9a-fA-F]{4}\.){2}[0-9a-fA-F]{4}(\.[0-9a-fA-F]{4})?"
    r"|([0-9a-fA-F]{4}\.){9}[0-9a-fA-F]{4})"
)
_DATETIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?"
    r"([Zz]|[+-][0-9]{2}:?[0-9]{2})"
)
_GO_DURATION: Final = re.compile(
    r"[+-]?(0|([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h))+"
)
_WORD_DURATION: Final = re.compile(
    r"(?i)\s*([0-9]+(\.[0-9]+)?)\s*(ns|nanos?|nanoseconds?|us|\u00b5s|micros?|microseconds?"
    r"|ms|millis?|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hr|hours?|d|days?|w|weeks?)\s*"
)


def _pattern(text: str, *, any_case: bool = False) -> Callable[[str], bool]:
    compiled = re.compile(text, re.IGNORECASE if any_case else 0)
    return lambda value: compiled.search(value) is not None


def _date(value: str) -> bool:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return False
    try:
        datetime.date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _datetime(value: str) -> bool:
    if not _DATETIME.fullmatch(value) or not _date(value[:10]):
        return False
    hour, minute, second = int(value[11:13]), int(value[14:16]), int(value[17:19])
    return hour <= 23 and minute <= 59 and second <= 59


def _ip(version: int) -> Callable[[str], bool]:
    def check(value: str) -> bool:
        try:
            return ipaddress.ip_address(value).version == version and "%" not in value
        except ValueError:
            return False

    return check


def _cidr(value: str) -> bool:
    if "/" not in value:
        return False
    address, _, prefix = value.partition("/")
    if not prefix.isdecimal() or (len(prefix) > 1 and prefix[0] == "0"):
        return False
    try:
        ipaddress.ip_interface(value)
    except ValueError:
        return False
    return "%" not in address


def _uri(value: str) -> bool:
    if not value or any(ord(char) < 0x20 or ord(char) == 0x7F for char in value):
        return False
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return bool(parts.scheme) or value.startswith("/")


def _byte(value: str) -> bool:
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _hostname(value: str) -> bool:
    if len(value.encode()) > 255 or not patterns.matches(_HOSTNAME, value):
        return False
    return all(len(label.encode()) <= 63 for label in value.split("."))


def _isbn10(value: str) -> bool:
    digits = re.sub("[\\s-]+", "", value)
    if not re.fullmatch("[0-9]{9}[0-9X]", digits):
        return False
    total = sum((i + 1) * (10 if d == "X" else int(d)) for i, d in enumerate(digits))
    return total % 11 == 0


def _isbn13(value: str) -> bool:
    digits = re.sub("[\\s-]+", "", value)
    if not re.fullmatch("[0-9]{13}", digits):
        return False
    return sum((1, 3)[i % 2] * int(d) for i, d in enumerate(digits)) % 10 == 0


def _credit_card(value: str) -> bool:
    digits = re.sub("[^0-9]+", "", value)
    pattern = (
        "^(?:4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|6(?:011|5[0-9][0-9])[0-9]{12}"
        "|3[47][0-9]{13}|3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35[0-9]{3})[0-9]{11})$"
    )
    if not re.match(pattern, digits):
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (1 + place % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def _duration(value: str) -> bool:
    found = _GO_DURATION.fullmatch(value) or _WORD_DURATION.fullmatch(value)
    return found is not None


STRING_FORMATS: Final[Mapping[str, Callable[[str], bool]]] = {
    "bsonobjectid": _pattern("^[0-9a-fA-F]{24}$"),
    "byte": _byte,
    "cidr": _cidr,
    "creditcard": _credit_card,
    "date": _date,
    "datetime": _datetime,
    "duration": _duration,
    "email": lambda value: _EMAIL.fullmatch(value) is not None,
    "hexcolor": _pattern("^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$"),
    "hostname": _hostname,
    "ipv4": _ip(4),
    "ipv6": _ip(6),
    "isbn": lambda value: _isbn10(value) or _isbn13(value),
    "isbn10": _isbn10,
    "isbn13": _isbn13,
    "k8slongname": lambda value: not names.dns1123_subdomain(value),
    "k8sshortname": lambda value: not names.dns1123_label(value),
    "mac": lambda value: _MAC.fullmatch(value) is not None,
    "password": lambda _value: True,
    "rgbcolor": _pattern(
        r"^rgb\(\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*,"
        r"\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*,"
        r"\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*\)$"
    ),
    "ssn": _pattern("^[0-9]{3}[- ]?[0-9]{2}[- ]?[0-9]{4}$"),
    "uri": _uri,
    "uuid": _pattern(_UUID % (_ANY, _ANY), any_case=True),
    "uuid3": _pattern(_UUID % ("3[0-9a-f]{3}", _ANY), any_case=True),
    "uuid4": _pattern(_UUID % ("4[0-9a-f]{3}", _VARIANT), any_case=True),
    "uuid5": _pattern(_UUID % ("5[0-9a-f]{3}", _VARIANT), any_case=True),
}


def normalise(name: str) -> str:
    """Return a format's name as the registry keeps it: without dashes."""
    return name.replace("-", "")


def supported(name: str, schema_type: str) -> bool:
    """Tell whether a schema of this type may ask for the format."""
    if schema_type in ("", "string"):
        return normalise(name) in STRING_FORMATS
    if schema_type == "integer":
        return name in ("int32", "int64")
    return schema_type == "number" and name in ("float", "double")


def is_valid(name: str, value: str) -> bool:
    """Tell whether a string has the format."""
    return STRING_FORMATS[normalise(name)](value)

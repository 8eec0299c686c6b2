"""The `format` keyword of JSON Schema: which names are known, and what fits."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from gatewright.engine.library.emails import is_address
from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.layouts import parse_time
from gatewright.engine.library.net import read_address
from gatewright.engine.library.re2 import compile_pattern
from gatewright.engine.library.urls import read_url

__all__ = ["fits"]

_HOST: Final = re.compile(
    r"(?=.{1,255}\Z)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
    r"(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)
_UUID: Final = re.compile(r"(?i)[a-f0-9]{8}-(?:[a-f0-9]{4}-){3}[a-f0-9]{12}")
_POINTER: Final = re.compile(r"(?:/(?:[^~/]|~0|~1)*)*")
_RELATIVE: Final = re.compile(r"(?:0|[1-9][0-9]*)(?:#|(?:/(?:[^~/]|~0|~1)*)*)")
#: In the path of a template each brace that opens is closed.
_TEMPLATE: Final = re.compile(r"(?:[^{]|\{[^}]*\})*")


def _layout(*layouts: str) -> Callable[[str], bool]:
    def fits_one(text: str) -> bool:
        for layout in layouts:
            try:
                parse_time(layout, text)
            except BuiltinError:
                continue
            return True
        return False

    return fits_one


def _url(text: str, *, absolute: bool) -> bool:
    if "\\" in text:
        return False
    try:
        url = read_url(text)
    except BuiltinError:
        return False
    return bool(url.scheme) or not absolute


def _template(text: str) -> bool:
    return _url(text, absolute=False) and bool(_TEMPLATE.fullmatch(read_url(text).path))


def _regex(text: str) -> bool:
    try:
        compile_pattern(text)
    except BuiltinError:
        return False
    return True


def _matches(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: pattern.fullmatch(text) is not None


_CHECKS: Final[dict[str, Callable[[str], bool]]] = {
    "date": _layout("2006-01-02"),
    "time": _layout("15:04:05", "15:04:05Z07:00"),
    "date-time": _layout(
        "15:04:05",
        "15:04:05Z07:00",
        "2006-01-02",
        "2006-01-02T15:04:05Z07:00",
        "2006-01-02T15:04:05.999999999Z07:00",
    ),
    "hostname": _matches(_HOST),
    "email": is_address,
    "idn-email": is_address,
    "ipv4": lambda text: read_address(text) is not None and "." in text,
    "ipv6": lambda text: read_address(text) is not None and ":" in text,
    "uri": lambda text: _url(text, absolute=True),
    "uri-reference": lambda text: _url(text, absolute=False),
    "iri": lambda text: _url(text, absolute=True),
    "iri-reference": lambda text: _url(text, absolute=False),
    "uri-template": _template,
    "uuid": _matches(_UUID),
    "regex": _regex,
    "json-pointer": _matches(_POINTER),
    "relative-json-pointer": _matches(_RELATIVE),
}


def fits(name: str, text: str) -> bool:
    """Tell whether a text has a format; any text has one that is not known."""
    check = _CHECKS.get(name)
    return check is None or check(text)

"""What is wrong in the text of an IP address, as Go's `netip.ParseAddr` says it."""

from __future__ import annotations

import re
from typing import Final

from gatewright.engine.library.gotext import quote

__all__ = ["address_error"]

_HEX: Final = re.compile("[0-9A-Fa-f]*")
#: Groups of 16 bits, and how many an IPv4 address at the end stands for.
_GROUPS: Final = 8
_DOTTED: Final = 2


class _AddressError(Exception):
    """`at`: the rest of the text where it was found, "" for none."""

    def __init__(self, message: str, at: str = "") -> None:
        super().__init__(message + (f" (at {quote(at)})" if at else ""))


def address_error(text: str) -> str:
    """Return the error of a text, "" for an address; a zone may follow one of IPv6."""
    mark = next((char for char in text if char in ".:%"), "")
    try:
        if mark == ".":
            _check_dotted(text)
        elif mark == ":":
            _check_groups(text)
        else:
            what = "missing IPv6 address" if mark else "unable to parse IP"
            raise _AddressError(what)
    except _AddressError as error:
        return f"ParseAddr({quote(text)}): {error}"
    return ""


def _check_dotted(text: str) -> None:
    value = digits = dots = 0
    for at, char in enumerate(text):
        if "0" <= char <= "9":
            if digits == 1 and not value:
                raise _AddressError("IPv4 field has octet with leading zero")
            value = value * 10 + int(char)
            digits += 1
            if value > 255:
                raise _AddressError("IPv4 field has value >255")
        elif char == ".":
            if not digits or at == len(text) - 1:
                what = "IPv4 field must have at least one digit"
                raise _AddressError(what, text[at:])
            if dots == 3:
                raise _AddressError("IPv4 address too long")
            dots += 1
            value = digits = 0
        else:
            raise _AddressError("unexpected character", text[at:])
    if dots < 3:
        raise _AddressError("IPv4 address too short")


def _check_groups(text: str) -> None:
    rest, mark, zone = text.partition("%")
    if mark and not zone:
        raise _AddressError("zone must be a non-empty string")
    groups, short = 0, rest.startswith("::")
    if short:
        rest = rest[2:]
        if not rest:
            return
    while groups < _GROUPS:
        size = _group(rest)
        if rest[size : size + 1] == ".":
            _check_embedded(rest, groups, short)
            groups, rest = groups + _DOTTED, ""
            break
        groups, rest = groups + 1, rest[size:]
        if not rest:
            break
        rest, doubled = _behind_colon(rest)
        if doubled and short:
            raise _AddressError("multiple :: in address", rest)
        if doubled:
            short, rest = True, rest[1:]
            if not rest:
                break
    if rest:
        raise _AddressError("trailing garbage after address", rest)
    if groups < _GROUPS and not short:
        raise _AddressError("address string too short")
    if groups == _GROUPS and short:
        what = "the :: must expand to at least one field of zeros"
        raise _AddressError(what)


def _group(rest: str) -> int:
    """The digits of the group that the text begins with."""
    found = _HEX.match(rest)
    size = found.end() if found else 0
    if size > 4:
        raise _AddressError("each group must have 4 or less digits", rest)
    if not size:
        what = "each colon-separated field must have at least one digit"
        raise _AddressError(what, rest)
    return size


def _check_embedded(rest: str, groups: int, short: bool) -> None:
    if not short and groups != _GROUPS - _DOTTED:
        what = "embedded IPv4 address must replace the final 2 fields of the address"
        raise _AddressError(what, rest)
    if groups + _DOTTED > _GROUPS:
        what = "too many hex fields to fit an embedded IPv4 at the end of the address"
        raise _AddressError(what, rest)
    _check_dotted(rest)


def _behind_colon(rest: str) -> tuple[str, bool]:
    """What follows the colon, and whether that is another one."""
    if rest[0] != ":":
        raise _AddressError("unexpected character, want colon", rest)
    if len(rest) == 1:
        raise _AddressError("colon must be followed by more characters", rest)
    return rest[1:], rest[1] == ":"

"""Numbers in JSON Schema, as OPA's Go library reads, compares and prints them."""

from __future__ import annotations

import re
from typing import Final

from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.jsontext import dump
from gatewright.engine.values import Number, Value, integer_text, is_number, pairs

__all__ = ["integer", "marshalled", "shortest"]

_INTEGER: Final = re.compile(r"-?[0-9]+")


def _spelled(value: Value) -> str:
    return value.text if isinstance(value, Number) else integer_text(value)


def integer(value: Value) -> int | None:
    """Return a number that is spelled as an int64, or None."""
    if not is_number(value):
        return None
    text = _spelled(value)
    if len(text) > 20 or not _INTEGER.fullmatch(text):
        return None
    found = int(text)
    return found if -(1 << 63) <= found < 1 << 63 else None


def _digits(text: str) -> tuple[str, str, int]:
    """The sign, the digits without zeros around, and the place of the point."""
    mantissa, _, exponent = text.lower().partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    head, _, tail = mantissa.lstrip("+-").partition(".")
    digits = (head + tail).lstrip("0")
    point = len(head) - (len(head + tail) - len(digits)) + int(exponent or "0")
    return sign, digits.rstrip("0"), point


def _written(sign: str, digits: str, point: int, *, exponent: bool) -> str:
    if not digits:
        return f"{sign}0"
    if exponent:
        rest = f".{digits[1:]}" if len(digits) > 1 else ""
        power = point - 1
        return f"{sign}{digits[0]}{rest}e{'-' if power < 0 else '+'}{abs(power):02d}"
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    whole = digits[:point].ljust(point, "0")
    return f"{sign}{whole}" + (f".{digits[point:]}" if len(digits) > point else "")


def shortest(value: Value) -> str:
    """Print a limit: Go's big.Float by `%v`."""
    sign, digits, point = _digits(_spelled(value))
    far = bool(digits) and not -4 <= point - 1 < 6
    return _written(sign if digits else "", digits, point, exponent=far)


def _float(value: Value) -> Number:
    """As Go prints it after it was a float64."""
    text = _spelled(value)
    found = float(text)
    if found in (float("inf"), float("-inf")):
        raise BuiltinError(
            f"json: cannot unmarshal number {text} into Go value of type float64"
        )
    sign, digits, point = _digits(repr(found))
    far = found != 0 and not 1e-6 <= abs(found) < 1e21
    shown = _written(sign, digits, point, exponent=far)
    return Number(re.sub(r"e-0(\d)$", r"e-\1", shown))


def _plain(value: Value) -> Value:
    if isinstance(value, bool):
        return value
    if is_number(value):
        return _float(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in pairs(value)}
    return value


def marshalled(value: Value) -> str:
    """Return JSON text by which values are compared: numbers are float64s."""
    return dump(_plain(value))

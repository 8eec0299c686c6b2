"""`units.parse` and `units.parse_bytes`: amounts with an SI or binary suffix."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.operands import string, utf8
from gatewright.engine.values import Number, Value

__all__ = ["parse", "parse_bytes"]

#: Largest decimal exponent read; OPA reads somewhat larger ones.
MAX_EXPONENT: Final = 4000
_AMOUNT: Final = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?")
#: More digits than an exponent may have.
_LONG: Final = re.compile(r"[0-9]{7}")
_POWERS: Final = "kmgtpe"
_DECIMAL: Final = {letter: 1000 ** (i + 1) for i, letter in enumerate(_POWERS)}
_BINARY: Final = {f"{letter}i": 1024 ** (i + 1) for i, letter in enumerate(_POWERS)}
#: The float64 nearest to 1/1000, as OPA multiplies by it.
_MILLI: Final = Fraction(0.001)
_MANTISSA_BITS: Final = 64


def parse(value: Value) -> int | Number:
    """Return the amount: exact if whole, else with ten decimals.

    Case does not matter but for `m` (milli) and `M` (mega). Quotes are dropped.
    """
    text = string(value, 1).replace('"', "")
    if " " in text:
        raise BuiltinError("units.parse: spaces not allowed in resource strings")
    amount, unit = _cut(text, "units.parse")
    if not amount:
        raise BuiltinError("units.parse: no amount provided")
    factor = _factor(unit)
    found = _read(amount, "units.parse", "could not parse amount to a number") * factor
    if found.denominator == 1:
        return int(found)
    return Number(_fixed(found))


def parse_bytes(value: Value) -> int:
    """Return the number of bytes, truncated; case does not matter."""
    text = string(value, 1).replace('"', "").lower()
    if " " in text:
        raise BuiltinError("units.parse_bytes: spaces not allowed in resource strings")
    amount, unit = _cut(text, "units.parse_bytes")
    if not amount:
        raise BuiltinError("units.parse_bytes: no byte amount provided")
    base = unit.removesuffix("b") if unit != "b" else unit
    factor = 1 if not unit else _DECIMAL.get(base) or _BINARY.get(base)
    if factor is None:
        raise BuiltinError(f"units.parse_bytes: byte unit {unit} not recognized")
    words = "could not parse byte amount to a number"
    exact = _rounded(_read(amount, "units.parse_bytes", words))
    return int(_rounded(exact * factor))


def _factor(unit: str) -> Fraction:
    if not unit:
        return Fraction(1)
    if unit == "m":
        return _MILLI
    factor = _DECIMAL.get(unit.lower()) or _BINARY.get(unit.lower())
    if factor is None or not unit.isascii():
        shown = utf8(unit)
        rest = shown[1:].decode("utf-8", "replace").lower()
        unit = shown[:1].decode("utf-8", "surrogateescape") + rest
        raise BuiltinError(f"units.parse: unit {unit} not recognized")
    return Fraction(factor)


def _cut(text: str, name: str) -> tuple[str, str]:
    """Split into amount and unit; an `e` belongs to the amount before a digit.

    An exponent that is too long is the first thing to be found wrong, whatever the
    amount and the unit are.
    """
    at, size = 0, len(text)
    while at < size:
        char = text[at]
        follower = text[at + 1 : at + 2]
        if char in "eE":
            if follower not in tuple("0123456789+-"):
                break
            if follower in ("+", "-"):
                at += 1
            if _LONG.match(text, at + 1):
                raise BuiltinError(f"{name}: exponent too large")
        elif char not in "0123456789.+-":
            break
        at += 1
    return text[:at], text[at:]


def _read(amount: str, name: str, words: str) -> Fraction:
    found = _AMOUNT.fullmatch(amount)
    if found is None or not (found[2] or found[3]):
        raise BuiltinError(f"{name}: {words}")
    sign, whole, tail, exponent = found[1], found[2], found[3] or "", found[4] or "0"
    power = int(exponent) if len(exponent) < 8 else MAX_EXPONENT + 1
    if not -(10**5) <= power <= MAX_EXPONENT or len(amount) > MAX_EXPONENT:
        raise BuiltinError(f"{name}: exponent too large")
    digits = int(whole + tail or "0")
    shift = power - len(tail)
    value = Fraction(digits) * 10**shift if shift >= 0 else Fraction(digits, 10**-shift)
    return -value if sign == "-" else value


def _rounded(value: Fraction) -> Fraction:
    """Round to a 64-bit mantissa, half to even, as Go's big.Float does."""
    if not value:
        return value
    size = abs(value.numerator).bit_length() - value.denominator.bit_length()
    for shift in (_MANTISSA_BITS - size, _MANTISSA_BITS - size - 1):
        scaled = value * (1 << shift) if shift >= 0 else value / (1 << -shift)
        mantissa = round(scaled)
        if abs(mantissa) <= 1 << _MANTISSA_BITS:
            unit = Fraction(1 << -shift) if shift < 0 else Fraction(1, 1 << shift)
            return mantissa * unit
    return value


def _fixed(value: Fraction) -> str:
    """Print with ten decimals, half away from zero."""
    scaled = (abs(value) * 10**10 * 2 + 1) // 2
    text = f"{scaled:011d}"
    sign = "-" if value < 0 else ""
    return f"{sign}{text[:-10]}.{text[-10:]}"

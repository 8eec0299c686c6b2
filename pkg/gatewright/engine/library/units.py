"""`units.parse` and `units.parse_bytes`: amounts with an SI or binary suffix."""

from __future__ import annotations

import re
from decimal import MAX_EMAX, Context, Decimal
from fractions import Fraction
from math import isqrt
from typing import Final

from gatewright.engine.library.budget import charge, reserve
from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.operands import MANTISSA_BITS, cut_bits, string, utf8
from gatewright.engine.values import Number, Value

__all__ = ["parse", "parse_bytes"]

#: Longest amount read, in characters without unit; OPA has no limit.
MAX_AMOUNT: Final = 4000
#: Powers of ten that are multiplied out; larger ones are kept apart.
_SMALL: Final = 5000
_AMOUNT: Final = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?")
#: More digits than an exponent may have.
_LONG: Final = re.compile(r"[0-9]{7}")
_POWERS: Final = "kmgtpe"
_DECIMAL: Final = {letter: 1000 ** (i + 1) for i, letter in enumerate(_POWERS)}
_BINARY: Final = {f"{letter}i": 1024 ** (i + 1) for i, letter in enumerate(_POWERS)}
#: The float64 nearest to 1/1000, as OPA multiplies by it.
_MILLI: Final = Fraction(0.001)


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
    digits, power = _read(amount, "units.parse", "could not parse amount to a number")
    if digits and power > _SMALL:
        reserve(4 * power)
        # The denominator is a power of two, and 10**twos makes it whole
        twos = factor.denominator.bit_length() - 1
        return Number(str(int(digits * factor * 10**twos)) + "0" * (power - twos))
    found = _scaled(digits, power) * factor
    if found.denominator == 1:
        return int(found)
    return Number(_fixed(found))


def parse_bytes(value: Value) -> int | Number:
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
    digits, power = _read(amount, "units.parse_bytes", words)
    if digits and power > _SMALL:
        return _long_bytes(digits, power, factor)
    exact = _rounded(_scaled(digits, power))
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


def _read(amount: str, name: str, words: str) -> tuple[int, int]:
    """The amount as its digits, with their sign, and the power of ten they count."""
    found = _AMOUNT.fullmatch(amount)
    if found is None or not (found[2] or found[3]):
        raise BuiltinError(f"{name}: {words}")
    if len(amount) > MAX_AMOUNT:
        raise BuiltinError(f"{name}: amount of more than {MAX_AMOUNT} characters")
    sign, whole, tail, exponent = found[1], found[2], found[3] or "", found[4] or "0"
    digits = int(whole + tail)
    return -digits if sign == "-" else digits, int(exponent) - len(tail)


def _scaled(digits: int, power: int) -> Fraction:
    """The amount; of those far below all that is shown, one that is so as well."""
    if not digits:
        return Fraction(0)
    power = max(power, -2 * _SMALL)
    return digits * Fraction(10) ** power


def _long_bytes(digits: int, power: int, factor: int) -> Number:
    """An amount so large that it is only a mantissa and a power of two."""
    # Multiplying out takes about 0.3 s for a million, and grows faster than that
    charge(power * isqrt(power) // 13)
    reserve(6 * power)
    mantissa, shift = cut_bits(abs(digits) * 5**power)
    mantissa, more = cut_bits(mantissa * factor)
    shift += more + power
    exact = Context(prec=(shift + 2 * MANTISSA_BITS) // 3, Emax=MAX_EMAX)
    found = exact.multiply(Decimal(mantissa), exact.power(Decimal(2), shift))
    return Number(("-" if digits < 0 else "") + format(found, "f"))


def _rounded(value: Fraction) -> Fraction:
    """Round to a 64-bit mantissa, half to even, as Go's big.Float does."""
    if not value:
        return value
    size = abs(value.numerator).bit_length() - value.denominator.bit_length()
    for shift in (MANTISSA_BITS - size, MANTISSA_BITS - size - 1):
        scaled = value * (1 << shift) if shift >= 0 else value / (1 << -shift)
        mantissa = round(scaled)
        if abs(mantissa) <= 1 << MANTISSA_BITS:
            unit = Fraction(1 << -shift) if shift < 0 else Fraction(1, 1 << shift)
            return mantissa * unit
    return value


def _fixed(value: Fraction) -> str:
    """Print with ten decimals, half away from zero."""
    scaled = (abs(value) * 10**10 * 2 + 1) // 2
    text = f"{scaled:011d}"
    sign = "-" if value < 0 else ""
    return f"{sign}{text[:-10]}.{text[-10:]}"

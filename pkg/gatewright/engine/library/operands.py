"""Reads operands of builtins: each returns the value or raises OPA's text."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

from gatewright.engine.library.budget import older
from gatewright.engine.library.errors import (
    OperandError,
    element_error,
    operand_error,
)
from gatewright.engine.values import (
    Number,
    Object,
    Set,
    Value,
    is_number,
    is_object,
)

__all__ = [
    "big_integer",
    "boolean",
    "cut_bits",
    "integer",
    "integral",
    "number",
    "object_",
    "rounded",
    "short_integer",
    "string",
    "string_list",
    "utf8",
    "whole",
]

INT64_MIN = -(1 << 63)
INT64_MAX = (1 << 63) - 1
#: Decimal digits an integer operand may have when written with an exponent.
MAX_DIGITS = 4000
#: Of Go's big.Float, unless it is told otherwise.
MANTISSA_BITS: Final = 64
_SHORT: Final = re.compile(r"([+-]?)(?=[0-9.]{1,19}$)([0-9]*)(?:\.0*)?")


def short_integer(text: str) -> int | None:
    """What OPA takes for an integer (util.Atoi64): zeros may follow a point."""
    found = _SHORT.fullmatch(text)
    if found is None or ("." in text and older()):
        return None
    value = int(found[1] + (found[2] or "0"))
    return value if INT64_MIN <= value <= INT64_MAX else None


def string(value: Value, position: int) -> str:
    """Return a string operand."""
    if isinstance(value, str):
        return value
    raise operand_error(position, value, "string")


def utf8(text: str) -> bytes:
    """Return the bytes of a string; invalid ones come back as they were."""
    return text.encode("utf-8", "surrogateescape")


def number(value: Value, position: int) -> int | Number:
    """Return a number operand."""
    if is_number(value):
        return value
    raise operand_error(position, value, "number")


def boolean(value: Value, position: int) -> bool:
    """Return a boolean operand."""
    if isinstance(value, bool):
        return value
    raise operand_error(position, value, "boolean")


def object_(value: Value, position: int) -> dict[str, Value] | Object:
    """Return an object operand in either form."""
    if is_object(value):
        return value
    raise operand_error(position, value, "object")


def integer(value: Value, position: int) -> int:
    """Return an integer that fits 64 bits; `2.0` counts as one, `2e0` does not."""
    value = number(value, position)
    if isinstance(value, Number):
        head, point, tail = value.text.partition(".")
        if (
            not (point and older())
            and head.lstrip("-").isdigit()
            and not tail.strip("0")
        ):
            value = int(head)
    if isinstance(value, int) and INT64_MIN <= value <= INT64_MAX:
        return value
    raise OperandError(
        f"operand {position} must be integer number but got floating-point number"
    )


def whole(value: int | Number) -> int | None:
    """Return the integer a number equals (`1.0` and `1e2` included), or None."""
    if isinstance(value, int):
        return value
    mantissa, _, exponent = value.text.lower().partition("e")
    head, _, tail = mantissa.partition(".")
    shift = int(exponent or "0") - len(tail)
    digits = head + tail
    if shift >= 0:
        if not digits.strip("-0"):
            return 0
        if shift > MAX_DIGITS:
            return None
        return int(digits) * 10**shift
    stripped = digits.rstrip("0")
    if not stripped.strip("-"):
        return 0
    if len(digits) - len(stripped) < -shift:
        return None
    return int(digits[:shift])


def cut_bits(value: int) -> tuple[int, int]:
    """Round to a 64-bit mantissa, half to even: that, and the bits that it left out."""
    shift = max(value.bit_length() - MANTISSA_BITS, 0)
    mantissa, rest = value >> shift, value & ((1 << shift) - 1)
    half = 1 << shift >> 1
    return mantissa + (rest > half or (rest == half != 0 and mantissa & 1)), shift


def rounded(value: int | Number) -> int | None:
    """The integer that a number is as a float of 64 bits, as OPA 1.17 reads one.

    None when that is none, or one with more than `MAX_DIGITS` digits.
    """
    if isinstance(value, Number):
        if abs(int(value.text.lower().partition("e")[2] or "0")) > MAX_DIGITS:
            return whole(value)
        exact = Fraction(value.text)
        # So many bits of the fraction that the mantissa is full, and one that says
        # whether there is more
        size = exact.numerator.bit_length() - exact.denominator.bit_length()
        down = max(MANTISSA_BITS + 2 - size, 0)
        scaled, rest = divmod(abs(exact.numerator) << down, exact.denominator)
        fine = scaled << 1 | bool(rest)
        down += 1
        negative = exact < 0
    else:
        fine, down, negative = abs(value), 0, value < 0
    mantissa, shift = cut_bits(fine)
    if shift < down:
        if mantissa & ((1 << (down - shift)) - 1):
            return None
        mantissa, shift = mantissa >> (down - shift), down
    found = mantissa << (shift - down)
    return -found if negative else found


def big_integer(value: Value, position: int) -> int:
    """Return an integer operand of any size; `3.0` counts as one."""
    found = whole(number(value, position))
    if found is None:
        raise OperandError(
            f"operand {position} must be integer number but got floating-point number"
        )
    return found


def integral(value: Value) -> bool:
    """Tell whether a value is a number that equals an integer."""
    return is_number(value) and whole(value) is not None


def string_list(value: Value, position: int, *, sets: bool = True) -> list[str]:
    """Return the members of an array (or set) of strings."""
    if isinstance(value, list):
        items = value
    elif sets and isinstance(value, Set):
        items = list(value.items)
    else:
        raise operand_error(
            position, value, *(("set", "array") if sets else ("array",))
        )
    for item in items:
        if not isinstance(item, str):
            raise element_error(position, value, item, "string")
    return items

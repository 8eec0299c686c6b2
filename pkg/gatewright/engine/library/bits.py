"""`bits.*`, `numbers.range_step`, `rand.intn`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gatewright.engine.library.budget import charge, older, reserve
from gatewright.engine.library.context import Context
from gatewright.engine.library.errors import (
    BuiltinError,
    OperandError,
    operand_error,
)
from gatewright.engine.library.operands import integer, rounded, string, whole
from gatewright.engine.values import Value, is_number

__all__ = [
    "and_",
    "intn",
    "lsh",
    "negate",
    "or_",
    "range_step",
    "rsh",
    "xor",
]

#: Bits that a shifted number may have; OPA has no bound but memory.
MAX_BITS: Final = 1 << 14
#: Of a longer count OPA takes the lowest 64 bits.
_UINT64: Final = (1 << 64) - 1


def _big(value: Value, position: int) -> int:
    if not is_number(value):
        raise operand_error(position, value, "integer")
    found = rounded(value) if older() else whole(value)
    if found is None:
        raise OperandError(
            f"operand {position} must be integer number but got floating-point number"
        )
    return found


def _pair(first: Value, second: Value, combine: Callable[[int, int], int]) -> int:
    return combine(_big(first, 1), _big(second, 2))


def and_(first: Value, second: Value) -> int:
    """Return the bits that both have, in two's complement of any length."""
    return _pair(first, second, int.__and__)


def or_(first: Value, second: Value) -> int:
    """Return the bits that either has."""
    return _pair(first, second, int.__or__)


def xor(first: Value, second: Value) -> int:
    """Return the bits that one has."""
    return _pair(first, second, int.__xor__)


def negate(value: Value) -> int:
    """Flip every bit."""
    return ~_big(value, 1)


def _shift(value: Value, by: Value) -> tuple[int, int]:
    number, count = _big(value, 1), _big(by, 2)
    if count < 0:
        raise OperandError(
            "operand 2 must be an unsigned integer number but got a negative integer"
        )
    return number, count & _UINT64


def lsh(value: Value, by: Value) -> int:
    """Shift left."""
    number, count = _shift(value, by)
    if not number:
        return 0
    if number.bit_length() + count > MAX_BITS:
        raise BuiltinError(f"shifted number has more than {MAX_BITS} bits")
    return number << count


def rsh(value: Value, by: Value) -> int:
    """Shift right; the sign stays."""
    number, count = _shift(value, by)
    return number >> min(count, number.bit_length() + 1)


def range_step(start: Value, end: Value, step: Value) -> list[int]:
    """Count from start to end (included) in steps, downwards where end is less."""
    first, last, by = _big(start, 1), _big(end, 2), _big(step, 3)
    if by <= 0:
        raise BuiltinError("numbers.range_step: step must be a positive integer")
    span = abs(last - first) // by + 1
    reserve(40 * span)
    charge(2 * span)
    if last < first:
        return list(range(first, last - 1, -by))
    return list(range(first, last + 1, by))


def intn(ctx: Context, name: Value, limit: Value) -> int:
    """Return a number in [0, |limit|), the same for the same operands in a query."""
    text, bound = string(name, 1), integer(limit, 2)
    if bound == 0:
        return 0
    bound = abs(bound)
    key = ("rand.intn", text, bound)
    if key not in ctx.memory:
        ctx.memory[key] = ctx.random().randrange(bound)
    found: int = ctx.memory[key]
    return found

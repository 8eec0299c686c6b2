"""What a builtin may still take of the evaluation that calls it.

Python cannot stop a builtin in the middle, and it holds the GIL meanwhile. So one
whose work is not bounded by a small multiple of its operands' size asks before each
piece of work, and OverBudget ends the call, and with it the evaluation, as any
other overrun does. Outside an evaluation there are no limits.

A step is about 4 ns: a line of Python in a loop takes some `LINE` of them.
"""

from __future__ import annotations

from typing import Final

from gatewright._native.core import (
    OverBudget,
    cancelled,
    charge,
    older,
    reserve,
    time_left,
)

__all__ = [
    "LINE",
    "OverBudget",
    "cancelled",
    "charge",
    "older",
    "reserve",
    "time_left",
]

#: Steps of one turn of a simple loop in Python.
LINE: Final = 25

"""Plan in, better plan out: one pass a file, in the order they run.

- `jumps`: jumps to jumps, tests that jump over a jump, code never reached.
- `moves`: values computed where they are wanted.
- `dead`: instructions whose result nobody reads.
- `registers`: as few registers as the live values need.
- `edit`: what the passes share: replacing operands, taking instructions out.
"""

from __future__ import annotations

from collections.abc import Sequence

from gatewright.ir.program import Function
from gatewright.plan.builder import Tables
from gatewright.plan.passes.dead import remove_dead
from gatewright.plan.passes.jumps import thread_jumps
from gatewright.plan.passes.moves import coalesce_moves
from gatewright.plan.passes.registers import pack_registers

__all__ = ["optimize"]


def optimize(function: Function, tables: Tables, params: Sequence[int]) -> Function:
    """Run all passes over one function.

    `params` holds the number of parameters of each function of the program.
    """
    function = thread_jumps(function, tables.constant)
    function = coalesce_moves(function, params)
    function = remove_dead(function, params)
    function = thread_jumps(function, tables.constant)
    return pack_registers(function, params)

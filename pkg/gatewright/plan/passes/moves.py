"""Move coalescing: compute a value where it is wanted.

    DOTK r5 = r1 "x"
    MOVE r9 = r5        =>   DOTK r9 = r1 "x"

Done where each of the two registers is set in one place only, and the first is
read by nothing else.  Code is planned in evaluation order, so nothing reads the
second before the move.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from gatewright.ir.opcodes import BY_NAME
from gatewright.ir.program import Function, uses_and_sets
from gatewright.plan.passes.edit import keep, renumber

__all__ = ["coalesce_moves"]

_MOVE: Final = BY_NAME["MOVE"]


def coalesce_moves(function: Function, params: Sequence[int]) -> Function:
    """Rename the sources of moves to their destinations."""
    if not any(instr.op == _MOVE for instr in function.code):
        return function
    reads: Counter[int] = Counter()
    writes: Counter[int] = Counter()
    fixed = set(range(function.params))
    for instr in function.code:
        uses, sets, block = uses_and_sets(instr, params)
        for register in uses:
            reads[register] += 1
        for register in sets:
            writes[register] += 1
        fixed.update(block)
        if instr.name in ("ITER", "NEXT"):
            fixed.update((instr.args[0], instr.args[0] + 1))
    renamed: dict[int, int] = {}
    wanted = [True] * len(function.code)
    for index, instr in enumerate(function.code):
        if instr.op != _MOVE:
            continue
        dest, source = instr.args
        if (
            source not in fixed
            and reads[source] == 1
            and writes[source] == 1
            and writes[dest] == 1
            and dest >= function.params
        ):
            renamed[source] = dest
            wanted[index] = False
    if not renamed:
        return function

    def name(register: int) -> int:
        while register in renamed:
            register = renamed[register]
        return register

    code = renumber(function.code, list(map(name, range(function.registers))))
    return keep(function, code, wanted)

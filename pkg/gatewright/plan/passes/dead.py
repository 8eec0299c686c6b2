"""Dead code: results that nobody reads.

    CONST r4 = "x"     (r4 not read)   =>  nothing
    NEXT r1 r3 r4      (r3 not read)   =>  NEXT r1 _ r4

An instruction that can fail stays: whether it fails is its use.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gatewright.ir.opcodes import BY_NAME
from gatewright.ir.program import Function, Instr, uses_and_sets
from gatewright.plan.passes.edit import keep

__all__ = ["remove_dead"]

_PURE: Final = frozenset(
    BY_NAME[name]
    for name in (
        [
            "CONST",
            "MOVE",
            "UNSET",
            "DATA",
            "CMP",
            "ARR",
            "OBJ",
            "SET",
            "ANEW",
            "SNEW",
            "ONEW",
            "DONE",
        ]
    )
)
_NEXT: Final = BY_NAME["NEXT"]


def remove_dead(function: Function, params: Sequence[int]) -> Function:
    """Remove what only sets registers that nothing reads."""
    while True:
        read = {
            register
            for instr in function.code
            for register in uses_and_sets(instr, params)[0]
        }
        code = []
        wanted = []
        for instr in function.code:
            if instr.op == _NEXT:
                iterator, key, value, end = instr.args
                key = key if key in read else -1
                value = value if value in read else -1
                instr = Instr(_NEXT, (iterator, key, value, end))
            code.append(instr)
            wanted.append(instr.op not in _PURE or instr.args[0] in read)
        changed = keep(function, code, wanted)
        if changed.code == function.code:
            return function
        function = changed

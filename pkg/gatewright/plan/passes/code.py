"""The passes that go over code in native memory: jumps, moves, dead, registers.

jumps: a label on a `JUMP` becomes that jump's target; a jump to the next instruction
goes, and so does what nothing reaches.

    EQ r1 r2 -> L2              NEQ r1 r2 -> L9
    JUMP L9              =>   L2:
  L2:

moves: a value is computed where it is wanted, if each of the two registers is set in
one place only and the first is read by nothing else.  Code is planned in evaluation
order, so nothing reads the second before the move.

    DOTK r5 = r1 "x"
    MOVE r9 = r5         =>   DOTK r9 = r1 "x"

dead: results that nobody reads go.  An instruction that can fail stays: whether it
fails is its use.

    CONST r4 = "x"     (r4 not read)   =>  nothing
    NEXT r1 r3 r4      (r3 not read)   =>  NEXT r1 _ r4

registers: values whose lives do not meet share a register.  A life is the stretch from
the first to the last place where a register is set or alive; those that must lie in a
row (operands of a call, the two of an iterator) are placed together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from gatewright._native.plans import Opcodes, Passes
from gatewright.ir.opcodes import RELATIONS
from gatewright.ir.program import REGISTER_PLACES, SHAPES, Function, instruction

__all__ = ["rewrite"]

_OPPOSITE: Final = {
    "equal": "neq",
    "neq": "equal",
    "lt": "gte",
    "lte": "gt",
    "gt": "lte",
    "gte": "lt",
}
_OPCODES: Final = Opcodes(
    [
        (
            shape.labels,
            shape.reads,
            shape.sets,
            shape.optional,
            registers,
            shape.block,
            shape.size,
            shape.pair,
        )
        for shape, registers in zip(SHAPES, REGISTER_PLACES, strict=True)
    ],
    [RELATIONS.index(_OPPOSITE[relation]) for relation in RELATIONS],
    RELATIONS.index("neq"),
)


def rewrite(
    function: Function,
    names: Iterable[str],
    *,
    params: Sequence[int],
    false: Callable[[], int],
) -> Function:
    """Run the passes of these names, in their order.

    `params` holds the number of parameters of each function of the program; `false`
    gives the index of that constant, which the opposite of `TRUE` needs.
    """
    code, origins, registers = Passes(_OPCODES).run(
        names,
        function.code,
        registers=function.registers,
        params=function.params,
        calls=params,
        constant=false,
        make=instruction,
    )
    places = function.locations
    return replace(
        function,
        code=tuple(code),
        locations=tuple([places[origin] for origin in origins]) if places else (),
        registers=registers,
    )

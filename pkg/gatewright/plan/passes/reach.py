"""Functions that something leads to; the others go, and the numbers close up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from gatewright.ir.opcodes import OPCODES
from gatewright.ir.program import Function, instruction

__all__ = ["reached", "with_functions"]

#: For each opcode where it names a function; -1: it does not.
_PLACES: Final = tuple(
    next((at for at, (kind, _) in enumerate(opcode.operands) if kind == "f"), -1)
    for opcode in OPCODES
)


def reached(functions: Sequence[Function], roots: Iterable[int]) -> dict[int, int]:
    """New numbers, in the order of the old ones, of what the roots lead to."""
    found = set(roots)
    todo = list(found)
    while todo:
        for op, args in functions[todo.pop()].code:
            place = _PLACES[op]
            if place >= 0 and args[place] not in found:
                found.add(args[place])
                todo.append(args[place])
    return {old: new for new, old in enumerate(sorted(found))}


def with_functions(function: Function, numbers: Mapping[int, int]) -> Function:
    """A function that names others by their new numbers."""
    code = []
    for instr in function.code:
        op, args = instr
        place = _PLACES[op]
        if place >= 0:
            mine = list(args)
            mine[place] = numbers[mine[place]]
            instr = instruction((op, tuple(mine)))
        code.append(instr)
    return replace(function, code=tuple(code))

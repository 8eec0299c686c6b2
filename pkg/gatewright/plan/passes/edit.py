"""Taking instructions out, with labels kept right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from gatewright.ir.opcodes import OPCODES
from gatewright.ir.program import Function, Instr

__all__ = ["keep", "with_labels", "with_registers"]


def with_labels(instr: Instr, label: Callable[[int], int]) -> Instr:
    """The instruction with each label replaced."""
    kinds = OPCODES[instr.op].operands
    args = tuple(
        label(value) if kind == "L" else value
        for (kind, _), value in zip(kinds, instr.args, strict=True)
    )
    return instr if args == instr.args else Instr(instr.op, args)


def with_registers(instr: Instr, register: Callable[[int], int]) -> Instr:
    """The instruction with each register replaced."""
    kinds = OPCODES[instr.op].operands
    args = tuple(
        register(value)
        if kind in ("r", "d") or (kind == "rn" and value >= 0)
        else value
        for (kind, _), value in zip(kinds, instr.args, strict=True)
    )
    return instr if args == instr.args else Instr(instr.op, args)


def keep(function: Function, code: Sequence[Instr], wanted: Sequence[bool]) -> Function:
    """The function with `code`, less the unwanted instructions.

    A label on an instruction that goes becomes one on the next that stays.
    """
    place = []
    count = 0
    for stays in wanted:
        place.append(count)
        count += stays
    out = []
    locations = []
    for index, instr in enumerate(code):
        if wanted[index]:
            out.append(with_labels(instr, place.__getitem__))
            locations.append(function.locations[index])
    return replace(function, code=tuple(out), locations=tuple(locations))

"""Taking instructions out, with labels kept right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from gatewright.ir.program import (
    LABEL_PLACES,
    REGISTER_PLACES,
    Function,
    Instr,
)

__all__ = ["keep", "with_labels", "with_registers"]


def with_labels(instr: Instr, label: Callable[[int], int]) -> Instr:
    """The instruction with each label replaced."""
    return _replaced(instr, LABEL_PLACES[instr.op], label)


def with_registers(instr: Instr, register: Callable[[int], int]) -> Instr:
    """The instruction with each register replaced."""
    return _replaced(instr, REGISTER_PLACES[instr.op], register)


def _replaced(
    instr: Instr, places: tuple[int, ...], change: Callable[[int], int]
) -> Instr:
    if not places:
        return instr
    args = list(instr.args)
    for place in places:
        if args[place] >= 0:
            args[place] = change(args[place])
    return Instr(instr.op, tuple(args))


def keep(function: Function, code: Sequence[Instr], wanted: Sequence[bool]) -> Function:
    """The function with `code`, less the unwanted instructions.

    A label on an instruction that goes becomes one on the next that stays.
    """
    if all(wanted):
        return replace(function, code=tuple(code))
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

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

__all__ = ["keep", "renumber", "with_labels"]


def with_labels(instr: Instr, label: Callable[[int], int]) -> Instr:
    """The instruction with each label replaced."""
    places = LABEL_PLACES[instr.op]
    if not places:
        return instr
    args = list(instr.args)
    for place in places:
        if args[place] >= 0:
            args[place] = label(args[place])
    return Instr(instr.op, tuple(args))


def renumber(code: Sequence[Instr], numbers: Sequence[int]) -> list[Instr]:
    """The code with each register replaced by its entry in `numbers`."""
    out = []
    for instr in code:
        op, old = instr
        places = REGISTER_PLACES[op]
        if places:
            args = list(old)
            for place in places:
                register = args[place]
                if register >= 0:
                    args[place] = numbers[register]
            instr = Instr(op, tuple(args))
        out.append(instr)
    return out


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

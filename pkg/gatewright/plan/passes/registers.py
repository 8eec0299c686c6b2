"""Register packing: values whose lives do not meet share a register.

Liveness is computed per instruction; a register's life is the stretch from the
first to the last place where it is set or alive.  Registers that must lie in a
row (operands of a call, the two of an iterator) are placed together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

from gatewright.ir.program import JUMPS, Function, labels_of, uses_and_sets
from gatewright.plan.passes.edit import renumber

__all__ = ["pack_registers"]

#: What each instruction reads, sets, and reads in a row.
_Effects: TypeAlias = list[tuple[list[int], list[int], range]]


def pack_registers(function: Function, params: Sequence[int]) -> Function:
    """Renumber registers so that the window is small; parameters stay."""
    effects = [uses_and_sets(instr, params) for instr in function.code]
    first, last = _lives(function, effects)
    group = _groups(function, effects)
    members: dict[int, list[int]] = {}
    for register in range(function.registers):
        members.setdefault(group[register], []).append(register)

    place: dict[int, int] = {}
    busy: list[int] = []  # by new register: the last instruction that needs it

    def put(registers: list[int], base: int, until: int) -> None:
        busy.extend([-1] * (base + len(registers) - len(busy)))
        for offset, register in enumerate(registers):
            place[register] = base + offset
            busy[base + offset] = until

    forever = len(function.code)
    fixed = [r for g, rs in members.items() if g < function.params for r in rs]
    put(sorted({*range(function.params), *fixed}), 0, forever)
    rest = []
    for registers in members.values():
        if registers[0] in place:
            continue
        start = min(first[register] for register in registers)
        if start < forever:
            rest.append((start, max(last[r] for r in registers), registers))
    rest.sort()
    for start, end, registers in rest:
        base = _free(busy, start, len(registers))
        put(registers, base, end)
    # The base of an empty block is in use nowhere: any register will do.
    numbers = [place.get(register, 0) for register in range(function.registers)]
    code = tuple(renumber(function.code, numbers))
    return replace(function, code=code, registers=max(1, len(busy)))


def _free(busy: list[int], start: int, count: int) -> int:
    """The first of `count` registers in a row that are free from `start` on."""
    run = 0
    for base, until in enumerate(busy):
        run = run + 1 if until < start else 0
        if run == count:
            return base + 1 - count
    return len(busy) - run


def _lives(function: Function, effects: _Effects) -> tuple[list[int], list[int]]:
    """First and last instruction of each register's life (never: beyond the end)."""
    code = function.code
    count = len(code)
    facts = []
    touched = []
    for instr, (uses, sets, _) in zip(code, effects, strict=True):
        used = gone = 0
        for register in uses:
            used |= 1 << register
        for register in sets:
            gone |= 1 << register
        facts.append((used, ~gone, labels_of(instr), instr.op not in JUMPS))
        touched.append(used | gone)
    alive = [0] * (count + 1)
    changed = True
    while changed:
        changed = False
        for index in range(count - 1, -1, -1):
            used, kept, labels, falls = facts[index]
            after = alive[index + 1] if falls else 0
            for label in labels:
                after |= alive[label]
            before = used | (after & kept)
            if before != alive[index]:
                alive[index] = before
                changed = True
    first = [count] * function.registers
    last = [-1] * function.registers
    begun = 0
    for index in range(count):
        here = alive[index] | touched[index]
        new = here & ~begun
        begun |= new
        while new:
            low = new & -new
            first[low.bit_length() - 1] = index
            new ^= low
    begun = 0
    for index in range(count - 1, -1, -1):
        here = alive[index] | touched[index]
        new = here & ~begun
        begun |= new
        while new:
            low = new & -new
            last[low.bit_length() - 1] = index
            new ^= low
    return first, last


def _groups(function: Function, effects: _Effects) -> list[int]:
    """For each register the first one of the row it must stay in."""
    joined = [False] * (function.registers + 1)  # register belongs with the one before
    for instr, (_, _, block) in zip(function.code, effects, strict=True):
        for register in block[1:]:
            joined[register] = True
        if instr.name in ("ITER", "NEXT"):
            joined[instr.args[0] + 1] = True
    out: list[int] = []
    for register in range(function.registers):
        out.append(out[-1] if joined[register] else register)
    return out

"""Register packing: values whose lives do not meet share a register.

Liveness is computed per instruction; a register's life is the stretch from the
first to the last place where it is set or alive.  Registers that must lie in a
row (operands of a call, the two of an iterator) are placed together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gatewright.ir.program import JUMPS, Function, labels_of, uses_and_sets
from gatewright.plan.passes.edit import with_registers

__all__ = ["pack_registers"]


def pack_registers(function: Function, params: Sequence[int]) -> Function:
    """Renumber registers so that the window is small; parameters stay."""
    first, last = _lives(function, params)
    group = _groups(function, params)
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
        base = 0
        for base in range(len(busy) + 1):
            if all(until < start for until in busy[base : base + len(registers)]):
                break
        put(registers, base, end)
    # The base of an empty block is in use nowhere: any register will do.
    code = tuple(
        with_registers(instr, lambda register: place.get(register, 0))
        for instr in function.code
    )
    return replace(function, code=code, registers=max(1, len(busy)))


def _lives(function: Function, params: Sequence[int]) -> tuple[list[int], list[int]]:
    """First and last instruction of each register's life (never: beyond the end)."""
    code = function.code
    count = len(code)
    facts = []
    for instr in code:
        uses, sets, _ = uses_and_sets(instr, params)
        used = sum(1 << register for register in set(uses))
        kept = ~sum(1 << register for register in set(sets))
        facts.append((used, kept, tuple(labels_of(instr)), instr.op not in JUMPS))
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
    for index, instr in enumerate(code):
        uses, sets, _ = uses_and_sets(instr, params)
        here = alive[index]
        registers = set(uses) | set(sets)
        while here:
            low = here & -here
            registers.add(low.bit_length() - 1)
            here ^= low
        for register in registers:
            first[register] = min(first[register], index)
            last[register] = max(last[register], index)
    return first, last


def _groups(function: Function, params: Sequence[int]) -> list[int]:
    """For each register the first one of the row it must stay in."""
    joined = [False] * (function.registers + 1)  # register belongs with the one before
    for instr in function.code:
        _, _, block = uses_and_sets(instr, params)
        for register in block[1:]:
            joined[register] = True
        if instr.name in ("ITER", "NEXT"):
            joined[instr.args[0] + 1] = True
    out: list[int] = []
    for register in range(function.registers):
        out.append(out[-1] if joined[register] else register)
    return out

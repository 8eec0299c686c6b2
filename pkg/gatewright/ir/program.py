"""What a plan is made of.

A `Program` is plain data: it can be compared, printed, pickled and shared.
Operands are numbers whose kind the opcode table gives: registers, indexes into
the program's tables, plain numbers, and labels.  A label is the index of the
instruction to go to, within the same function (one past the last instruction
is no place to go).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from gatewright.ir.opcodes import BY_NAME, OPCODES

__all__ = [
    "JUMPS",
    "NO_LOCATION",
    "Function",
    "Instr",
    "Location",
    "Program",
    "labels_of",
    "uses_and_sets",
]

#: In place of a location's index where there is none.
NO_LOCATION: Final = -1

#: Opcodes after which the next instruction is not reached.
JUMPS: Final = frozenset(BY_NAME[name] for name in ("JUMP", "RET", "RETU", "ERR"))


class Instr(NamedTuple):
    """One instruction: `op` indexes `OPCODES`; `args` as the table says."""

    op: int
    args: tuple[int, ...]

    @property
    def name(self) -> str:
        return OPCODES[self.op].name


class Location(NamedTuple):
    """A place in a source file: 1-based row and column in characters."""

    file: str
    row: int
    col: int


@dataclass(frozen=True, slots=True)
class Function:
    """One rule, user function, extent or query.

    `params` arguments are in registers 0, 1, ...; `registers` is the size of
    the window, arguments included.  `memo`: called by `RULE`, so the evaluator
    keeps its result.  `locations` holds for each instruction an index into the
    program's locations, or -1.
    """

    name: str
    params: int
    registers: int
    code: tuple[Instr, ...]
    locations: tuple[int, ...] = ()
    memo: bool = False


@dataclass(frozen=True, slots=True)
class Program:
    """A whole plan.

    `constants` are ground values in term text: JSON, except that object keys
    may be any term and that sets are written `<1,2>`, the empty one `<>`.
    `builtins` are names as OPA gives them, `mocks` the names of the functions
    that some `with` replaces (`data.p.f`, `http.send`).  `entrypoints` maps a
    reference (`data.p.allow`) to the function that computes it; these take no
    arguments.
    """

    constants: tuple[str, ...] = ()
    functions: tuple[Function, ...] = ()
    builtins: tuple[str, ...] = ()
    mocks: tuple[str, ...] = ()
    locations: tuple[Location, ...] = ()
    entrypoints: Mapping[str, int] = field(default_factory=dict)

    def function(self, name: str) -> Function:
        """Return the first function of that name; `KeyError` without one."""
        for function in self.functions:
            if function.name == name:
                return function
        raise KeyError(name)


def labels_of(instr: Instr) -> Iterator[int]:
    """The labels among an instruction's operands."""
    for (kind, _), value in zip(OPCODES[instr.op].operands, instr.args, strict=True):
        if kind == "L":
            yield value


def uses_and_sets(
    instr: Instr, params: Sequence[int]
) -> tuple[list[int], list[int], range]:
    """What an instruction does with registers: reads, sets, and the block of
    consecutive registers that it reads (these are in the reads too).

    `params` gives the number of parameters of each function, for `CALL`.
    An iterator counts as two registers; `NEXT` reads and sets them, and a
    builder is read and set by what adds to it.
    """
    opcode = OPCODES[instr.op]
    uses: list[int] = []
    sets: list[int] = []
    block = range(0)
    name = opcode.name
    for (kind, what), value in zip(opcode.operands, instr.args, strict=True):
        if kind == "d":
            sets.append(value)
        elif kind == "rn":
            if value >= 0:
                sets.append(value)
        elif kind == "r":
            if what == "base":
                block = range(value, value + _block_size(instr, params))
                uses.extend(block)
            else:
                uses.append(value)
    if name in ("ITER", "NEXT"):
        iterator = instr.args[0]
        if name == "ITER":
            sets.append(iterator + 1)
        else:
            uses.append(iterator + 1)
            sets += [iterator, iterator + 1]
    elif name == "ONCE":
        uses.append(instr.args[0])
    elif name in ("AADD", "SADD", "OADD", "BPUT", "BADD"):
        sets.append(instr.args[0])
    return uses, sets, block


def _block_size(instr: Instr, params: Sequence[int]) -> int:
    name = OPCODES[instr.op].name
    if name == "CALL":
        return params[instr.args[1]]
    for (_, what), value in zip(OPCODES[instr.op].operands, instr.args, strict=True):
        if what == "n":
            return 2 * value if name == "OBJ" else value
    return 0

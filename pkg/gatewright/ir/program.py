"""What a plan is made of.

A `Program` is plain data: it can be compared, printed, pickled and shared.
Operands are numbers whose kind the opcode table gives: registers, indexes into
the program's tables, plain numbers, and labels.  A label is the index of the
instruction to go to, within the same function (one past the last instruction
is no place to go).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NamedTuple

from gatewright.ir.opcodes import BY_NAME, OPCODES, Opcode

__all__ = [
    "JUMPS",
    "LABEL_PLACES",
    "NO_LOCATION",
    "REGISTER_PLACES",
    "SHAPES",
    "Function",
    "Index",
    "Instr",
    "Location",
    "Program",
    "Shape",
    "instruction",
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


#: `Instr._make` without Python code of its own: an instruction of (op, args).
instruction: Final[Callable[[tuple[int, tuple[int, ...]]], Instr]] = partial(
    tuple.__new__, Instr
)


class Location(NamedTuple):
    """A place in a source file: 1-based row and column in characters."""

    file: str
    row: int
    col: int


@dataclass(frozen=True, slots=True)
class Function:
    """One rule, user function, extent or query.

    `params` arguments are in registers 0, 1, ...; `registers` is the size of
    the window, arguments included.  `memo`: the evaluator keeps its result; with
    parameters, those of the latest operands.  `locations` holds for each instruction an index into the
    program's locations, or -1.
    """

    name: str
    params: int
    registers: int
    code: tuple[Instr, ...]
    locations: tuple[int, ...] = ()
    memo: bool = False


class Index(NamedTuple):
    """Documents of the base data that a plan wants to find by a key.

    `pattern` is a constant, an array with a string or null (any) for each step of
    the documents' paths in the tree that the evaluator indexes.  `function` takes
    the record [document, step...] as its input and gives the set of keys.
    """

    pattern: int
    function: int


@dataclass(frozen=True, slots=True)
class Program:
    """A whole plan.

    `constants` are ground values in term text: JSON, except that object keys
    may be any term and that sets are written `<1,2>`, the empty one `<>`.
    `builtins` are names as OPA gives them, `mocks` the names of the functions
    that some `with` replaces (`data.p.f`, `http.send`).  `entrypoints` maps a
    reference (`data.p.allow`) to the function that computes it; these take no
    arguments.  `indexes` are what `INDEX` names.
    """

    constants: tuple[str, ...] = ()
    functions: tuple[Function, ...] = ()
    builtins: tuple[str, ...] = ()
    mocks: tuple[str, ...] = ()
    locations: tuple[Location, ...] = ()
    entrypoints: Mapping[str, int] = field(default_factory=dict)
    indexes: tuple[Index, ...] = ()

    def function(self, name: str) -> Function:
        """Return the first function of that name; `KeyError` without one."""
        for function in self.functions:
            if function.name == name:
                return function
        raise KeyError(name)


class Shape(NamedTuple):
    """Where an opcode's operands are, by what is done with them.

    `block` is the place of a `base`, `size` that of the number of registers
    from it on (`CALL`: of the function), `pair`: that many pairs of registers.
    """

    labels: tuple[int, ...]
    reads: tuple[int, ...]
    sets: tuple[int, ...]
    optional: tuple[int, ...]
    block: int
    size: int
    pair: bool


#: Opcodes that read what they name as set, or set what they name as read.
_BOTH: Final = frozenset({"ONCE", "AADD", "SADD", "OADD", "BPUT", "BADD"})
_ITER: Final = BY_NAME["ITER"]
_NEXT: Final = BY_NAME["NEXT"]
_CALL: Final = BY_NAME["CALL"]


def _shape(opcode: Opcode) -> Shape:
    places: dict[str, list[int]] = {"L": [], "r": [], "d": [], "rn": []}
    block = size = -1
    for place, (kind, what) in enumerate(opcode.operands):
        if what == "base":
            block = place
        elif kind in places:
            places[kind].append(place)
        if what == "n" or kind == "f":
            size = place
    reads, sets = places["r"], places["d"]
    if opcode.name in _BOTH:
        reads, sets = sorted({0, *reads}), [0]
    return Shape(
        labels=tuple(places["L"]),
        reads=tuple(reads),
        sets=tuple(sets),
        optional=tuple(places["rn"]),
        block=block,
        size=size,
        pair=opcode.name == "OBJ",
    )


#: For each opcode what is done with its operands.
SHAPES: Final = tuple(map(_shape, OPCODES))
_NO_BLOCK: Final = range(0)

#: For each opcode the places of labels, and of registers, among its operands.
LABEL_PLACES: Final = tuple(shape.labels for shape in SHAPES)
REGISTER_PLACES: Final = tuple(
    tuple(
        place
        for place, (kind, _) in enumerate(opcode.operands)
        if kind in ("r", "d", "rn")
    )
    for opcode in OPCODES
)


def labels_of(instr: Instr) -> list[int]:
    """The labels among an instruction's operands."""
    args = instr.args
    return [args[place] for place in LABEL_PLACES[instr.op]]


def uses_and_sets(
    instr: Instr, params: Sequence[int]
) -> tuple[list[int], list[int], range]:
    """What an instruction does with registers: reads, sets, and the block of
    consecutive registers that it reads (these are in the reads too).

    `params` gives the number of parameters of each function, for `CALL`.
    An iterator counts as two registers; `NEXT` reads and sets them, and a
    builder is read and set by what adds to it.
    """
    op, args = instr
    _, reads, written, optional, block_place, size_place, pair = SHAPES[op]
    uses = [args[place] for place in reads]
    sets = [args[place] for place in written]
    block = _NO_BLOCK
    if block_place >= 0:
        base, size = args[block_place], args[size_place]
        if op == _CALL:
            size = params[size]
        elif pair:
            size *= 2
        block = range(base, base + size)
        uses += block
    if op == _ITER:
        sets.append(args[0] + 1)
    elif op == _NEXT:
        iterator = args[0]
        uses.append(iterator + 1)
        sets += [iterator, iterator + 1]
        sets += [args[place] for place in optional if args[place] >= 0]
    return uses, sets, block

"""A program as the words that the native evaluator's image is made of.

This is the whole hand-over: lists of numbers, strings and tuples, nothing that
refers to this package's types, so it can cross any boundary.  Labels become
word offsets from the start of their function; everything else stays an index
into the tables next to it.  An operand is a signed 32-bit number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from gatewright.ir.opcodes import OPCODES, PLAN_VERSION
from gatewright.ir.program import LABEL_PLACES, Program

__all__ = ["EncodedFunction", "EncodedProgram", "encode"]

_ARITY: Final = tuple(len(op.operands) for op in OPCODES)


@dataclass(frozen=True, slots=True)
class EncodedFunction:
    """One function: `[opcode, operand, ...]` in `words`.

    `marks` are pairs of a word offset and a location index, ascending: the
    location holds from that instruction on (-1: none).  `memo`: called by
    `RULE`; the result is kept per context.
    """

    name: str
    params: int
    registers: int
    words: tuple[int, ...]
    marks: tuple[tuple[int, int], ...] = ()
    memo: bool = False


@dataclass(frozen=True, slots=True)
class EncodedProgram:
    """The hand-over from plans to images.

    `constants` in term text; `locations` as (file, row, column); `entrypoints`
    maps a reference to the index of its function; `indexes` are pairs of a pattern
    (a constant) and a function.
    """

    version: int
    constants: tuple[str, ...]
    functions: tuple[EncodedFunction, ...]
    builtins: tuple[str, ...]
    mocks: tuple[str, ...]
    locations: tuple[tuple[str, int, int], ...]
    entrypoints: dict[str, int]
    indexes: tuple[tuple[int, int], ...] = ()

    def plain(self) -> dict[str, Any]:
        """The same as dictionaries, lists, numbers and strings only."""
        return {
            "version": self.version,
            "constants": list(self.constants),
            "functions": [
                {
                    "name": function.name,
                    "params": function.params,
                    "registers": function.registers,
                    "words": list(function.words),
                    "marks": [list(mark) for mark in function.marks],
                    "memo": function.memo,
                }
                for function in self.functions
            ],
            "builtins": list(self.builtins),
            "mocks": list(self.mocks),
            "locations": [list(location) for location in self.locations],
            "entrypoints": dict(self.entrypoints),
            "indexes": [list(index) for index in self.indexes],
        }


def encode(program: Program) -> EncodedProgram:
    """Encode a (verified) program."""
    functions = []
    for function in program.functions:
        offsets = []
        offset = 0
        for op, args in function.code:
            offsets.append(offset)
            offset += 1 + len(args)
            if len(args) != _ARITY[op]:
                raise ValueError(f"{OPCODES[op].name} with {len(args)} operands")
        words: list[int] = []
        for op, args in function.code:
            words.append(op)
            places = LABEL_PLACES[op]
            if places:
                resolved = list(args)
                for place in places:
                    resolved[place] = offsets[args[place]]
                words += resolved
            else:
                words += args
        marks: list[tuple[int, int]] = []
        for index, location in enumerate(function.locations):
            if not marks or marks[-1][1] != location:
                marks.append((offsets[index], location))
        functions.append(
            EncodedFunction(
                name=function.name,
                params=function.params,
                registers=function.registers,
                words=tuple(words),
                marks=tuple(marks),
                memo=function.memo,
            )
        )
    return EncodedProgram(
        version=PLAN_VERSION,
        constants=program.constants,
        functions=tuple(functions),
        builtins=program.builtins,
        mocks=program.mocks,
        locations=tuple((item.file, item.row, item.col) for item in program.locations),
        entrypoints=dict(program.entrypoints),
        indexes=tuple((index.pattern, index.function) for index in program.indexes),
    )

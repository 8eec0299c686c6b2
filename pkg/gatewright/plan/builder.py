"""Building programs: tables that intern, and functions that grow by emitting.

A `FunctionBuilder` hands out registers and labels; `emit` appends.  Labels are
numbers until `finish` turns them into instruction indexes.  Code that is only
jumped to (cleaning up on failure) is kept aside and appended at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from gatewright.ir.opcodes import BY_NAME
from gatewright.ir.program import (
    LABEL_PLACES,
    NO_LOCATION,
    Function,
    Index,
    Instr,
    Location,
    Program,
    instruction,
)
from gatewright.plan.constants import term_text
from gatewright.rego import ast

__all__ = ["FunctionBuilder", "Label", "Tables"]

# `_make`, without Python code of its own: one for each instruction.
_location: Final[Callable[[tuple[str, int, int]], Location]] = partial(
    tuple.__new__, Location
)

Label = int


class Tables:
    """The tables of a program under construction; equal entries are one."""

    def __init__(self) -> None:
        self.terms: list[ast.Term] = []
        self.functions: list[Function | None] = []
        self.entrypoints: dict[str, int] = {}
        self.indexes: list[Index] = []
        self._constants: dict[str, int] = {}
        self._builtins: dict[str, int] = {}
        self._mocks: dict[str, int] = {}
        self._locations: dict[Location, int] = {}

    def constant(self, term: ast.Term) -> int:
        """The index of a ground term."""
        text = term_text(term)
        index = self._constants.get(text)
        if index is None:
            index = self._constants[text] = len(self.terms)
            self.terms.append(term)
        return index

    def builtin(self, name: str) -> int:
        """The index of a builtin's name."""
        return self._builtins.setdefault(name, len(self._builtins))

    def builtin_name(self, index: int) -> str:
        """The name of a builtin."""
        return list(self._builtins)[index]

    def mock(self, name: str) -> int:
        """The slot of a function that some `with` replaces."""
        return self._mocks.setdefault(name, len(self._mocks))

    def location(self, loc: ast.Location) -> int:
        """The index of a place; -1 for nowhere."""
        if loc is ast.NO_LOCATION:
            return NO_LOCATION
        place = _location((loc.source.file, loc.row, loc.col))
        return self._locations.setdefault(place, len(self._locations))

    def program(self) -> Program:
        """The finished program; every reserved function must be there."""
        functions = []
        for index, function in enumerate(self.functions):
            if function is None:
                raise AssertionError(f"function {index} was never planned")
            functions.append(function)
        return Program(
            constants=tuple(self._constants),
            functions=tuple(functions),
            builtins=tuple(self._builtins),
            mocks=tuple(self._mocks),
            locations=tuple(self._locations),
            entrypoints=dict(self.entrypoints),
            indexes=tuple(self.indexes),
        )


class FunctionBuilder:
    """One function under construction."""

    def __init__(self, name: str, *, params: int = 0, memo: bool = False) -> None:
        self.name = name
        self.params = params
        self.registers = params
        self.location = NO_LOCATION
        #: Its index in the program's functions.
        self.number = -1
        self._memo = memo
        self._code: list[Instr] = []
        self._locations: list[int] = []
        self._labels: list[int] = []
        self._aside: list[Callable[[], None]] = []

    @property
    def size(self) -> int:
        """The number of instructions so far."""
        return len(self._code)

    def register(self) -> int:
        """A fresh register."""
        self.registers += 1
        return self.registers - 1

    def block(self, count: int) -> int:
        """The first of `count` fresh registers in a row."""
        self.registers += count
        return self.registers - count

    def label(self) -> Label:
        """A label that is not placed yet."""
        self._labels.append(-1)
        return len(self._labels) - 1

    def place(self, label: Label) -> None:
        """Let the label be the place of the next instruction."""
        self._labels[label] = len(self._code)

    def here(self) -> Label:
        """A label for the next instruction."""
        label = self.label()
        self.place(label)
        return label

    def emit(self, name: str, *args: int) -> None:
        """Append an instruction; label operands are labels of this builder."""
        self._code.append(instruction((BY_NAME[name], args)))
        self._locations.append(self.location)

    def aside(self, code: Callable[[], None]) -> None:
        """Emit this after everything else; it must not be fallen into."""
        self._aside.append(code)

    def mark(self) -> tuple[int, int]:
        """A place to come back to with `rewind`."""
        return len(self._code), len(self._aside)

    def rewind(self, mark: tuple[int, int]) -> None:
        """Drop what was emitted since; labels placed since must not be used."""
        code, aside = mark
        del self._code[code:], self._locations[code:], self._aside[aside:]

    def finish(self) -> Function:
        """The function, its labels resolved."""
        for emit in self._aside:
            emit()
        labels = self._labels
        code = []
        for instr in self._code:
            places = LABEL_PLACES[instr.op]
            if places:
                args = list(instr.args)
                for place in places:
                    args[place] = labels[args[place]]
                instr = instruction((instr.op, tuple(args)))
            code.append(instr)
        return Function(
            name=self.name,
            params=self.params,
            registers=self.registers,
            code=tuple(code),
            locations=tuple(self._locations),
            memo=self._memo,
        )

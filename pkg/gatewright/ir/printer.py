"""A program as text.

    entry data.p.allow data.p.allow

    function data.p.allow params=0 registers=2 memo
      INPUTK r0 ["user"] @1
      EQK r0 "root" @1
      CONST r1 true
      RET r1
    @1:
      RETU

One instruction a line, operands in the order of the table: registers `r0` (`_`
for none), constants as term text, functions, builtins and mocks by name, labels
`@1`, places `~"file":row:col`.  `gatewright.ir.parse` reads it back.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from gatewright.ir.opcodes import OPCODES, RELATIONS
from gatewright.ir.program import Function, Instr, Program, labels_of

__all__ = ["function_names", "program_text"]


def function_names(functions: Sequence[Function]) -> list[str]:
    """The name of each function, `#2` and so on added to repeated ones."""
    seen: dict[str, int] = {}
    names = []
    for function in functions:
        count = seen[function.name] = seen.get(function.name, 0) + 1
        names.append(function.name if count == 1 else f"{function.name}#{count}")
    return names


def program_text(program: Program, *, locations: bool = True) -> str:
    """Print a program; without `locations`, as golden tests like it."""
    names = function_names(program.functions)
    lines = [
        f"entry {name} {names[function]}"
        for name, function in program.entrypoints.items()
    ]
    lines += [
        f"index {program.constants[index.pattern]} {names[index.function]}"
        for index in program.indexes
    ]
    for index, function in enumerate(program.functions):
        if lines:
            lines.append("")
        memo = " memo" if function.memo else ""
        lines.append(
            f"function {names[index]} params={function.params} "
            f"registers={function.registers}{memo}"
        )
        lines += _code(program, function, names, locations)
    return "\n".join(lines) + "\n"


def _code(
    program: Program, function: Function, names: Sequence[str], locations: bool
) -> Iterator[str]:
    targets = sorted({label for instr in function.code for label in labels_of(instr)})
    labels = {target: f"@{number}" for number, target in enumerate(targets, 1)}
    last = -1
    for index, instr in enumerate(function.code):
        if index in labels:
            yield f"{labels[index]}:"
        place = function.locations[index] if function.locations else -1
        if locations and place != last:
            last = place
            yield f"  {_place(program, place)}"
        yield "  " + " ".join(_words(program, instr, labels, names, locations))


def _words(
    program: Program,
    instr: Instr,
    labels: dict[int, str],
    names: Sequence[str],
    locations: bool,
) -> Iterator[str]:
    yield instr.name
    operands = OPCODES[instr.op].operands
    for (kind, what), value in zip(operands, instr.args, strict=True):
        match kind:
            case "r" | "d" | "rn":
                yield f"r{value}" if value >= 0 else "_"
            case "k":
                yield program.constants[value]
            case "f":
                yield names[value]
            case "b":
                yield program.builtins[value]
            case "m":
                yield program.mocks[value]
            case "n":
                yield RELATIONS[value] if what == "rel" else str(value)
            case "L":
                yield labels[value]
            case "p" if locations:
                yield _place(program, value)


def _place(program: Program, index: int) -> str:
    if index < 0:
        return "~"
    place = program.locations[index]
    return f"~{json.dumps(place.file)}:{place.row}:{place.col}"

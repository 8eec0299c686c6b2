"""Reads the text form of a program that `gatewright.ir.printer` writes."""

from __future__ import annotations

import json
import re
from typing import Final

from gatewright.ir.opcodes import BY_NAME, OPCODES, RELATIONS
from gatewright.ir.program import NO_LOCATION, Function, Index, Instr, Location, Program

__all__ = ["PlanTextError", "parse_program"]

_FUNCTION: Final = re.compile(
    r"function (?P<name>.+) params=(?P<params>\d+) registers=(?P<registers>\d+)"
    r"(?P<memo> memo)?"
)
_OPEN: Final = "[{<"
_CLOSE: Final = "]}>"


class PlanTextError(ValueError):
    """Text that is not a plan; the message names the line."""


class _Table(dict[str, int]):
    def index(self, key: str) -> int:
        return self.setdefault(key, len(self))


class _Reader:
    def __init__(self) -> None:
        self.constants = _Table()
        self.builtins = _Table()
        self.mocks = _Table()
        self.locations: dict[Location, int] = {}
        self.names: dict[str, int] = {}
        self.functions: list[Function] = []

    def place(self, word: str) -> int:
        if word == "~":
            return NO_LOCATION
        text, row, col = word[1:].rsplit(":", 2)
        location = Location(json.loads(text), int(row), int(col))
        return self.locations.setdefault(location, len(self.locations))

    def function(self, header: re.Match[str], lines: list[str]) -> Function:
        labels: dict[str, int] = {}
        count = 0
        for line in lines:
            if line.endswith(":") and line.startswith("@"):
                labels[line[:-1]] = count
            elif not line.startswith("  ~"):
                count += 1
        code = []
        locations = []
        place = NO_LOCATION
        for line in lines:
            if line.startswith("@"):
                continue
            words = _words(line.strip())
            if words[0].startswith("~"):
                place = self.place(words[0])
                continue
            code.append(self.instr(words, labels))
            locations.append(place)
        return Function(
            name=re.sub(r"#\d+$", "", header["name"]),
            params=int(header["params"]),
            registers=int(header["registers"]),
            code=tuple(code),
            locations=tuple(locations),
            memo=header["memo"] is not None,
        )

    def instr(self, words: list[str], labels: dict[str, int]) -> Instr:
        op = BY_NAME[words[0]]
        rest = iter(words[1:])
        args = []
        for kind, what in OPCODES[op].operands:
            word = next(rest, "~" if kind == "p" else None)
            if word is None:
                raise ValueError(f"no operand {what}")
            match kind:
                case "r" | "d" | "rn":
                    args.append(-1 if word == "_" else int(word.removeprefix("r")))
                case "k":
                    args.append(self.constants.index(word))
                case "f":
                    args.append(self.names[word])
                case "b":
                    args.append(self.builtins.index(word))
                case "m":
                    args.append(self.mocks.index(word))
                case "n":
                    args.append(RELATIONS.index(word) if what == "rel" else int(word))
                case "L":
                    args.append(labels[word])
                case _:
                    args.append(self.place(word))
        left = list(rest)
        if left:
            raise ValueError(f"too many operands: {' '.join(left)}")
        return Instr(op, tuple(args))


def _words(line: str) -> list[str]:
    """Split at spaces outside brackets and strings."""
    words = []
    start = depth = place = 0
    while place < len(line):
        char = line[place]
        if char == '"':
            place += 1
            while line[place] != '"':
                place += 2 if line[place] == "\\" else 1
        elif char in _OPEN:
            depth += 1
        elif char in _CLOSE:
            depth -= 1
        elif char == " " and depth == 0:
            words.append(line[start:place])
            start = place + 1
        place += 1
    words.append(line[start:])
    return [word for word in words if word]


def parse_program(text: str) -> Program:
    """Read a program; `PlanTextError` says which function is wrong and why."""
    reader = _Reader()
    entries: list[tuple[str, str]] = []
    indexes: list[tuple[str, str]] = []
    blocks: list[tuple[re.Match[str], list[str]]] = []
    for line in text.splitlines():
        if not line.strip():
            continue
        header = _FUNCTION.fullmatch(line)
        if header is not None:
            reader.names[header["name"]] = len(blocks)
            blocks.append((header, []))
        elif line.startswith("entry "):
            name, function = _words(line)[1:]
            entries.append((name, function))
        elif line.startswith("index "):
            pattern, function = _words(line)[1:]
            indexes.append((pattern, function))
        elif blocks:
            blocks[-1][1].append(line)
        else:
            raise PlanTextError(f"not part of a function: {line}")
    for header, lines in blocks:
        try:
            reader.functions.append(reader.function(header, lines))
        except (ValueError, KeyError, IndexError) as error:
            raise PlanTextError(f"function {header['name']}: {error}") from error
    found = tuple(
        Index(reader.constants.index(pattern), reader.names[function])
        for pattern, function in indexes
    )
    return Program(
        constants=tuple(reader.constants),
        functions=tuple(reader.functions),
        builtins=tuple(reader.builtins),
        mocks=tuple(reader.mocks),
        locations=tuple(reader.locations),
        entrypoints={name: reader.names[function] for name, function in entries},
        indexes=found,
    )

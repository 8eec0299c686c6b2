"""The words of a plan say what its instructions say."""

from __future__ import annotations

import pytest

from gatewright.ir.encode import EncodedFunction, encode
from gatewright.ir.opcodes import OPCODES, PLAN_VERSION
from gatewright.ir.program import LABEL_PLACES, Function, Instr
from tests.golden import Block, read_blocks
from tests.oracle.evaluate import plan_sources
from tests.plan.language import PATH, module

BLOCKS = [
    block
    for block in read_blocks(PATH)
    if not block.expected.startswith("rego_") and "v0" not in block.flags
]


def decode(function: EncodedFunction) -> list[Instr]:
    """Back from words: labels are instruction indexes again."""
    places: dict[int, int] = {}
    found: list[Instr] = []
    offset = 0
    while offset < len(function.words):
        places[offset] = len(found)
        op = function.words[offset]
        count = len(OPCODES[op].operands)
        args = function.words[offset + 1 : offset + 1 + count]
        found.append(Instr(op, tuple(args)))
        offset += 1 + count
    return [
        Instr(
            op,
            tuple(
                places[value] if place in LABEL_PLACES[op] else value
                for place, value in enumerate(args)
            ),
        )
        for op, args in found
    ]


def locations(function: EncodedFunction, count: int) -> list[int]:
    """The location of each instruction, from the marks."""
    marks = dict(function.marks)
    out: list[int] = []
    offset = 0
    place = -1
    while len(out) < count:
        place = marks.get(offset, place)
        out.append(place)
        offset += 1 + len(OPCODES[function.words[offset]].operands)
    return out


@pytest.mark.parametrize("block", BLOCKS[::5], ids=lambda block: block.name)
def test_round_trip(block: Block) -> None:
    program = plan_sources({"t.rego": module(block)}, entrypoints=["data.t"])
    encoded = encode(program)
    assert encoded.version == PLAN_VERSION
    assert encoded.constants == program.constants
    for function, words in zip(program.functions, encoded.functions, strict=True):
        assert isinstance(function, Function)
        assert tuple(decode(words)) == function.code
        assert locations(words, len(function.code)) == list(function.locations)
        assert (words.params, words.registers) == (function.params, function.registers)

"""Each pass alone: plan text in, plan text out.

The flag of a block names the pass.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from gatewright.ir.parse import parse_program
from gatewright.ir.printer import program_text
from gatewright.ir.program import Function, Program
from gatewright.plan.passes.dead import remove_dead
from gatewright.plan.passes.jumps import thread_jumps
from gatewright.plan.passes.moves import coalesce_moves
from gatewright.plan.passes.registers import pack_registers
from gatewright.plan.passes.search import add_search
from gatewright.rego.parser import parse_term
from tests.golden import Block, read_blocks

BLOCKS = read_blocks(Path(__file__).parent / "passes.test")


def _false(program: Program) -> Callable[[object], int]:
    """Where `false` is among the constants: tests of `TRUE` need it there."""
    return lambda _: program.constants.index("false")


def run_pass(name: str, program: Program) -> Function:
    params: Sequence[int] = [function.params for function in program.functions]
    function = program.functions[0]
    match name:
        case "jumps":
            return thread_jumps(function, _false(program))
        case "moves":
            return coalesce_moves(function, params)
        case "dead":
            return remove_dead(function, params)
        case "registers":
            return pack_registers(function, params)
        case "search":
            terms = [parse_term(text) for text in program.constants]
            return add_search(function, terms, params)
    raise ValueError(name)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.name)
def test_pass(block: Block) -> None:
    program = parse_program(block.source)
    (name,) = block.flags
    changed = run_pass(name, program)
    rest = program.functions[1:]
    after = Program(
        constants=program.constants,
        functions=(changed, *rest),
        builtins=program.builtins,
        mocks=program.mocks,
        locations=program.locations,
    )
    text = program_text(after, locations=False).split("\n\n")[0]
    assert text.strip() == block.expected

"""Each pass alone: plan text in, plan text out.

The flag of a block names the pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from gatewright.ir.parse import parse_program
from gatewright.ir.printer import program_text
from gatewright.ir.program import Function, Program
from gatewright.plan.passes.code import rewrite
from gatewright.plan.passes.search import add_search
from gatewright.rego.parser import parse_term
from tests.golden import Block, read_blocks

BLOCKS = read_blocks(Path(__file__).parent / "passes.test")


def run_pass(name: str, program: Program) -> Function:
    params: Sequence[int] = [function.params for function in program.functions]
    function = program.functions[0]
    if name == "search":
        terms = [parse_term(text) for text in program.constants]
        return add_search(function, terms, params)
    # Tests of `TRUE` need `false` among the constants
    return rewrite(
        function,
        [name],
        params=params,
        false=lambda: program.constants.index("false"),
    )


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

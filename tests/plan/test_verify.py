"""Programs that break the evaluator's rules are refused, with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatewright.ir.parse import PlanTextError, parse_program
from gatewright.ir.verify import PlanInvalid, verify
from tests.golden import Block, read_blocks

BLOCKS = read_blocks(Path(__file__).parent / "verify.test")


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.name)
def test_verify(block: Block) -> None:
    program = parse_program(block.source)
    if block.expected == "valid":
        verify(program)
        return
    with pytest.raises(PlanInvalid) as found:
        verify(program)
    assert "\n".join(found.value.findings) == block.expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("RET r0", "not part of a function"),
        ("function f params=0 registers=1\n  FLY r0", "FLY"),
        ("function f params=0 registers=1\n  RET", "no operand s"),
        ("function f params=0 registers=1\n  RET r0 r1", "too many operands"),
        ("function f params=0 registers=1\n  JUMP @1", "@1"),
    ],
)
def test_text_that_is_no_plan(text: str, message: str) -> None:
    with pytest.raises(PlanTextError, match=message):
        parse_program(text)

"""Source in, plan text out.

The cases are under `cases/`; `pytest tests/plan --update` writes their
expectations anew (read the difference before you commit it).  Every plan is also
verified, and read back from its text.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from gatewright.ir.parse import parse_program
from gatewright.ir.printer import program_text
from tests.golden import Block, read_blocks, rewrite
from tests.oracle.evaluate import plan_sources

FILES = sorted((Path(__file__).parent / "cases").glob("*.test"))
CASES = [
    pytest.param(block, id=f"{path.stem}-{block.name}")
    for path in FILES
    for block in read_blocks(path)
]


def plan_text(block: Block) -> str:
    """The plan of `package t` with the entry point `data.t.p`."""
    program = plan_sources(
        {"t.rego": f"package t\n\n{block.source}\n"},
        entrypoints=["data.t" if "package" in block.flags else "data.t.p"],
        version=0 if "v0" in block.flags else 1,
        optimized="raw" not in block.flags,
    )
    full = program_text(program)
    assert program_text(parse_program(full)) == full
    return program_text(program, locations=False)


def test_update(update: bool) -> None:
    if update:
        for path in FILES:
            rewrite(path, plan_text)


@pytest.mark.parametrize("block", CASES)
def test_plan(block: Block) -> None:
    assert plan_text(block).strip() == block.expected

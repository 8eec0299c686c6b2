"""The trees after the last stage, and after single stages.

A flag `until=Stage` stops there.
"""

from __future__ import annotations

import pytest

from gatewright.rego import compiler, parser
from tests.golden import Block, read_blocks, rewrite
from tests.rego_compile import golden

FILE = golden.CASES / "rewrites.test"


@pytest.mark.parametrize("block", read_blocks(FILE), ids=lambda b: b.name)
def test_rewrites(block: Block) -> None:
    """Sugar, declarations and nested terms are gone; order and negation hold."""

    assert golden.rewritten(block) == block.expected


def test_update(update: bool) -> None:
    """With --update the file holds what the stages make now."""
    if update:
        rewrite(FILE, golden.rewritten)


def test_sources_stay() -> None:
    """Compiling leaves the trees that came in as they were."""
    text = "package t\np := [y | some x in input.xs; y := f(x)] if { not q }\n"
    text += "f(x) := x.y\nq if input.z with input.z as f(1)\n"
    module = parser.parse_module("t.rego", text)
    before = parser.parse_module("t.rego", text)

    compiler.compile_modules({"t.rego": module})

    assert module == before

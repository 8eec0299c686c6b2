"""What the compiler says about mistakes: code, place and text.

The expectations are the answers of OPA 1.22.2; `test_oracle` asks it again.
"""

from __future__ import annotations

import pytest

from tests.golden import Block, read_blocks, rewrite
from tests.rego_compile import golden

FILES = sorted((golden.CASES / "errors").glob("*.test"))
BLOCKS = [
    pytest.param(block, id=f"{path.stem}/{block.name}")
    for path in FILES
    for block in read_blocks(path)
]


@pytest.mark.parametrize("block", BLOCKS)
def test_errors(block: Block) -> None:
    """A mistake is reported as OPA reports it."""

    assert golden.outcome(block) == block.expected


def test_update(update: bool) -> None:
    """With --update the files hold what the compiler says now."""
    if update:
        for path in FILES:
            rewrite(path, golden.outcome)

"""Code bases of others behave as with the real `opa`, where they are at hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.needs import require_peer
from tests.real.run import CodeBase, Run, code_bases

ROOT = os.environ.get("REAL_REGO_DIR")
BASES = code_bases(Path(ROOT)) if ROOT else []


@pytest.mark.peers
@pytest.mark.slow
@pytest.mark.parametrize("base", BASES, ids=lambda base: base.name)
def test_as_with_opa(base: CodeBase) -> None:
    report = Run(base, str(require_peer("opa"))).all()

    assert report.differences == []

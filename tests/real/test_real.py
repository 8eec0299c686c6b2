"""Code bases of others behave as with the real `opa`."""

from __future__ import annotations

import pytest

from tests.needs import require_peer
from tests.real.run import Run, code_base
from tools.rego_sources import sources


@pytest.mark.peers
@pytest.mark.slow
@pytest.mark.parametrize("name", sources())
def test_as_with_opa(name: str) -> None:
    report = Run(code_base(name), str(require_peer("opa"))).all()

    assert report.differences == []
    assert report.tests > 0

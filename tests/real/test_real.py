"""Code bases of others behave as with the real `opa`."""

from __future__ import annotations

import os

import pytest

from tests.needs import require_peer
from tests.real.run import Run, code_base, code_bases


def asked() -> list[str]:
    """Those of the package indexes, and those that REGO_SOURCES names.

    The others are on servers that not every machine reaches.
    """
    more = os.environ.get("REGO_SOURCES", "").split()
    return [one.name for one in code_bases() if one.indexed or one.name in more]


@pytest.mark.peers
@pytest.mark.slow
@pytest.mark.parametrize("name", asked())
def test_as_with_opa(name: str) -> None:
    report = Run(code_base(name), str(require_peer("opa"))).all()

    assert report.differences == []
    assert report.modules > 50

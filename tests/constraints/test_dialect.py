"""Templates follow the OPA that Gatekeeper embeds, where a later one differs."""

from __future__ import annotations

import pytest

from gatewright.gator.audit import audit
from gatewright.gator.policies import GatorError
from tests.constraints.dialect_cases import CONSTRAINT, OBJECT, answer, read, template
from tests.needs import require_peer


@pytest.mark.parametrize("case", read(), ids=lambda case: case["of"])
def test_case(case: dict[str, str]) -> None:
    try:
        found = audit([template(case["of"]), CONSTRAINT, OBJECT])
    except GatorError:
        assert case["is"] == "refused"
        return
    messages = [one.result.message for one in found.findings]
    assert (messages[0] if messages else "undefined") == case["is"]


@pytest.mark.peers
def test_the_real_one_says_so() -> None:
    gator = require_peer("gator")
    for case in read():
        assert answer([str(gator)], case["of"]) == case["is"], case["of"]

"""Templates follow the OPA that Gatekeeper embeds, where a later one differs."""

from __future__ import annotations

from typing import Any

import pytest

from gatewright.gator.audit import audit
from gatewright.gator.policies import GatorError
from tests.constraints.dialect_cases import (
    CONSTRAINT,
    MODULES,
    OBJECT,
    answer,
    read,
    template,
    template_of,
    verdict,
)
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


@pytest.mark.parametrize("case", read(MODULES), ids=lambda case: case["of"])
def test_module(case: dict[str, Any]) -> None:
    documents = [template_of(case["of"]), CONSTRAINT, OBJECT]
    if isinstance(case["is"], str):
        with pytest.raises(GatorError) as refused:
            audit(documents)
        assert str(refused.value).strip() == case["is"]
        return
    messages = {one.result.message for one in audit(documents).findings}
    assert sorted(messages) == case["is"]


@pytest.mark.peers
def test_the_real_one_says_so() -> None:
    gator = require_peer("gator")
    for case in read():
        assert answer([str(gator)], case["of"]) == case["is"], case["of"]
    for case in read(MODULES):
        assert verdict([str(gator)], case["of"]) == case["is"], case["of"]

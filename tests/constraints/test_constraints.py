"""Constraints: accepted or refused with Gatekeeper's words, defaults filled in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gatewright.constraints.faults import PolicyFault
from gatewright.constraints.plainreview import review_object
from gatewright.k8s.openapi import as_floats
from tests.constraints import samples

FILE = samples.cases("constraints")
REGO = (
    "package x\n"
    'violation[{"msg": msg}] { input.review.kind.kind == "Pod"; '
    "msg := json.marshal(input.parameters) }"
)
TEMPLATE = samples.template(
    {"name": "reqlabel", "kind": "ReqLabel", "schema": FILE["schema"], "rego": REGO}
)


def outcome(obj: dict[str, Any]) -> dict[str, Any]:
    """What becomes of a constraint, as a case has it."""
    policies = samples.policy_set()
    policies.add_template(TEMPLATE)
    try:
        policies.add_constraint(as_floats(obj))
    except PolicyFault as fault:
        return {"want": str(fault)}
    snapshot = samples.opened(policies)
    results = review_object(snapshot, snapshot.evaluation(), samples.POD)
    found = [json.loads(one.message) for one in results]
    return {"parameters": found[0] if found else None}


@pytest.mark.parametrize("case", FILE["cases"], ids=range(len(FILE["cases"])))
def test_constraint(case: dict[str, Any]) -> None:
    obj = samples.constraint("ReqLabel") | case["constraint"]
    expected = {key: value for key, value in case.items() if key != "constraint"}

    assert outcome(obj) == expected

"""Templates: accepted or refused with Gatekeeper's words."""

from __future__ import annotations

from typing import Any

import pytest

from gatewright.constraints.faults import IngestError, PolicyFault
from gatewright.constraints.judge import ReviewFailed
from gatewright.constraints.plainreview import review_object
from gatewright.k8s.openapi import as_floats
from tests.constraints import samples

CASES = samples.cases("templates")["cases"]


def outcome(short: dict[str, Any]) -> dict[str, Any]:
    """What becomes of a template, its constraint and a Pod, as a case has it."""
    policies = samples.policy_set()
    try:
        policies.add_template(as_floats(samples.template(short)))
        policies.add_constraint(samples.constraint(short.get("kind", "Any")))
    except PolicyFault as fault:
        return {"want": str(fault).rstrip("\n")}
    snapshot = samples.opened(policies)
    try:
        results = review_object(snapshot, snapshot.evaluation(), samples.POD)
    except ReviewFailed as error:
        return {"fails": f"{samples.TARGET}: {error}".rstrip("\n")}
    return {"messages": [one.message for one in results]}


@pytest.mark.parametrize("case", CASES, ids=range(len(CASES)))
def test_template(case: dict[str, Any]) -> None:
    expected = {key: value for key, value in case.items() if key != "template"}

    assert outcome(case["template"]) == expected


def test_code_for_cel_alone_names_the_engine() -> None:
    code = [{"engine": "K8sNativeValidation", "source": {"validations": []}}]
    short = {"targets": [{"target": samples.TARGET, "code": code}]}

    with pytest.raises(IngestError, match="K8sNativeValidation alone"):
        samples.policy_set().add_template(samples.template(short))


def test_code_for_both_engines_runs_rego_and_says_so() -> None:
    code = [{"engine": "K8sNativeValidation", "source": {"validations": []}}]
    short = {
        "targets": [{"target": samples.TARGET, "rego": samples.REGO, "code": code}]
    }
    entry = samples.policy_set().add_template(samples.template(short))

    assert len(entry.notices) == 1
    assert "K8sNativeValidation is not supported yet" in entry.notices[0]
    assert outcome(short) == {"messages": ["m"]}


def test_a_bad_replacement_leaves_the_template_in_force() -> None:
    policies = samples.policy_set()
    policies.add_template(samples.template({}))
    policies.add_constraint(samples.constraint())
    with pytest.raises(IngestError):
        policies.add_template(samples.template({"rego": "package x\nviolation["}))
    snapshot = samples.opened(policies)
    results = review_object(snapshot, snapshot.evaluation(), samples.POD)

    assert [one.message for one in results] == ["m"]


def test_a_removed_template_takes_its_constraints_along() -> None:
    policies = samples.policy_set()
    policies.add_template(samples.template({}))
    policies.add_constraint(samples.constraint())
    policies.remove_template("any")
    policies.add_template(samples.template({}))

    assert samples.opened(policies).constraints == []

"""Templates, constraints and reviews for tests, from the short forms of the cases."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from gatewright.constraints.admission import Admission, Verdict
from gatewright.constraints.policyset import PolicySet, Settings
from gatewright.constraints.snapshot import Snapshot

CASES = Path(__file__).with_name("cases")
TARGET = "admission.k8s.gatekeeper.sh"
REGO = 'package x\nviolation[{"msg": "m"}] { true }'
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p", "namespace": "default"},
}


def cases(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((CASES / f"{name}.yaml").read_text())
    return found


def template(short: Mapping[str, Any]) -> dict[str, Any]:
    """A template from a case: see cases/templates.yaml."""
    names = {"kind": short.get("kind", "Any")}
    crd: dict[str, Any] = {"names": names}
    if "shortNames" in short:
        names["shortNames"] = short["shortNames"]
    validation = {key: short[key] for key in ("legacySchema",) if key in short}
    if "schema" in short:
        validation["openAPIV3Schema"] = short["schema"]
    if validation:
        crd["validation"] = validation
    metadata = {"name": short.get("name", "any")}
    if "labels" in short:
        metadata["labels"] = short["labels"]
    rego = [{"target": TARGET, "rego": short.get("rego", REGO)}]
    return {
        "apiVersion": f"templates.gatekeeper.sh/{short.get('version', 'v1')}",
        "kind": "ConstraintTemplate",
        "metadata": metadata,
        "spec": {"crd": {"spec": crd}, "targets": short.get("targets", rego)},
    }


def constraint(kind: str = "Any", name: str = "c1", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "constraints.gatekeeper.sh/v1beta1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    }


def opened(policies: PolicySet) -> Snapshot:
    return Snapshot(policies.build("test"))


def policy_set() -> PolicySet:
    return PolicySet(Settings(check_actions=False))


def judged(admission: Admission, body: bytes, snapshot: Snapshot) -> Verdict:
    """The verdict on a body; the brief answer, where there is one, is the same, and so
    are both again where a route was learned."""
    verdict = _judged(admission, body, snapshot)
    if snapshot.routes:
        assert _judged(admission, body, snapshot).body == verdict.body
    return verdict


def _judged(admission: Admission, body: bytes, snapshot: Snapshot) -> Verdict:
    case = admission.open(body, snapshot, snapshot.evaluation())
    while not case.advance(1_000_000):
        pass
    brief = case.brief()
    verdict = case.close()
    if brief is not None:
        assert brief.body == verdict.body
        assert brief.allowed == verdict.response.allowed
        assert brief.results == len(verdict.results)
    return verdict

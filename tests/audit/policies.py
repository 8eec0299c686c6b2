"""Policies for tests of audit."""

from __future__ import annotations

from typing import Any

from gatewright.constraints.policyset import PolicySet
from gatewright.constraints.snapshot import Snapshot

ALWAYS = 'package x\nviolation[{"msg": "always"}] { true }'


def template(kind: str, rego: str = ALWAYS) -> dict[str, Any]:
    return {
        "apiVersion": "templates.gatekeeper.sh/v1",
        "kind": "ConstraintTemplate",
        "metadata": {"name": kind.lower()},
        "spec": {
            "crd": {"spec": {"names": {"kind": kind}}},
            "targets": [{"target": "admission.k8s.gatekeeper.sh", "rego": rego}],
        },
    }


def constraint(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "constraints.gatekeeper.sh/v1beta1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    }


def snapshot_of(*specs: dict[str, Any], rego: str = ALWAYS) -> Snapshot:
    """Constraints c0, c1, ... of one template."""
    policies = PolicySet()
    policies.add_template(template("K", rego))
    for number, spec in enumerate(specs):
        policies.add_constraint(constraint("K", f"c{number}", spec))
    return Snapshot(policies.build())

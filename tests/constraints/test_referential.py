"""Policies over the inventory say the same with indexes as without."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import yaml

from gatewright.constraints import regosource
from gatewright.constraints.plainreview import review_object
from gatewright.constraints.policyset import PolicySet, Settings
from gatewright.constraints.snapshot import Snapshot

CASES: list[dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("referential.yaml").read_text()
)
CONSTRAINT = {
    "apiVersion": "constraints.gatekeeper.sh/v1beta1",
    "kind": "Referential",
    "metadata": {"name": "only"},
}


def template(rego: str) -> dict[str, Any]:
    return {
        "apiVersion": "templates.gatekeeper.sh/v1",
        "kind": "ConstraintTemplate",
        "metadata": {"name": "referential"},
        "spec": {
            "crd": {"spec": {"names": {"kind": "Referential"}}},
            "targets": [
                {
                    "target": "admission.k8s.gatekeeper.sh",
                    "rego": f"package referential\n{rego}",
                }
            ],
        },
    }


def policies(rego: str, *, indexes: bool) -> PolicySet:
    out = PolicySet(Settings(indexes=indexes))
    out.add_template(template(rego))
    out.add_constraint(CONSTRAINT)
    return out


def some_object(rnd: random.Random) -> dict[str, Any]:
    kind, version = rnd.choice(
        [
            ("Ingress", "networking.k8s.io/v1"),
            ("Ingress", "extensions/v1beta1"),
            ("Service", "v1"),
            ("Node", "v1"),
        ]
    )
    metadata = {
        "name": rnd.choice("abcdefgh"),
        "labels": {"app": rnd.choice(["a", "b", 7, None])},
    }
    if kind != "Node":
        metadata["namespace"] = rnd.choice(["x", "y"])
    host = rnd.choice(["one", "two", "three"])
    spec: dict[str, Any] = {
        "rules": [{"host": host}, {"host": rnd.choice(["two", 3, None])}],
        "hosts": rnd.choice([[host], {"k": host}, host, ["one", "four"]]),
        "host": host,
        "selector": rnd.choice([{"app": "a"}, {"app": "b", "z": "1"}, {"n": 1}, {}]),
        "size": rnd.choice([1, 1.0, 1.5, "1", [1]]),
    }
    if rnd.random() < 0.1:
        spec = rnd.choice([{}, {"rules": "none", "selector": "none"}])
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def said(snapshot: Snapshot, obj: dict[str, Any]) -> list[str]:
    results = review_object(snapshot, snapshot.evaluation(), obj, namespace=None)
    return [one.message for one in results]


def opened(held: PolicySet) -> Snapshot:
    held.inventory.commit()
    return Snapshot(held.build(), inventory=held.inventory.replica())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["note"])
def test_indexes_change_nothing(case: dict[str, Any]) -> None:
    rnd = random.Random(case["note"])  # noqa: S311 - cases, not keys
    fast = policies(case["rego"], indexes=True)
    slow = policies(case["rego"], indexes=False)
    kept: list[tuple[Snapshot, dict[str, Any], list[str]]] = []
    for _ in range(12):
        for _ in range(rnd.choice([1, 3, 80])):
            obj = some_object(rnd)
            gone = rnd.random() < 0.3
            for held in (fast, slow):
                (held.remove_object if gone else held.add_object)(obj)
        quick, plain = opened(fast), opened(slow)
        for _ in range(6):
            obj = some_object(rnd)
            found = said(quick, obj)
            assert found == said(plain, obj)
            kept.append((quick, obj, found))
        kept = kept[-20:]
        for snapshot, obj, found in kept:
            # An older snapshot still says what it said.
            assert said(snapshot, obj) == found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["note"])
def test_indexes_are_asked_for(case: dict[str, Any]) -> None:
    held = policies(case["rego"], indexes=True)
    held.build()
    snapshot = opened(held)
    indexes = snapshot.library._indexes
    assert (indexes.count if indexes else 0) == case["indexed"]
    assert regosource.ENTRYPOINT

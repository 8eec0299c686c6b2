"""Which kinds are listed: scopes.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from gatewright.audit.scope import plan, touched
from gatewright.kube.resource import Resource
from tests.audit.policies import snapshot_of

CASES = yaml.safe_load(Path(__file__).with_name("scopes.yaml").read_text("utf-8"))
LISTABLE = frozenset({"get", "list"})
SERVED = (
    Resource("", "v1", "pods", "Pod", verbs=LISTABLE),
    Resource("", "v1", "namespaces", "Namespace", namespaced=False, verbs=LISTABLE),
    Resource("apps", "v1", "deployments", "Deployment", verbs=LISTABLE),
    Resource("networking.k8s.io", "v1", "ingresses", "Ingress", verbs=LISTABLE),
    Resource("old.example.com", "v1", "ingresses", "Ingress", verbs=LISTABLE),
    Resource("", "v1", "bindings", "Binding", verbs=frozenset({"create"})),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["note"])
def test_the_kinds_listed_are(case: dict[str, Any]) -> None:
    scoped = case.get("scoped")
    spec = (
        {
            "enforcementAction": "scoped",
            "scopedEnforcementActions": [
                {
                    "action": "deny",
                    "enforcementPoints": [{"name": "validation.gatekeeper.sh"}],
                }
            ],
        }
        if scoped
        else {}
    )
    snapshot = snapshot_of(
        *({"match": match, **spec} for match in case["match"]),
    )

    planned = plan(snapshot, SERVED, case.get("failed", {}))

    assert sorted(one.kind for one in planned.resources) == case["listed"]
    missing = touched(snapshot, planned.unread)
    assert sorted(name for _, name in missing) == case.get("missing", [])

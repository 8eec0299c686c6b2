"""What one more constraint costs: of one template, matching and allowing, or not matching.

python -m benchmarks.constraints
"""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable
from typing import Any

import yaml

from benchmarks.workloads import SHARED
from gatewright.constraints.admission import Admission
from gatewright.constraints.policyset import PolicySet
from gatewright.constraints.snapshot import Snapshot

TEMPLATE = (
    SHARED
    / "conformance/gatekeeper-library/library/general/requiredlabels/template.yaml"
)
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p", "namespace": "shop", "labels": {"owner": "ann"}},
    "spec": {"containers": [{"name": "c", "image": "nginx"}]},
}
PODS = {"kinds": [{"apiGroups": [""], "kinds": ["Pod"]}]}
#: How a constraint misses the Pod.
MISSES: dict[str, Callable[[int], dict[str, Any]]] = {
    "another kind": lambda _: {"kinds": [{"apiGroups": [""], "kinds": ["Node"]}]},
    "another namespace": lambda n: PODS | {"namespaces": [f"ns-{n}"]},
    "another label": lambda n: (
        PODS | {"labelSelector": {"matchLabels": {"team": f"t{n}"}}}
    ),
}


def snapshot(count: int, match: Callable[[int], dict[str, Any]]) -> Snapshot:
    """A generation with so many constraints."""
    out = PolicySet()
    out.add_template(yaml.safe_load(TEMPLATE.read_text()))
    for number in range(count):
        out.add_constraint(
            {
                "apiVersion": "constraints.gatekeeper.sh/v1beta1",
                "kind": "K8sRequiredLabels",
                "metadata": {"name": f"c{number}"},
                "spec": {
                    "match": match(number),
                    "parameters": {"labels": [{"key": "owner"}]},
                },
            }
        )
    out.set_namespaces(
        [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}]
    )
    return Snapshot(out.build("bench"))


def cost(loaded: Snapshot) -> float:
    """Microseconds of CPU of one decision, the best of many rounds."""
    admission, reviewer = Admission(), loaded.evaluation()
    kind = {"group": "", "version": "v1", "kind": "Pod"}
    body = json.dumps(
        {
            "kind": "AdmissionReview",
            "apiVersion": "admission.k8s.io/v1",
            "request": {
                "uid": "u",
                "kind": kind,
                "resource": {"group": "", "version": "v1", "resource": "pods"},
                "name": "p",
                "namespace": "shop",
                "operation": "CREATE",
                "userInfo": {"username": "ann"},
                "object": POD,
                "oldObject": None,
                "options": None,
            },
        }
    ).encode()
    best = 1e9
    for _ in range(40):
        before = time.process_time_ns()
        for _ in range(20):
            case = admission.open(body, loaded, reviewer)
            while not case.advance(1_000_000):
                pass
            answer = case.brief()
            assert answer is not None
            assert answer.allowed
        best = min(best, (time.process_time_ns() - before) / 20)
    return best / 1e3


def main() -> None:
    gc.disable()
    none = cost(snapshot(0, lambda _: PODS))
    print(f"no constraint: {none:.1f} us of CPU a decision")
    for count in (10, 100, 1000):
        taken = cost(snapshot(count, lambda _: PODS)) - none
        print(
            f"{count:5} that match and allow: {taken:8.1f} us more, "
            f"{taken / count:.2f} each"
        )
    for name, match in MISSES.items():
        taken = cost(snapshot(1000, match)) - none
        print(f" 1000 of {name}: {taken:8.1f} us more in all")


if __name__ == "__main__":
    main()

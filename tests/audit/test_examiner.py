"""What policies see of an object in audit, and that it is what gator's reviews show."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gatewright.audit.examiner import Examined, Examiner, UnreadableError
from gatewright.constraints.namespaces import NamespaceRecord
from gatewright.constraints.plainreview import review_object
from tests.audit.policies import snapshot_of

SHOW = 'package x\nviolation[{"msg": json.marshal(input.review)}] { true }'
POD: dict[str, Any] = {
    "metadata": {"name": "p", "namespace": "n", "labels": {"a": "b"}, "uid": "u"},
    "spec": {"containers": [{"name": "c", "cpu": 9007199254740993, "x": 1.5}]},
}
NAMESPACE = NamespaceRecord.of(
    {"metadata": {"name": "n", "labels": {"team": "t"}}, "kind": "Namespace"}
)


def examine(
    rego: str, *specs: dict[str, Any], namespace: NamespaceRecord | None = NAMESPACE
) -> Examined:
    snapshot = snapshot_of(*(specs or ({},)), rego=rego)
    examiner = Examiner(snapshot, snapshot.evaluation(), steps=1_000_000)
    return examiner.examine(
        json.dumps(POD).encode(),
        group="",
        version="v1",
        kind="Pod",
        namespace=namespace,
    )


def test_policies_see_what_a_plain_review_shows_and_the_namespace() -> None:
    (result,) = examine(SHOW).results
    shown = json.loads(result.message)
    snapshot = snapshot_of({}, rego=SHOW)
    plain = {"apiVersion": "v1", "kind": "Pod", **POD}
    (expected,) = review_object(snapshot, snapshot.evaluation(), plain)

    namespace = shown.pop("namespaceObject")
    assert namespace["metadata"] == {"name": "n", "labels": {"team": "t"}}
    other = json.loads(expected.message)
    assert other.pop("namespaceObject") == {}
    assert shown == other
    assert shown["operation"] == ""
    assert shown["object"]["kind"] == "Pod"


def test_matching_has_the_namespace() -> None:
    wanted = {"match": {"namespaceSelector": {"matchLabels": {"team": "t"}}}}
    other = {"match": {"namespaceSelector": {"matchLabels": {"team": "other"}}}}

    found = examine(SHOW, wanted, other)

    assert [one.constraint.name for one in found.results] == ["c0"]
    assert found.metadata["labels"] == {"a": "b"}


def test_what_is_no_object_is_said() -> None:
    snapshot = snapshot_of({})
    examiner = Examiner(snapshot, snapshot.evaluation(), steps=1_000_000)
    with pytest.raises(UnreadableError, match="unexpected end"):
        examiner.examine(b"{", group="", version="v1", kind="Pod", namespace=None)


def test_a_policy_that_goes_over_its_budget_has_no_verdict() -> None:
    slow = (
        'package x\nviolation[{"msg": "never"}] { r := numbers.range(1, 5000); '
        "count({x | x := r[_] * r[_]}) == 7 }"
    )

    (result,) = examine(slow).results

    assert result.unevaluated

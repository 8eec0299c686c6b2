"""Verdicts on requests: what the recorded exchanges do not show."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from gatewright.constraints.admission import Admission, Verdict
from gatewright.constraints.judge import ReviewCancelled
from gatewright.constraints.policyset import PolicySet
from gatewright.constraints.snapshot import Snapshot
from tests.constraints import samples

DEFAULT = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}
NO_KIND = "couldn't get version/kind; json parse error: "
SLOW = (
    "package x\n"
    'violation[{"msg": "never"}] { r := numbers.range(1, 5000); '
    "count([1 | r[_] < 0; r[_] == r[_]]) == count([1 | r[i]; r[j]; i > j + 5000]) + 1 }"
)


def review(obj: Any = samples.POD, **request: Any) -> dict[str, Any]:
    pod = {"group": "", "version": "v1", "kind": "Pod"}
    pods = {"group": "", "version": "v1", "resource": "pods"}
    return {
        "kind": "AdmissionReview",
        "apiVersion": "admission.k8s.io/v1",
        "request": {
            "uid": "u-1",
            "kind": pod,
            "resource": pods,
            "requestKind": pod,
            "requestResource": pods,
            "name": "p",
            "namespace": "default",
            "operation": "CREATE",
            "userInfo": {"username": "alice", "groups": ["system:authenticated"]},
            "object": obj,
            "oldObject": None,
            "dryRun": False,
            "options": {"kind": "CreateOptions"},
        }
        | request,
    }


def policies(*rego: str, **spec: Any) -> PolicySet:
    """One template per text (kinds Kind0, Kind1, ...) with a constraint `c<n>` each."""
    out = samples.policy_set()
    for number, text in enumerate(rego):
        kind = f"Kind{number}"
        out.add_template(
            samples.template({"name": kind.lower(), "kind": kind, "rego": text})
        )
        out.add_constraint(samples.constraint(kind, f"c{number}", **spec))
    out.set_namespaces([DEFAULT])
    return out


def judge(out: PolicySet, body: Any, **settings: Any) -> Verdict:
    snapshot = samples.opened(out)
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return samples.judged(Admission(**settings), data, snapshot)


def dump(expression: str) -> str:
    return (
        f'package x\nviolation[{{"msg": msg}}] {{ msg := json.marshal({expression}) }}'
    )


def shown(out: PolicySet, body: Any) -> Any:
    """What the policy saw of a request, decoded."""
    return json.loads(judge(out, body).response.message.removeprefix("[c0] "))


def test_the_answer_and_what_is_told_of_it() -> None:
    verdict = judge(policies(samples.REGO), review())

    assert verdict.outcome == "deny"
    assert verdict.generation == "test"
    assert verdict.counted
    assert json.loads(verdict.body)["response"]["status"]["message"] == "[c0] m"
    assert verdict.intake is not None
    assert verdict.intake.name == "p"


def test_a_usual_request_reaches_policies_as_it_is() -> None:
    given = review()["request"]
    seen = shown(policies(dump("input.review")), review())

    assert seen.pop("namespaceObject")["metadata"] == {"name": "default"}
    assert seen == given


def test_unusual_requests_are_put_into_gos_form() -> None:
    body = review(
        extra=1,
        subResource="",
        name=None,
        dryRun=None,
        kind={"kind": "Pod", "version": "v1"},
        userInfo={"username": "bob", "uid": "", "extra": {}, "more": 1},
        requestKind=None,
    )
    del body["request"]["options"]
    seen = shown(
        policies(dump('object.remove(input.review, ["namespaceObject"])')), body
    )

    assert seen == {
        "uid": "u-1",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": review()["request"]["resource"],
        "requestResource": review()["request"]["requestResource"],
        "namespace": "default",
        "operation": "CREATE",
        "userInfo": {"username": "bob"},
        "object": samples.POD,
        "oldObject": None,
        "options": None,
    }


def test_numbers_pass_through_float64() -> None:
    pod = samples.POD | {"spec": {"n": 3000000, "big": 9007199254740993, "f": 1.0}}
    rego = (
        'package x\nviolation[{"msg": msg}] { s := input.review.object.spec; '
        'msg := sprintf("%v %v %v", [s.n, s.big, s.f]) }'
    )

    assert judge(policies(rego), review(pod)).response.message == (
        "[c0] 3e+06 9.007199254740992e+15 1"
    )


def test_parameters_keep_their_numbers() -> None:
    out = samples.policy_set()
    short = {"schema": {"type": "object", "properties": {"n": {"type": "integer"}}}}
    rego = (
        'package x\nviolation[{"msg": m}] { m := sprintf("%v", [input.parameters.n]) }'
    )
    out.add_template(samples.template(short | {"rego": rego}))
    out.add_constraint(samples.constraint(parameters={"n": 3000000}))
    out.set_namespaces([DEFAULT])

    assert judge(out, review()).response.message == "[c1] 3000000"


def test_one_constraint_over_its_budget_is_reported_alone() -> None:
    verdict = judge(policies(SLOW, samples.REGO), review(), steps=100_000)
    lines = verdict.response.message.split("\n")

    assert lines == [
        "[c0] constraint was not evaluated: evaluation took more steps than it may",
        "[c1] m",
    ]
    assert [one.constraint.name for one in verdict.unevaluated] == ["c0"]


def test_a_budget_overrun_has_the_action_of_its_constraint() -> None:
    verdict = judge(policies(SLOW, enforcementAction="warn"), review(), steps=100_000)

    assert verdict.response.allowed
    assert len(verdict.response.warnings) == 1


def test_a_deadline_leaves_no_verdict() -> None:
    snapshot = samples.opened(policies(SLOW))
    body = json.dumps(review()).encode()
    with pytest.raises(ReviewCancelled):
        Admission().judge(
            body,
            snapshot,
            snapshot.evaluation(),
            deadline_ns=time.monotonic_ns() + 1_000_000,
        )


def test_work_can_be_done_in_small_parts() -> None:
    snapshot = samples.opened(policies(samples.REGO))
    case = Admission().open(
        json.dumps(review()).encode(), snapshot, snapshot.evaluation()
    )
    parts = 1
    while not case.advance(1):
        parts += 1

    assert parts > 1
    assert case.close().response.message == "[c0] m"


def test_a_failing_policy_fails_for_all_constraints_of_its_kind() -> None:
    rego = (
        "package x\nf(x) = 1 { true }\nf(x) = 2 { input.parameters.bad }\n"
        'violation[{"msg": "fine"}] { f(1) == 1 }'
    )
    short = {"rego": rego, "legacySchema": True}
    out = samples.policy_set()
    out.add_template(samples.template(short))
    out.add_constraint(samples.constraint(name="good"))
    out.add_constraint(samples.constraint(name="ill", parameters={"bad": True}))
    out.set_namespaces([DEFAULT])
    text = (
        "template:3: eval_conflict_error: functions must not produce multiple outputs for "
        "same inputs"
    )

    assert judge(out, review()).response.message.split("\n") == [
        f"[good] {text}",
        f"[ill] {text}",
    ]


def test_operations_choose_templates() -> None:
    short = {
        "targets": [
            {
                "target": samples.TARGET,
                "rego": samples.REGO,
                "operations": ["UPDATE", "DELETE"],
            }
        ]
    }
    out = samples.policy_set()
    out.add_template(samples.template(short))
    out.add_constraint(samples.constraint())
    out.set_namespaces([DEFAULT])

    assert judge(out, review()).response.allowed
    assert not judge(out, review(operation="UPDATE")).response.allowed
    deleted = review(None, operation="DELETE", oldObject=samples.POD)
    assert not judge(out, deleted).response.allowed


def test_a_deleted_object_is_seen_twice() -> None:
    out = policies(dump("[input.review.object, input.review.oldObject]"))

    assert shown(out, review(None, operation="DELETE", oldObject=samples.POD)) == [
        samples.POD,
        samples.POD,
    ]


def test_an_unreadable_old_object_rejects_what_has_a_match_block() -> None:
    out = policies(samples.REGO, match={"kinds": [{"kinds": ["Node"]}]})
    verdict = judge(out, review(operation="UPDATE", oldObject={"a": 1}))

    assert verdict.response.message == (
        "[c0] unable to match constraints: invalid request object: failed to unmarshal "
        'gkReview oldObject {"a": 1}'
    )


def test_object_and_old_object_may_be_of_two_kinds() -> None:
    out = policies(samples.REGO, match={"kinds": [{"kinds": ["Node"]}]})
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}}

    assert not judge(out, review(operation="UPDATE", oldObject=node)).response.allowed
    assert judge(
        out, review(operation="UPDATE", oldObject=samples.POD)
    ).response.allowed


@pytest.mark.parametrize(
    ("obj", "text"),
    [
        ({"a": 1}, "Object 'Kind' is missing in '{\"a\": 1}'"),
        ({"kind": ""}, "Object 'Kind' is missing in '{\"kind\": \"\"}'"),
        (
            {"kind": 5},
            NO_KIND
            + "json: cannot unmarshal number into Go struct field .kind of type string",
        ),
        ({"kind": "A", "apiVersion": "a/b/c"}, "unexpected GroupVersion string: a/b/c"),
    ],
)
def test_an_object_without_kind_is_an_error(obj: Any, text: str) -> None:
    verdict = judge(policies(), review(obj))

    assert verdict.outcome == "error"
    assert verdict.response.code == 500
    assert verdict.response.message == f"error decoding generator resource p: {text}"


@pytest.mark.parametrize(
    ("kind", "obj", "text"),
    [
        ({}, samples.POD, "unable to expand object: cannot expand resource p with "),
        ({"group": "", "version": "", "kind": ""}, {"kind": "A"}, "resource  with "),
        ({"version": "v1"}, samples.POD, None),
        ({"kind": "Pod"}, samples.POD, None),
        ({}, None, None),
    ],
)
def test_a_request_that_names_no_kind_is_an_error(
    kind: Any, obj: Any, text: str | None
) -> None:
    """The real one's answers; only what has an object is expanded."""
    verdict = judge(policies(), review(obj, kind=kind))

    if text is None:
        assert verdict.response.allowed
    else:
        assert verdict.response.code == 500
        assert text + "empty GVK" in verdict.response.message


def test_an_unknown_action_is_ignored_and_told() -> None:
    verdict = judge(policies(samples.REGO, enforcementAction="bogus"), review())

    assert verdict.response.allowed
    assert [one.constraint.name for one in verdict.ignored] == ["c0"]


def test_gatekeepers_own_account_is_let_through() -> None:
    user = {"username": "system:serviceaccount:gk:gatekeeper-admin"}
    verdict = judge(policies(samples.REGO), review(userInfo=user), namespace="gk")

    assert verdict.response.message == "Gatekeeper does not self-manage"
    assert not verdict.counted


def test_config_excludes_namespaces_and_says_so() -> None:
    out = policies(samples.REGO)
    match = [{"processes": ["*"], "excludedNamespaces": ["def*"]}]
    out.set_config({"kind": "Config", "spec": {"match": match}})

    assert judge(out, review()).response.message == (
        "Namespace is set to be ignored by Gatekeeper config"
    )


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"request": {"uid": 5}}', "types.UID"),
        (b'{"request": {"kind": {"kind": 5}}}', "GroupVersionKind"),
        (b'{"request": {"operation": {}}}', "v1.Operation"),
        (b'{"request": {"userInfo": {"groups": [5]}}}', "UserInfo"),
        (b'{"request": {"dryRun": "yes"}}', "of type bool"),
        (b'{"request": []}', "v1.AdmissionRequest"),
        (
            b'{"kind": "AdmissionReview", "request": {"object": {"a": 1}',
            "unexpected end",
        ),
        (b"[" * 100_000, "exceeded max depth"),
    ],
)
def test_a_body_that_is_no_review(body: bytes, text: str) -> None:
    verdict = judge(policies(samples.REGO), body)

    assert verdict.outcome == "unread"
    assert verdict.response.code == 400
    assert text in verdict.response.message
    assert verdict.body.startswith(b'{"response":{"uid":""')


def test_the_index_agrees_with_matching_everything() -> None:
    out = samples.policy_set()
    out.add_template(samples.template({}))
    kinds = [[], ["Pod"], ["Node"], ["*"], ["Pod", "Node"]]
    for number, wanted in enumerate(kinds):
        match = {"kinds": [{"kinds": wanted}]} if number else {}
        out.add_constraint(samples.constraint(name=f"c{number}", match=match))
    snapshot: Snapshot = samples.opened(out)
    point = "validation.gatekeeper.sh"
    for group, kind in (("", "Pod"), ("", "Node"), ("apps", "Deployment")):
        found = [one.constraint.name for one in snapshot.candidates(point, group, kind)]
        slowly = [
            one.constraint.name
            for one in snapshot.everything(point)
            if one.matcher is None or one.matcher.matches_kind(group, kind)
        ]

        assert found == slowly
        assert snapshot.candidates(point, group, kind) is snapshot.candidates(
            point, group, kind
        )


def test_details_nested_too_deep_are_said_to_be(request: pytest.FixtureRequest) -> None:
    rego = (
        'package x\nviolation[{"msg": "m", "details": d}] { d := input.review.object }'
    )
    deep = '{"kind": "Pod", "apiVersion": "v1", "a": ' + "[" * 5000 + "]" * 5000 + "}"
    body = json.dumps(review("OBJECT")).replace('"OBJECT"', deep).encode()
    loaded = policies(rego)
    request.getfixturevalue("shallow")  # compiling is over
    verdict = judge(loaded, body)

    assert not verdict.response.allowed
    assert verdict.response.code == 403
    (result,) = verdict.results
    assert result.message == "m"
    assert result.details == "details are nested too deep to be shown"

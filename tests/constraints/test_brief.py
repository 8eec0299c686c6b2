"""Answers written without results are those that results add up to."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

import pytest

from gatewright.constraints import reviewdoc
from gatewright.constraints.admission import Admission
from tests.constraints import samples
from tests.constraints.test_admission import DEFAULT, review

MESSAGES = [
    "a",
    "b<&>",
    'say "x"\n\t',
    "\u2028 \u00e9 \U0001f600 \u007f",
    "",
    "\\",
    "a" * 300,
]
EMPTY = 'violation[{"msg": "z"}] { false }'
ACTIONS: list[dict[str, Any]] = [
    {},
    {"enforcementAction": "deny"},
    {"enforcementAction": "warn"},
    {"enforcementAction": "dryrun"},
    {
        "enforcementAction": "scoped",
        "scopedEnforcementActions": [
            {"action": "warn", "enforcementPoints": [{"name": "*"}]},
            {"action": "deny", "enforcementPoints": [{"name": "*"}]},
        ],
    },
    {
        "enforcementAction": "scoped",
        "scopedEnforcementActions": [
            {"action": "dryrun", "enforcementPoints": [{"name": "*"}]}
        ],
    },
]
MATCHES: list[dict[str, Any]] = [
    {},
    {"kinds": [{"apiGroups": [""], "kinds": ["Pod"]}]},
    {"kinds": [{"kinds": ["Node"]}]},
    {"namespaces": ["def*"]},
    {"excludedNamespaces": ["default"]},
    {"labelSelector": {"matchLabels": {"a": "1"}}},
    {"labelSelector": {"matchLabels": {"a": "2"}}},
    {"labelSelector": {"matchExpressions": [{"key": "b", "operator": "DoesNotExist"}]}},
    {"namespaceSelector": {"matchLabels": {"team": "x"}}},
    {"scope": "Cluster"},
    {"name": "p*"},
    {"source": "Generated"},
]


def pod_with(labels: dict[str, str]) -> dict[str, Any]:
    metadata = {"name": "p", "namespace": "default", "labels": labels}
    return samples.POD | {"metadata": metadata}


def policies(
    chance: random.Random, count: int, matches: Sequence[dict[str, Any]] = MATCHES
) -> Any:
    out = samples.policy_set()
    texts = [chance.choice(MESSAGES) for _ in range(chance.randrange(4))]
    rules = "".join(
        f'violation[{{"msg": m, "details": {{"n": {number}}}}}] {{ m := {json.dumps(text)} }}\n'
        for number, text in enumerate(texts)
    )
    conflict = "f(x) = 1 { x }\nf(x) = 2 { x }\n"
    broken = 'violation[{"msg": "m"}] { f(true) == 1 }'
    for number, rego in enumerate(
        [
            f"package x\n{rules or EMPTY}",
            f"package x\n{conflict}{broken}",
        ]
    ):
        kind = f"Kind{number}"
        out.add_template(
            samples.template({"name": kind.lower(), "kind": kind, "rego": rego})
        )
    for number in range(count):
        kind = "Kind0" if chance.random() < 0.95 else "Kind1"
        spec = chance.choice(ACTIONS) | {"match": chance.choice(matches)}
        out.add_constraint(samples.constraint(kind, f"c{number}", **spec))
    out.set_namespaces([DEFAULT])
    return out


@pytest.mark.parametrize("seed", range(60))
def test_brief_answers_agree(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - repeatable
    snapshot = samples.opened(policies(chance, chance.choice([1, 3, 12, 40, 90])))
    for labels in ({}, {"a": "1"}, {"a": "2", "b": ""}):
        pod = pod_with(labels)
        body = json.dumps(review(pod)).encode()
        samples.judged(Admission(), body, snapshot)
        old = samples.POD | {"metadata": {"name": "q", "labels": {"a": "1"}}}
        body = json.dumps(review(pod, oldObject=old, operation="UPDATE")).encode()
        samples.judged(Admission(), body, snapshot)


def test_bytes_that_are_no_text_are_replaced_in_both() -> None:
    rego = 'package x\nviolation[{"msg": m}] { m := concat("", ["x", input.review.object.a]) }'
    out = samples.policy_set()
    out.add_template(samples.template({"rego": rego}))
    out.add_constraint(samples.constraint())
    out.set_namespaces([DEFAULT])
    body = json.dumps(review(samples.POD | {"a": "AAA"})).encode()
    snapshot = samples.opened(out)

    samples.judged(Admission(), body.replace(b"AAA", b"\xff\xe9("), snapshot)


@pytest.mark.parametrize("seed", range(20))
def test_what_is_selected_is_what_matches(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - repeatable
    snapshot = samples.opened(policies(chance, 60))
    labels = chance.choice([{}, {"a": "1"}, {"a": "2", "b": "x"}])
    body = json.dumps(review(pod_with(labels))).encode()
    case = Admission().open(body, snapshot, snapshot.evaluation())
    assert case.judgement is not None
    assert case.intake is not None
    found = [one.constraint.name for one in case.judgement.matched]
    point = "validation.gatekeeper.sh"
    facts = snapshot.namespaces.find("default").facts
    assert case.intake.object is not None
    subject = reviewdoc.subject_of(case.intake.object)
    slowly = [
        one.constraint.name
        for one in snapshot.everything(point)
        if one.matcher is None or one.matcher.matches(subject, facts, "Original")
    ]

    assert found == slowly

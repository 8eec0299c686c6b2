"""Mutators as edits of documents answer what they answer over Python objects."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from gatewright.app.decider import mutated, mutation_events
from gatewright.engine.reviews import Library, LibraryBuilder
from gatewright.k8s.review import decode, render
from gatewright.match.block import compile_match
from gatewright.match.subject import NamespaceFacts
from gatewright.mutation.documents import edits_of
from gatewright.mutation.errors import MutatorError
from gatewright.mutation.mutator import parse_mutator
from gatewright.mutation.review import MutationContext, review
from gatewright.mutation.system import MutatorSystem

HERE = Path(__file__).parent
LIBRARY = Library(LibraryBuilder().build())
HOME = NamespaceFacts("home", {"team": "x"})
APPLY_TO = [{"groups": [""], "versions": ["v1"], "kinds": ["Pod", "Job"]}]


def context(resources: list[dict[str, Any]], *, annotate: bool) -> MutationContext:
    mutators = [parse_mutator(one) for one in resources]
    system = MutatorSystem.build(mutators, compile_match=compile_match)
    return MutationContext(
        system,
        own_account="self",
        excluded=lambda subject: subject.namespace == "excluded",
        namespace=lambda _name: HOME,
        new_id=lambda: "U",
        annotate=annotate,
        log=True,
        edits=edits_of(mutators),
    )


def body_of(obj: Any) -> bytes:
    """A review of an object; a text `@...@` in it stands for a number so spelled."""
    request = {
        "uid": "u",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "namespace": "home",
        "operation": "CREATE",
        "userInfo": {"username": "someone"},
        "object": obj,
        "oldObject": None,
        "options": None,
    }
    review_kind = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}
    text = json.dumps({**review_kind, "request": request}, ensure_ascii=False)
    return re.sub(r'"@([^"@]*)@"', r"\1", text).encode()


def compare(
    resources: list[dict[str, Any]], body: bytes, *, annotate: bool = False
) -> tuple[Any, bool]:
    """The outcome over Python objects; and whether documents came to one."""
    held = context(resources, annotate=annotate)
    request = decode(body)
    expected = review(request, held)
    found = mutated(body, LIBRARY.evaluation(), held, 1)
    if found is not None:
        assert found.body == render(expected.response, request.echo)
        assert found.status == expected.status
        assert found.events == mutation_events(request, expected, held, 1)
    return expected, found is not None


@pytest.mark.parametrize(
    "case", yaml.safe_load((HERE / "applied.yaml").read_text(encoding="utf-8")), ids=str
)
@pytest.mark.parametrize("annotate", [False, True])
def test_recorded_cases(case: dict[str, Any], annotate: bool) -> None:
    """Both forms agree about the recorded cases; errors are left to Python."""
    spec = {
        "hostname": "str",
        "l": [1, "a", {"name": "x", "v": 1}],
        "m": {"a": 1},
        "containers": [
            {"name": "c", "image": "nginx"},
            {"name": "c", "image": "two"},
        ],
    }
    obj = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p1"}, "spec": spec}
    resource = {
        "kind": case["kind"],
        "metadata": {"name": "m"},
        "spec": {**case["spec"], "applyTo": APPLY_TO},
    }

    _, plain = compare([resource], body_of(obj), annotate=annotate)

    assert plain is ("error" not in case)


NUMBERS = ["0", "-0", "1", "1.0", "1e0", "1E2", "100", "1e400", "1.5", "1.50"]
BIG = ["1000000", "999999999999999999", "9223372036854775807", "18446744073709551616"]
KEYS = st.sampled_from(["a", "b", "name", "x/y~", "é", "image"])
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.sampled_from([f"@{text}@" for text in (*NUMBERS, *BIG)])
    | st.sampled_from(["a", "b", 'q"\\\n\x01\x7f', "<é\u2028>", "nginx", "h.io/a:1@b"])
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3)
    ),
    max_leaves=8,
)
ITEMS = st.fixed_dictionaries(
    {"name": st.sampled_from(["a", "b", 1])}, optional={"b": VALUES, "image": LEAVES}
)
OBJECTS = st.fixed_dictionaries(
    {"apiVersion": st.just("v1"), "kind": st.just("Pod")},
    optional={
        "metadata": st.fixed_dictionaries(
            {},
            optional={
                "name": st.just("p1"),
                "namespace": st.sampled_from(["home", "excluded"]),
                "labels": st.dictionaries(KEYS, st.sampled_from(["1", "2"]), max_size=2)
                | st.none(),
                "annotations": st.dictionaries(KEYS, st.just("1"), max_size=2)
                | st.none(),
            },
        ),
        "spec": st.dictionaries(KEYS, VALUES | st.lists(ITEMS, max_size=3), max_size=4),
        "a": VALUES,
    },
)
STEPS = st.sampled_from(
    ["a", "b", "image", "'x/y~'", "a[name: a]", "b[name: *]", "a[name: 1]", "b[b: b]"]
)
LOCATIONS = st.lists(STEPS, min_size=1, max_size=3).flatmap(
    lambda steps: st.sampled_from([".".join(steps), ".".join(["spec", *steps])])
)
ASSIGN = VALUES.map(lambda value: {"value": value}) | st.sampled_from(
    [{"fromMetadata": {"field": "name"}}, {"fromMetadata": {"field": "namespace"}}]
)
MATCHES = st.sampled_from(
    [
        {},
        {"scope": "Namespaced"},
        {"labelSelector": {"matchLabels": {"a": "1"}}},
        {"labelSelector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}},
        {"kinds": [{"apiGroups": [""], "kinds": ["Job"]}]},
        {"source": "bad"},
    ]
)


def values_of(value: Any) -> Any:
    """A value as a mutator has it: numbers as Go holds them, int64 or float64."""
    if isinstance(value, dict):
        return {key: values_of(one) for key, one in value.items()}
    if isinstance(value, list):
        return [values_of(one) for one in value]
    if isinstance(value, str) and value.startswith("@"):
        number = json.loads(value[1:-1])
        if number == float("inf"):
            return 1.5
        return number if -(2**63) <= number < 2**63 else float(number)
    return value


@st.composite
def resources(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(
        st.sampled_from(["Assign", "AssignMetadata", "ModifySet", "AssignImage"])
    )
    location = draw(LOCATIONS)
    parameters: dict[str, Any] = {}
    if kind == "AssignMetadata":
        location = draw(
            st.sampled_from(["metadata.labels.a", "metadata.annotations.b"])
        )
        parameters["assign"] = draw(ASSIGN | st.just({"value": "1"}))
    elif kind == "Assign":
        location = draw(st.sampled_from([location, location, "kind", "apiVersion"]))
        parameters["assign"] = values_of(draw(ASSIGN))
    elif kind == "ModifySet":
        parameters["operation"] = draw(st.sampled_from(["merge", "prune"]))
        members = values_of(draw(st.lists(VALUES, max_size=3)))
        parameters["values"] = {"fromList": members}
    else:
        parameters["assignTag"] = draw(st.sampled_from([":v1", ""]))
        parameters["assignPath"] = draw(st.sampled_from(["team/app", ""]))
        parameters["assignDomain"] = draw(st.sampled_from(["x.io", ""]))
    nodes = location.split(".")
    parameters["pathTests"] = [
        {"subPath": ".".join(nodes[:depth]), "condition": condition}
        for depth, condition in draw(
            st.lists(
                st.tuples(
                    st.integers(1, len(nodes)),
                    st.sampled_from(["MustExist", "MustNotExist"]),
                ),
                max_size=1,
            )
        )
    ]
    spec = {
        "applyTo": APPLY_TO,
        "location": location,
        "match": draw(MATCHES),
        "parameters": parameters,
    }
    if kind == "AssignMetadata":
        del spec["applyTo"], parameters["pathTests"]
    return {"kind": kind, "spec": spec}


@settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
@given(
    drawn=st.lists(resources(), min_size=1, max_size=4),
    obj=OBJECTS,
    annotate=st.booleans(),
)
def test_both_forms_agree(
    drawn: list[dict[str, Any]], obj: dict[str, Any], annotate: bool
) -> None:
    """Whatever the object and the mutators, answers, log and order are the same."""
    known: list[dict[str, Any]] = []
    for index, one in enumerate(drawn):
        resource = {**one, "metadata": {"name": f"m{index}", "generation": index}}
        try:
            parse_mutator(resource)
        except MutatorError:
            continue
        known.append(resource)
    body = body_of(obj)
    if b"1e400" in body:
        return
    expected, plain = compare(known, body, annotate=annotate)
    event(f"plain: {plain}, patched: {bool(expected.response.patch)}")

    if not plain and b"." not in body and not re.search(rb"\d[eE]|-0|\d{19}", body):
        held = json.dumps(known)
        assert not expected.response.allowed or re.search(r"\d\.|\d[eE]|\d{19}", held)


def test_number_beyond_float64() -> None:
    """What Go refuses is refused, also where no mutator looks."""
    body = body_of({"apiVersion": "v1", "kind": "Pod", "n": "@1e400@"})

    assert mutated(body, LIBRARY.evaluation(), context([], annotate=False), 1) is None


def test_no_mutator_for_the_kind() -> None:
    """Objects that no mutator is for are answered without being looked into."""
    body = body_of({"apiVersion": "v1", "kind": "Node", "spec": [1.5, {}]})
    answer = mutated(body, LIBRARY.evaluation(), context([], annotate=False), 1)

    assert answer is not None
    assert b"Resource was not mutated" in answer.body


def test_set_to_what_it_was_counts() -> None:
    """A mutator that sets the value that is there is named with those that change it,
    whatever the kind; one whose test fails is not."""
    shared: dict[str, Any] = {"applyTo": APPLY_TO, "location": "spec.image"}
    tests = [{"subPath": "spec.none", "condition": "MustExist"}]
    drawn = [
        ("AssignImage", "a", {**shared, "parameters": {"assignPath": "team/app"}}),
        ("Assign", "b", {**shared, "parameters": {"assign": {"value": "team/app"}}}),
        (
            "Assign",
            "c",
            {**shared, "location": "spec.x", "parameters": {"assign": {"value": 1}}},
        ),
        (
            "Assign",
            "d",
            {
                **shared,
                "location": "spec.none",
                "parameters": {"assign": {"value": 1}, "pathTests": tests},
            },
        ),
    ]
    resources = [
        {"kind": kind, "metadata": {"name": name}, "spec": spec}
        for kind, name, spec in drawn
    ]
    pod = {"apiVersion": "v1", "kind": "Pod", "spec": {"image": "team/app"}}

    expected, plain = compare(resources, body_of(pod), annotate=True)

    assert plain
    names = [[one.id.name for one in each] for each in expected.passes]
    assert names == [["b", "c", "a"]]

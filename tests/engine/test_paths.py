"""Where paths of the input lead is remembered, and no longer than it holds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gatewright._native.core import Doc
from gatewright.engine.limits import Limits
from gatewright.engine.policy import compile_policy
from gatewright.engine.reviews import Library, LibraryBuilder, Reviewer
from gatewright.plan import passes

NAMED = """package template
violation contains {"msg": msg} if {
    some x in input.parameters.xs
    msg := sprintf("%v %v", [x, input.review.object.name])
}"""
REPLACED = """package template
violation contains {"msg": input.review.object.name}
violation contains {"msg": msg} if {
    some x in ["b", "c"]
    msg := sprintf("as %v", [inner]) with input.review.object.name as x
}
violation contains {"msg": msg} if {
    msg := sprintf("with %v", [inner]) with input as {"review": {"object": {"name": "d"}}}
}
violation contains {"msg": "gone"} if {
    not inner with input as {}
}
inner := input.review.object.name
"""


@pytest.fixture(params=["", "paths", "quiet"])
def reviewer(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Reviewer:
    """Of two policies and two documents; with all there is, and less one."""
    without = frozenset(filter(None, [request.param]))
    monkeypatch.setattr(passes, "WITHOUT", without)
    builder = LibraryBuilder()
    for text in (NAMED, REPLACED):
        builder.add_policy(compile_policy({"p.rego": text}))
    for parameters in ({"xs": ["p"]}, {"xs": ["q", "r"]}, {}):
        builder.add_document(parameters)
    return Library(builder.build()).evaluation(Limits())


def messages(reviewer: Reviewer, calls: list[tuple[int, int]]) -> list[list[str]]:
    out = []
    for outcome in reviewer.run(calls):
        assert isinstance(outcome, tuple)
        out.append([message for message, _ in outcome])
    return out


def body(name: Any) -> bytes:
    return json.dumps({"object": {"name": name}}).encode()


def test_each_call_has_its_parameters(reviewer: Reviewer) -> None:
    """A path below `parameters` leads elsewhere in the next call."""
    reviewer.load_review(body("a"))

    found = messages(reviewer, [(0, 0), (0, 1), (0, 2), (0, 0)])
    assert found == [["p a"], ["q a", "r a"], [], ["p a"]]


def test_each_review_is_its_own(reviewer: Reviewer) -> None:
    """One that is shorter, and one where nothing is found, in the same memory."""
    reviewer.load_review(body("a"))
    assert messages(reviewer, [(0, 0)]) == [["p a"]]
    reviewer.load_review(b'{"object":{}}')
    assert messages(reviewer, [(0, 0)]) == [[]]
    reviewer.load_review(body("another"))
    assert messages(reviewer, [(0, 0)]) == [["p another"]]


def test_a_review_that_is_set_counts(reviewer: Reviewer) -> None:
    """A part of the one that was read, or another document."""
    read = reviewer.load_review(
        b'{"object":{"name":"a"},"other":{"object":{"name":"b"}}}'
    )
    assert messages(reviewer, [(0, 0)]) == [["p a"]]
    part = read.get("other")
    assert isinstance(part, Doc)
    reviewer.set_review(part)
    assert messages(reviewer, [(0, 0)]) == [["p b"]]
    reviewer.set_review(Doc.from_python({"object": {"name": "c"}}))
    assert messages(reviewer, [(0, 0)]) == [["p c"]]


def test_with_puts_another_input_in_place(reviewer: Reviewer) -> None:
    """And after it the first one is there again."""
    reviewer.load_review(body("a"))

    found = messages(reviewer, [(1, 0), (1, 0)])
    assert found[0] == found[1] == ["a", "as b", "as c", "gone", "with d"]


def test_each_question_has_its_input() -> None:
    """A prepared query is asked again with another document, or with none."""
    query = compile_policy({"p.rego": "package p\nv := input.a.b"}).prepare_query(
        "x := data.p.v; x == input.a.b"
    )
    for value in (1, "two", None, [3]):
        assert query.run(input={"a": {"b": value}}) == [{"x": value}]
        assert query.run(input={"a": {}}) == []
        assert query.run() == []

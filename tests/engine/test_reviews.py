"""Libraries of policies, asked for violations as Gatekeeper asks."""

from __future__ import annotations

import gc
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from gatewright._native.core import Doc
from gatewright.engine.errors import BudgetExceeded, EvalError, MessageError
from gatewright.engine.limits import Limits
from gatewright.engine.policy import RegoVersion, compile_policy
from gatewright.engine.reviews import Library, LibraryBuilder, Reviewer
from gatewright.engine.values import Set

LABELS = """
violation[{"msg": msg, "details": {"missing_labels": missing}}] {
    provided := {label | input.review.object.metadata.labels[label]}
    required := {label | label := input.parameters.labels[_]}
    missing := required - provided
    count(missing) > 0
    msg := sprintf("you must provide labels: %v", [missing])
}
"""
REVIEW = b'{"object":{"metadata":{"labels":{"a":"1","b":"2"}}},"n":3000000}'


def library(*policies: str, documents: Any = ({},), data: Any = None) -> Library:
    """Policies of `package template`, without their package line, in v0."""
    builder = LibraryBuilder()
    for text in policies:
        policy = compile_policy(
            {"template": f"package template\n{text}"},
            version=RegoVersion.V0,
            messages="gatekeeper",
        )
        builder.add_policy(policy)
    for document in documents:
        builder.add_document(document)
    return Library(builder.build(meta=b"meta", data=data))


def reviewer(
    *policies: str, documents: Any = ({},), data: Any = None, **limits: Any
) -> Reviewer:
    made = library(*policies, documents=documents, data=data).evaluation(
        Limits(**limits)
    )
    made.load_review(REVIEW)
    return made


def one(text: str) -> Any:
    return reviewer(text).run([(0, 0)])[0]


def test_parameters_and_review() -> None:
    made = reviewer(LABELS, documents=({"labels": ["b", "z"]}, {"labels": ["a"]}, {}))

    assert made.run([(0, 0), (0, 1), (0, 2)]) == [
        (('you must provide labels: {"z"}', {"missing_labels": Set(["z"])}),),
        (),
        (),
    ]


def test_numbers_of_reviews_went_through_float64() -> None:
    text = 'violation[{"msg": msg}] { msg := sprintf("%v", [input.review.n]) }'

    assert one(text) == (("3e+06", {}),)


def test_members_without_message_do_not_count() -> None:
    text = """
    violation[{"msg": "yes"}] { true }
    violation[{"message": "no"}] { true }
    violation["text"] { true }
    violation[{"msg": ""}] { true }
    """
    assert one(text) == (("", {}), ("yes", {}))


def test_equal_message_and_details_once() -> None:
    text = """
    violation[{"msg": "m", "x": x}] { x := [1, 2, 3][_] }
    violation[{"msg": "m", "details": {"d": x}}] { x := [1, 2, 1.0][_] }
    """
    assert one(text) == (("m", {}), ("m", {"d": 1}), ("m", {"d": 2}))


def test_keys_of_an_object_count_as_members() -> None:
    assert one('violation[{"msg": x}] = 1 { x := ["b", "a"][_] }') == (
        ("a", {}),
        ("b", {}),
    )


def test_message_that_is_no_string() -> None:
    found = one('violation[{"msg": x}] { x := ["a", 5][_] }')

    assert isinstance(found, MessageError)
    assert str(found) == (
        "extracting message binding: .msg accessor error: 5 is of the type"
        " json.Number, expected string"
    )


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ('{"a": "b"}', "map[a:b] is of the type map[string]interface {}"),
        ('[1, "x", true, null]', "[1 x true <nil>] is of the type []interface {}"),
        ("true", "true is of the type bool"),
        ("null", "<nil> is of the type <nil>"),
        ("1.50", "1.50 is of the type json.Number"),
    ],
)
def test_how_go_shows_a_message(message: str, shown: str) -> None:
    assert f"accessor error: {shown}, expected string" in str(
        one(f'violation[{{"msg": {message}}}] {{ true }}')
    )


def test_evaluation_error_is_that_of_its_call() -> None:
    text = """
    f(x) = 1 { true }
    f(x) = 2 { input.parameters.bad }
    violation[{"msg": "m"}] { f(1) == 1 }
    """
    made = reviewer(text, documents=({"bad": True}, {}))
    bad, good = made.run([(0, 0), (0, 1)])

    assert isinstance(bad, EvalError)
    assert bad.code == "eval_conflict_error"
    assert str(bad).startswith("template:4: eval_conflict_error: ")
    assert str(bad).endswith(
        "functions must not produce multiple outputs for same inputs"
    )
    assert good == (("m", {}),)


def test_failing_builtin_is_undefined() -> None:
    text = """
    violation[{"msg": "m"}] { to_number("abc") }
    violation[{"msg": "n"}] { 1 / 0 }
    """
    assert one(text) == ()


SLOW = """
violation[{"msg": "late"}] {
    input.parameters.slow
    n := numbers.range(1, 3000)
    count([1 | n[_] + n[_] == 1]) > 0
}
violation[{"msg": "quick"}] { not input.parameters.slow }
"""


def test_a_call_over_its_budget_is_alone() -> None:
    made = reviewer(SLOW, documents=({"slow": True}, {}))
    late, quick = made.run([(0, 0), (0, 1)], steps=100_000)

    assert isinstance(late, BudgetExceeded)
    assert late.reason == "steps"
    assert late.location is not None
    assert late.location[:2] == ("template", 6)
    assert quick == (("quick", {}),)


def test_a_call_over_the_memory_limit_is_alone() -> None:
    text = """
    violation[{"msg": "late"}] {
        input.parameters.slow
        n := numbers.range(1, 3000)
        count({[x, y, "padding"] | x := n[_]; y := n[_]}) > 0
    }
    violation[{"msg": "quick"}] { not input.parameters.slow }
    """
    made = reviewer(text, documents=({"slow": True}, {}), memory=1 << 23)
    for _ in range(3):
        hungry, quick = made.run([(0, 0), (0, 1)])

        assert isinstance(hungry, BudgetExceeded)
        assert hungry.reason == "memory"
        assert quick == (("quick", {}),)


def test_deadline_ends_all_that_is_left() -> None:
    made = reviewer(SLOW, documents=({"slow": True}, {}))
    outcomes = made.run([(0, 0), (0, 1)], deadline_ns=time.monotonic_ns() + 10_000_000)

    assert [outcome.reason for outcome in outcomes] == ["cancelled"] * 2  # type: ignore[union-attr]


def test_cancelling_from_another_thread() -> None:
    made = reviewer(SLOW, documents=({"slow": True},))
    timer = threading.Timer(0.05, made.cancel)
    timer.start()
    (outcome,) = made.run([(0, 0)])
    timer.join()

    assert isinstance(outcome, BudgetExceeded)
    assert outcome.reason == "cancelled"


def test_a_batch_may_be_run_in_pieces() -> None:
    calls = [(0, 0), (0, 1), (0, 0)]
    made = reviewer(LABELS, documents=({"labels": ["b", "z"]}, {"labels": ["a"]}))
    whole = made.run(calls)
    made.start(calls, steps=10_000)
    pieces = 1
    while not made.advance(1):
        pieces += 1

    assert made.outcomes() == whole
    assert pieces > 50


def test_base_data() -> None:
    text = """
    violation[{"msg": msg}] { msg := data.inventory.cluster.v1.Namespace[_].name }
    """
    inventory = {
        "cluster": {"v1": {"Namespace": {"b": {"name": "b"}, "a": {"name": "a"}}}}
    }
    made = reviewer(text, data={"inventory": inventory})

    assert made.run([(0, 0)]) == [(("a", {}), ("b", {}))]


def test_review_made_of_parts() -> None:
    text = 'violation[{"msg": msg}] { msg := sprintf("%v", [input.review]) }'
    made = reviewer(text)
    body: Any = made.load_review(b'{"request":{"b":1,"uid":"u"}}')
    made.set_review(
        made.with_keys(body.get("request"), {"a": None, "b": {"c": [True]}})
    )

    assert made.run([(0, 0)]) == [
        (('{"a": null, "b": {"c": [true]}, "uid": "u"}', {}),)
    ]


def test_documents_outlive_their_batch() -> None:
    """One that is kept keeps its memory, the image and foreign parts too."""
    made = reviewer(LABELS)
    kept = []
    for number in range(200):
        body: Any = made.load_review(b'{"request":{"object":{"n":%d}}}' % number)
        part = Doc.from_python({"part": number})
        kept.append(made.with_keys(body.get("request"), {"part": part}))
    del made, body, part
    gc.collect()

    assert [doc.python() for doc in kept] == [
        {"object": {"n": number}, "part": {"part": number}} for number in range(200)
    ]


def test_memory_is_free_once_released() -> None:
    made = reviewer(LABELS)
    made.load_review(b"[" + b"1.5," * 2_000_000 + b"1]")
    before = resident()
    made.release()

    assert before - resident() > 30_000_000


def test_many_batches_need_no_more_memory() -> None:
    """What a batch takes is free again, whatever its outcome."""
    conflict = """
    violation[{"msg": x}] { x := p }
    p = "a" { true }
    p = "b" { true }
    """
    made = reviewer(
        LABELS, conflict, SLOW, documents=({"labels": ["z"], "slow": True},)
    )

    def batch() -> None:
        made.load_review(REVIEW)
        made.run([(0, 0), (1, 0), (2, 0)], steps=2000)

    for _ in range(2000):
        batch()
    gc.collect()
    before = resident()
    for _ in range(20_000):
        batch()
    gc.collect()

    assert resident() - before < 2_000_000


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def test_threads_share_a_library() -> None:
    """Each with a reviewer of its own; results are those of one thread."""
    shared = library(
        LABELS, SLOW, documents=({"labels": ["z"]}, {"labels": ["a"], "slow": True})
    )
    calls = [(0, 0), (0, 1), (1, 0), (1, 1)]
    alone = shared.evaluation()
    alone.load_review(REVIEW)
    expected = repr(alone.run(calls, steps=50_000))
    wrong: list[str] = []

    def work() -> None:
        mine = shared.evaluation()
        for _ in range(50):
            mine.load_review(REVIEW)
            found = repr(mine.run(calls, steps=50_000))
            if found != expected:
                wrong.append(found)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not wrong


def test_the_gil_is_free_meanwhile() -> None:
    made = reviewer(SLOW, documents=({"slow": True},))
    counted = 0
    running = threading.Event()

    def count() -> None:
        nonlocal counted
        while not running.is_set():
            counted += 1

    thread = threading.Thread(target=count)
    thread.start()
    made.start([(0, 0)], steps=1 << 40)
    before = counted
    made.advance(20_000_000)
    during = counted - before
    running.set()
    thread.join()

    assert during > 1000

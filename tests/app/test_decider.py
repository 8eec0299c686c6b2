"""Decisions under a generation: where they run."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from gatewright.app.decider import LARGE, GenerationDecider
from gatewright.app.generation import Generation
from gatewright.app.installation import Installation
from gatewright.app.settings import Settings
from gatewright.constraints import policyset
from gatewright.engine.limits import Limits
from gatewright.telemetry.board import Board
from gatewright.telemetry.log import Log

MUTATOR = {
    "apiVersion": "mutations.gatekeeper.sh/v1",
    "kind": "Assign",
    "metadata": {"name": "m"},
    "spec": {
        "applyTo": [{"groups": [""], "versions": ["v1"], "kinds": ["Pod"]}],
        "location": "spec.hostNetwork",
        "parameters": {"assign": {"value": False}},
    },
}


@pytest.fixture
def decider() -> GenerationDecider:
    installation = Installation(policyset.Settings(), namespace="gatekeeper-system")
    key = ("mutations.gatekeeper.sh", "Assign", "", "m")
    assert not installation.apply({key: MUTATOR})
    board = Board(1)
    held = Generation(1, installation.build(), limits=Limits())
    board.set_word(Board.GENERATION, 1)
    return GenerationDecider.of(board, Settings(policies=Path()), held={1: held})


def body(size: int, **spec: Any) -> bytes:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}
    request = {
        "uid": "u",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "operation": "CREATE",
        "userInfo": {"username": "someone"},
        "object": pod,
    }
    return json.dumps({"request": request}).encode().ljust(size)


@pytest.mark.parametrize("endpoint", ["mutate", "admit", "admitlabel"])
def test_large_bodies_wait_for_the_pool(
    decider: GenerationDecider, endpoint: str
) -> None:
    """The event loop does not even read them; the answer is the usual one."""
    small = decider.start(endpoint, body(0), "application/json")
    large = decider.start(endpoint, body(LARGE + 1), "application/json")
    assert small is not None
    assert large is not None

    assert small.advance(1)
    assert not large.advance(1_000_000), "the loop's turn: nothing is done"
    assert large.advance(1_000_000)
    assert large.answer() == small.answer()
    large.close()


@pytest.mark.parametrize("value", [True, 1.0, "@"], ids=str)
def test_patch(decider: GenerationDecider, value: Any) -> None:
    """The patch is that of the object as it came, plain or decoded."""
    work = decider.start("mutate", body(0, hostNetwork=value), "application/json")
    assert work is not None
    assert work.advance(1)

    patch = json.loads(work.answer().body)["response"]["patch"]

    expected = [{"op": "replace", "path": "/spec/hostNetwork", "value": False}]
    assert expected == json.loads(b64decode(patch))


def shows_its_spec(name: str, message: str) -> dict[str, Any]:
    rego = f"""package p
violation[{{"msg": {message}, "details": input.review.object.spec}}] {{ true }}"""
    return {
        "apiVersion": "templates.gatekeeper.sh/v1",
        "kind": "ConstraintTemplate",
        "metadata": {"name": name.lower()},
        "spec": {
            "crd": {"spec": {"names": {"kind": name}}},
            "targets": [{"target": "admission.k8s.gatekeeper.sh", "rego": rego}],
        },
    }


def constraint(kind: str, action: str) -> dict[str, Any]:
    return {
        "apiVersion": "constraints.gatekeeper.sh/v1beta1",
        "kind": kind,
        "metadata": {"name": f"c-{action}"},
        "spec": {"enforcementAction": action},
    }


@pytest.mark.parametrize("action", ["deny", "warn", "dryrun"])
@pytest.mark.parametrize("depth", [100, 240, 800, 5000])
@pytest.mark.parametrize(
    "message", ['"no"', 'base64.decode("/w==")'], ids=["ascii", "bytes"]
)
def test_what_is_logged_decides_nothing(action: str, depth: int, message: str) -> None:
    """However deep the details are, and whatever bytes the message holds."""
    installation = Installation(policyset.Settings(), namespace="gatekeeper-system")
    objects = [shows_its_spec("Shown", message), constraint("Shown", action)]
    keys = [
        ("templates.gatekeeper.sh", "ConstraintTemplate", "", "shown"),
        ("constraints.gatekeeper.sh", "Shown", "", f"c-{action}"),
    ]
    assert not installation.apply(dict(zip(keys, objects, strict=True)))
    board = Board(1)
    held = Generation(1, installation.build(), limits=Limits())
    board.set_word(Board.GENERATION, 1)
    answers = []
    lines: list[bytes] = []
    for log_denies in (False, True):
        settings = Settings(policies=Path(), log_denies=log_denies)
        decider = GenerationDecider.of(board, settings, held={1: held})
        deep = body(0, deep="@").replace(b'"@"', b"[" * depth + b"]" * depth)
        work = decider.start("admit", deep, "application/json")
        assert work is not None
        assert work.advance(1_000_000)
        answers.append(work.answer())
        work.close()
    for event in answers[1].events:
        Log("webhook", write=lines.append).info(event.message, **event.fields)

    assert answers[0].body == answers[1].body
    assert json.loads(answers[0].body)["response"]["allowed"] is (action != "deny")
    assert [json.loads(line)["constraint_kind"] for line in lines] == ["Shown"]

"""Gaps in which requests may have got no verdict, and what was written in them."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from gatewright.audit.gaps import written_in
from gatewright.kube.heartbeat import (
    DOUBTS,
    GAPS,
    MISSED,
    NEWCOMER,
    SINCE,
    Gap,
    doubts_in,
    gaps_in,
    next_beat,
    without,
)

CASES = yaml.safe_load(Path(__file__).with_name("gaps.yaml").read_text("utf-8"))
NOON = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)


def at(seconds: int) -> datetime.datetime:
    return NOON + datetime.timedelta(seconds=seconds)


def stamp(seconds: int) -> str:
    return at(seconds).strftime("%Y-%m-%dT%H:%M:%SZ")


def lease(case: dict[str, Any]) -> dict[str, Any]:
    notes = {}
    if "since" in case:
        notes[SINCE] = stamp(case["since"])
    if "missed" in case:
        notes[MISSED] = "true"
    if case.get("newcomer"):
        notes[NEWCOMER] = "true"
    if "doubts" in case:
        notes[DOUBTS] = json.dumps(
            [[stamp(a), stamp(b), beat] for a, b, beat in case["doubts"]]
        )
    if "gaps" in case:
        notes[GAPS] = json.dumps([[stamp(a), stamp(b)] for a, b in case["gaps"]])
    fields = [{"manager": "old", "time": stamp(0)}, {"time": stamp(case["beat"])}]
    spec = {"leaseTransitions": case.get("beats", 1)}
    return {"metadata": {"annotations": notes, "managedFields": fields}, "spec": spec}


def shown(gaps: list[Gap]) -> list[list[int]]:
    return [
        [int((one - NOON).total_seconds()) for one in (gap.start, gap.end)]
        for gap in gaps
    ]


@pytest.mark.parametrize("case", CASES["beats"], ids=lambda case: case["note"])
def test_gaps_of_a_heartbeat(case: dict[str, Any]) -> None:
    found = gaps_in(lease(case))

    assert shown(found) == case["expect"]
    # The next beat takes them over, and begins a new stretch.
    body = next_beat(lease(case), "me", missed=None, there_since=1)
    assert body["metadata"]["annotations"][SINCE] == stamp(case["beat"])
    body["metadata"]["managedFields"] = [{"time": stamp(case["beat"] + 3)}]
    assert gaps_in(body) == found


def test_a_miss_reaches_back_to_a_beat_before_it() -> None:
    body = next_beat(
        lease({"beat": 100, "since": 97}), "me", missed=at(94), there_since=1
    )
    body["metadata"]["managedFields"] = [{"time": stamp(103)}]

    assert shown(gaps_in(body)) == [[94, 103]]


@pytest.mark.parametrize("case", CASES["doubts"], ids=lambda case: case["note"])
def test_doubts_are_taken_back_or_become_gaps(case: dict[str, Any]) -> None:
    """By the next beat, of who was `there` since a beat of that number."""
    found = lease(case)

    assert shown(gaps_in(found)) == case["gaps_before"]
    body = next_beat(found, "me", missed=None, there_since=case.get("there"))
    body["metadata"]["managedFields"] = [{"time": stamp(case["next"])}]
    assert shown(gaps_in(body)) == case["gaps_after"]
    left = [[*shown([Gap(one.start, one.end)])[0], one.beat] for one in doubts_in(body)]
    assert left == case["doubts_after"]


def test_of_too_many_doubts_the_oldest_become_one() -> None:
    doubts = [[10 * n, 10 * n + 1, n] for n in range(22)]

    found = doubts_in(lease({"beat": 220, "beats": 30, "doubts": doubts}))

    assert len(found) == 20
    assert (found[0].start, found[0].end, found[0].beat) == (at(0), at(21), 0)


@pytest.mark.parametrize("case", CASES["audited"], ids=lambda case: case["note"])
def test_what_is_left_of_gaps(case: dict[str, Any]) -> None:
    gaps, done = ([Gap(at(a), at(b)) for a, b in case[one]] for one in ("gaps", "done"))

    assert shown(without(gaps, done)) == case["expect"]


@pytest.mark.parametrize("case", CASES["objects"], ids=lambda case: case["note"])
def test_what_was_written_in_a_gap(case: dict[str, Any]) -> None:
    metadata: dict[str, Any] = {"name": "x"}
    if "created" in case:
        metadata["creationTimestamp"] = stamp(case["created"])
    if "changed" in case:
        metadata["managedFields"] = [
            {"manager": "m"} if one is None else {"time": stamp(one)}
            for one in case["changed"]
        ]
    data = json.dumps({"kind": "A", "metadata": metadata}).encode()

    assert written_in(data, [Gap(at(100), at(200))]) is case["expect"]

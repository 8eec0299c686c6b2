"""Gaps in which requests may have got no verdict, and what was written in them."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from gatewright.audit.gaps import written_in
from gatewright.kube.heartbeat import GAPS, MISSED, SINCE, Gap, gaps_in, next_beat

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
    if "gaps" in case:
        notes[GAPS] = json.dumps([[stamp(a), stamp(b)] for a, b in case["gaps"]])
    fields = [{"manager": "old", "time": stamp(0)}, {"time": stamp(case["beat"])}]
    return {"metadata": {"annotations": notes, "managedFields": fields}}


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
    body = next_beat(lease(case), "me", missed=None)
    assert body["metadata"]["annotations"][SINCE] == stamp(case["beat"])
    body["metadata"]["managedFields"] = [{"time": stamp(case["beat"] + 3)}]
    assert gaps_in(body) == found


def test_a_miss_reaches_back_to_a_beat_before_it() -> None:
    body = next_beat(lease({"beat": 100, "since": 97}), "me", missed=at(94))
    body["metadata"]["managedFields"] = [{"time": stamp(103)}]

    assert shown(gaps_in(body)) == [[94, 103]]


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

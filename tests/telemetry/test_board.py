"""Counters of several processes, added up and printed."""

from __future__ import annotations

import os

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gatewright._native.edge import Bounds, Counters
from gatewright.telemetry.board import Board
from gatewright.telemetry.exposition import render
from gatewright.telemetry.metrics import place

COUNT = place("gatekeeper_validation_request_count_total")
TIME = place("gatekeeper_validation_request_duration_seconds")


def samples(board: Board) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample by name and labels, read by an independent parser."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(render(board).decode())
        for sample in family.samples
    }


def test_sums_over_processes() -> None:
    """What a forked process counts is there too, and rows add up."""
    board = Board(2)
    board.slot(0).add(COUNT.cell("false", "deny"))
    child = os.fork()
    if not child:
        board.slot(1).add(COUNT.cell("false", "deny"), 2)
        os._exit(0)
    os.waitpid(child, 0)

    labels = (("admission_dryrun", "false"), ("admission_status", "deny"))
    assert 3.0 == samples(board)[(COUNT.metric.name, labels)]


def test_histogram() -> None:
    """Buckets are cumulative, with sum and count."""
    board = Board(1)
    for seconds in (0.0005, 0.001, 0.0015, 99.0):
        board.slot(0).observe(TIME, TIME.cell("deny"), seconds)

    got = samples(board)
    name = TIME.metric.name
    status = ("admission_status", "deny")
    assert 2.0 == got[(f"{name}_bucket", (status, ("le", "0.001")))]
    assert 3.0 == got[(f"{name}_bucket", (status, ("le", "0.002")))]
    assert 4.0 == got[(f"{name}_bucket", (status, ("le", "+Inf")))]
    assert 4.0 == got[(f"{name}_count", (status,))]


def test_every_cell_has_one_place() -> None:
    """No two series share a cell."""
    board = Board(1)
    row = board.row(0)
    for cell in range(len(row)):
        row[cell] = cell

    values = [
        value
        for (name, _), value in samples(board).items()
        if not name.endswith(("_bucket", "_sum", "_count"))
    ]
    assert len(values) == len(set(values))


def test_status_text() -> None:
    """The status text is taken whole."""
    board = Board(1)

    assert b"" == board.status()
    board.set_status(b'{"a":1}')
    assert b'{"a":1}' == board.status()


@pytest.mark.parametrize(
    "value", [0.0, 1e-9, 0.001, 0.0010001, 0.0095, 0.01, 5.0, 10.0, 10.5, 1e9]
)
def test_native_counters_count_the_same(value: float) -> None:
    series = place("gatekeeper_validation_request_duration_seconds")
    cell = series.cell("deny")
    board = Board(3)
    slots = [board.slot(number) for number in range(2)]
    counters = Counters(slots[1].cells)
    for amount in (1.0, -1.0, 2.5):
        slots[0].add(7, amount)
        counters.add(7, amount)
    for _ in range(3):
        slots[0].observe(series, cell, value)
        counters.observe(cell, Bounds(series.metric.buckets), value)

    assert list(slots[0].cells) == list(slots[1].cells)
    assert not any(board.slot(2).cells)


def test_a_cell_that_is_not_there_is_refused() -> None:
    slot = Board(1).slot(0)
    counters = Counters(slot.cells)
    for cell in (-1, len(slot.cells)):
        with pytest.raises(IndexError):
            counters.add(cell)
    for start in (-1, len(slot.cells) - 4):
        with pytest.raises(IndexError):
            counters.observe(start, Bounds([1.0, 2.0]), 0.5)

    assert not any(slot.cells)

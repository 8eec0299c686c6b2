"""What constraints cost: rows of several processes, their bound, and their text."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from gatewright.app.status_server import dearest
from gatewright.telemetry.board import Board
from gatewright.telemetry.costs import OTHERS, ROWS, Cost, Costs, Named, summed
from gatewright.telemetry.exposition import render

ONE = ("K8sOne", "one")
TWO = ("K8sTwo", "two")
ROOM = ROWS - 1


def add(costs: Costs, named: Named, seconds: float, steps: int) -> None:
    """An evaluation, as `Reviewer.tally` counts it."""
    at, numbers = costs.place(named), costs.numbers
    numbers[at] += 1.0
    numbers[at + 1] += seconds
    numbers[at + 2] += steps
    numbers[at + 3] = max(numbers[at + 3], seconds)


def test_rows_of_all_processes_add_up() -> None:
    """The longest is the longest of all, and what is only long is not counted."""
    board = Board(2)
    first, second = board.costs(0), board.costs(1)
    add(first, ONE, 0.25, 10)
    add(first, TWO, 0.5, 1)
    add(second, ONE, 0.5, 20)
    second.numbers[second.place(ONE) + 3] = 4.0

    assert summed([first, second]) == {
        ONE: Cost(2.0, 0.75, 30.0, 4.0),
        TWO: Cost(1.0, 0.5, 1.0, 0.5),
    }


def test_a_process_counts_on_in_the_rows_of_a_dead_one() -> None:
    """Rows are found by the names in them."""
    board = Board(1)
    add(board.costs(0), ONE, 0.25, 10)
    add(board.costs(0), TWO, 0.5, 1)
    add(board.costs(0), ONE, 0.25, 10)

    assert board.costs(0).read()[ONE] == Cost(2.0, 0.5, 20.0, 0.25)


def test_the_number_of_names_is_bounded() -> None:
    """What finds no row has none; a name that does not fit has none either."""
    costs = Board(1).costs(0)
    add(costs, ("K8sLong", "n" * 400), 1.0, 1)
    for number in range(ROOM + 5):
        add(costs, ("K8sOne", f"c{number}"), 1.0, 1)

    found = costs.read()
    assert len(found) == ROOM + 1
    assert found[OTHERS] == Cost(6.0, 6.0, 6.0, 1.0)


def test_rows_of_constraints_that_are_gone_are_used_again() -> None:
    """They are kept until somebody else wants them."""
    costs = Board(1).costs(0)
    for number in range(ROOM):
        add(costs, ("K8sOne", f"c{number}"), 1.0, 1)
    costs.keep(lambda: {("K8sOne", "c0")})
    assert len(costs.read()) == ROOM

    add(costs, TWO, 1.0, 1)
    costs.keep(lambda: {("K8sOne", "c0"), TWO})
    add(costs, TWO, 0.5, 1)

    assert costs.read() == {
        ("K8sOne", "c0"): Cost(1.0, 1.0, 1.0, 1.0),
        TWO: Cost(1.0, 0.5, 1.0, 0.5),
        OTHERS: Cost(1.0, 1.0, 1.0, 1.0),
    }


def test_the_sum_is_bounded_too() -> None:
    """Of more names than there are rows the dearest keep theirs."""
    board = Board(2)
    for number in range(ROOM):
        add(board.costs(0), ("K8sOne", f"c{number}"), 1.0, 1)
    add(board.costs(1), TWO, 2.0, 1)

    found = summed([board.costs(0), board.costs(1)])
    assert len(found) == ROOM + 1
    assert found[TWO].seconds == 2.0
    assert found[OTHERS].count == 1.0


def test_as_metrics() -> None:
    """An independent parser reads each series."""
    board = Board(1)
    add(board.costs(0), ONE, 0.25, 10)
    add(board.costs(0), ONE, 0.75, 30)

    got = {
        sample.name: sample.value
        for family in text_string_to_metric_families(render(board).decode())
        for sample in family.samples
        if sample.labels == {"constraint_kind": "K8sOne", "constraint_name": "one"}
    }
    name = "gatewright_constraint_evaluation"
    assert got == {
        f"{name}_seconds_sum": 1.0,
        f"{name}_seconds_count": 2.0,
        f"{name}_steps_total": 40.0,
        f"{name}_max_seconds": 0.75,
    }


def test_as_a_list() -> None:
    """The dearest come first."""
    board = Board(1)
    add(board.costs(0), ONE, 0.001, 10)
    add(board.costs(0), TWO, 0.003, 30)

    assert [(one["name"], one["share"], one["mean_us"]) for one in dearest(board)] == [
        ("two", 0.75, 3000.0),
        ("one", 0.25, 1000.0),
    ]

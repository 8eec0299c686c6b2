"""Each builtin is called as a hostile policy would, and ends within its budget."""

from __future__ import annotations

from typing import Any

import pytest

from gatewright.builtins.declarations import TABLE
from tests.builtins.hostility import ROWS, confined
from tests.builtins.test_declarations import elsewhere


def test_no_builtin_is_left_out() -> None:
    assert {row["call"] for row in ROWS} == TABLE.keys() - elsewhere().keys()


@pytest.mark.slow
@pytest.mark.parametrize(
    "row", ROWS, ids=[f"{i}-{row['call']}" for i, row in enumerate(ROWS)]
)
def test_it_ends_within_its_budget(row: dict[str, Any]) -> None:
    ending = confined(row)

    assert ending.how == row["ends"], ending.text

"""The order of equal results is Go's."""

from __future__ import annotations

import pytest

from gatewright.constraints.gosort import sort_like_go
from tests.constraints import samples

VECTORS: list[dict[str, list[int]]] = samples.cases("gosort")  # type: ignore[assignment]


@pytest.mark.parametrize("vector", VECTORS, ids=range(len(VECTORS)))
def test_places(vector: dict[str, list[int]]) -> None:
    items = list(enumerate(vector["keys"]))
    found = [place for place, _ in sort_like_go(items, key=lambda item: item[1])]

    assert found == vector["places"]

from collections.abc import Mapping, Sequence
from typing import TypeVar

from gatewright._native.evaluation import Evaluation

_K = TypeVar("_K")

def tally(
    evaluation: Evaluation,
    names: Sequence[_K],
    places: Mapping[_K, int],
    numbers: memoryview[float],
    *,
    counted: bool,
    slow: float,
) -> list[tuple[int, float, int]]: ...

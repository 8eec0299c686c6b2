from collections.abc import Sequence

from gatewright._native.evaluation import Evaluation

def lines_of(
    evaluation: Evaluation,
    heads: Sequence[tuple[int, int, bytes]],
    replaced: dict[int, bytes],
) -> tuple[int, bytes, bytes] | None: ...

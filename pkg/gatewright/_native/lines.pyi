from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar

from gatewright._native.evaluation import Evaluation

_E = TypeVar("_E")
_Location: TypeAlias = tuple[str, int, int]

def failures_of(
    evaluation: Evaluation,
    make_error: Callable[[str, str, Any, _Location | None, BaseException | None], _E],
) -> list[tuple[int, _E]]: ...
def lines_of(
    evaluation: Evaluation,
    heads: Sequence[tuple[int, int, bytes]],
    replaced: dict[int, bytes],
) -> tuple[int, bytes, bytes] | None: ...

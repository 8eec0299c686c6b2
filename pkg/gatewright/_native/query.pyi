from collections.abc import Sequence
from typing import Any, TypeAlias

from gatewright._native.evaluation import Evaluation

_Location: TypeAlias = tuple[str, int, int]
_Failure: TypeAlias = tuple[str, str, Any, _Location | None, BaseException | None]

def run_query(
    evaluation: Evaluation,
    function: int,
    value: Any,
    steps: int,
    stretch: int,
    deadline: int,
) -> tuple[Any, _Failure | None, Sequence[tuple[str, str, _Location | None]]]: ...

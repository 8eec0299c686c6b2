from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar

from gatewright._native.evaluation import Evaluation

_E = TypeVar("_E")
_Location: TypeAlias = tuple[str, int, int]
_MakeError: TypeAlias = Callable[
    [str, str, Any, _Location | None, BaseException | None], _E
]

def costs_of(evaluation: Evaluation) -> list[tuple[int, int]]: ...
def violations_of(
    evaluation: Evaluation, make_error: _MakeError[_E]
) -> list[Sequence[tuple[str, Any]] | _E]: ...

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias, final

from gatewright._native.document import Doc
from gatewright._native.image import Image

_Location: TypeAlias = tuple[str, int, int]
_Failure: TypeAlias = tuple[str, str, Any, _Location | None, BaseException | None]
_Conclude: TypeAlias = Callable[
    [Any, _Failure | None, Sequence[tuple[str, str, _Location | None]], bool, Any], Any
]

class _Limits(Protocol):
    @property
    def steps(self) -> int: ...
    @property
    def memory(self) -> int: ...
    @property
    def seconds(self) -> float | None: ...

@final
class Question:
    def __init__(
        self,
        image: Image,
        function: int,
        *,
        idle: list[Any],
        limits: _Limits,
        make_context: Callable[[], object],
        conclude: _Conclude,
        strict: Callable[[], Question] | None = None,
        quiet: bool = True,
        paths: bool = True,
    ) -> None: ...
    def ask(
        self,
        *,
        input: Any = ...,  # noqa: A002 - Rego's name for it
        data: Any | Doc | None = None,
        limits: _Limits | None = None,
        strict_builtin_errors: bool = False,
        context: object = None,
        collected: Any = None,
    ) -> Any: ...
    def ask_json(
        self,
        *,
        input: Any = ...,  # noqa: A002 - Rego's name for it
        data: Any | Doc | None = None,
        limits: _Limits | None = None,
        strict_builtin_errors: bool = False,
        context: object = None,
        collected: Any = None,
    ) -> Any: ...

from collections.abc import Mapping, Sequence
from typing import Any, Final, final

from gatewright._native.document import Doc
from gatewright._native.evaluation import Evaluation

SETTINGS: Final[Mapping[str, int]]

class NotPlain(Exception): ...

@final
class Edit:
    def __new__(
        cls,
        way: Sequence[tuple[str, tuple[str | int, ...] | None, int]],
        setting: str,
        value: Any = ...,
        *,
        only_missing: bool = ...,
    ) -> Edit: ...
    def apply(
        self, evaluation: Evaluation, doc: Doc, given: str | None = ...
    ) -> Doc | None: ...

def alike(a: Doc, b: Doc) -> bool: ...
def share(a: Doc, b: Doc, names: tuple[bytes, ...]) -> bool: ...

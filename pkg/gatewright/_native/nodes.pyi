from collections.abc import Sequence
from typing import Any

def construct(
    kind: type, fields: Sequence[tuple[str, Any]], needed: object
) -> None: ...

from collections.abc import Iterable
from typing import final

@final
class Roster:
    count: int
    spoken: bool
    def __new__(
        cls,
        calls: Iterable[tuple[int, int]],
        heads: Iterable[tuple[int, int, bytes] | None],
    ) -> Roster: ...
    def __len__(self) -> int: ...

from typing import Any, Self, final

@final
class Layout:
    def __new__(
        cls, source: Any = None, start: int = 0, shares: bool = False
    ) -> Self: ...
    @property
    def used(self) -> int: ...
    @property
    def room(self) -> int: ...

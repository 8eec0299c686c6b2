from typing import final

@final
class Splitter:
    def __init__(
        self,
        keywords: dict[str, int],
        punctuation: dict[str, int],
        *,
        ident: int,
        number: int,
        string: int,
        raw: int,
    ) -> None: ...
    def run(
        self,
        text: str,
        at: int,
        braces: bool,
        kinds: list[int],
        starts: list[int],
        ends: list[int],
        texts: list[str],
        comments: list[tuple[int, int]],
    ) -> int: ...

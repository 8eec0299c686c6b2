from collections.abc import Callable

from gatewright._native.arrival import Arrival
from gatewright._native.roster import Roster

def answer_of(
    arrival: Arrival,
    roster: Roster,
    words: Callable[[str, str, tuple[str, int, int] | None], bytes],
) -> tuple[bytes, bool, int] | None: ...

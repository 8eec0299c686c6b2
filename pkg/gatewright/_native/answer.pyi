from gatewright._native.arrival import Arrival
from gatewright._native.roster import Roster

def answer_of(
    arrival: Arrival, roster: Roster, replaced: dict[int, bytes] | None = None
) -> tuple[bytes, bool, int] | None: ...

"""What this pod has to tell of each policy object, and what of that is new.  Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from gatewright.constraints.crd import CONSTRAINT_GROUP
from gatewright.controllers.holdings import Holdings, ObjectKey
from gatewright.controllers.kinds import CONFIG, POD_STATUS
from gatewright.controllers.podstatus import Fault, Told

__all__ = ["Reports", "template_fault"]

_INGEST: Final = "Could not ingest Rego: "
_PLACE: Final = re.compile(r"\b(template|libs[\w.\[\]\"]*):\d+\b")


def template_fault(code: str, message: str) -> Fault:
    """The error of a template, with Gatekeeper's codes and prefix, and the place that
    its message names first."""
    said = f"{_INGEST}{message}" if code == "ingest_error" else message
    place = _PLACE.search(message)
    return Fault(said, code=code, location=place[0] if place else "")


class Reports:
    """Remembers what was told."""

    def __init__(self) -> None:
        self.told: dict[ObjectKey, Told] = {}

    def news(
        self,
        holdings: Holdings,
        *,
        fault: Callable[[ObjectKey], Fault | None],
        in_force: Callable[[ObjectKey], bool],
        called: Callable[[ObjectKey], bool] = lambda _: True,
        config: Iterable[str] = (),
        at: str = "",
    ) -> tuple[list[Told], list[ObjectKey]]:
        """What is new since the last call, and which objects are gone.

        `fault` is what keeps an object, as written, from being in force; `in_force`
        whether it is, as written or in an earlier form; `called` whether the API server
        sends what a constraint, as written, has to judge, or a mutator to change; `config` what is wrong with
        the kinds that Config and SyncSets name; `at` the time now (RFC 3339).
        """
        now: dict[ObjectKey, Told] = {}
        for kind, state in holdings.kinds.items():
            group, version, name = kind
            if version or group not in POD_STATUS:
                continue
            for place, held in state.objects.items():
                key: ObjectKey = (group, name, *place)
                meta = held.metadata
                faults = [one] if (one := fault(key)) is not None else []
                if group == CONFIG.group:
                    faults += [Fault(said) for said in config]
                before = self.told.get(key)
                # As with Gatekeeper an error later does not take `enforced` back:
                # the earlier form goes on to be enforced.
                sticky = (
                    before is not None
                    and before.uid == meta.uid
                    and before.enforced
                    and group == CONSTRAINT_GROUP
                )
                if not faults and not called(key):
                    if sticky:  # of this form nothing is told before it is sent
                        assert before is not None
                        now[key] = before
                        continue
                    enforced = False
                else:
                    enforced = sticky or (in_force(key) and not faults)
                since = at if faults else ""
                if before is not None and before.faults == tuple(faults):
                    since = before.since
                now[key] = Told(
                    key, meta.uid, meta.generation, enforced, tuple(faults), since
                )
        fresh = [one for key, one in now.items() if self.told.get(key) != one]
        gone = [key for key in self.told if key not in now]
        self.told = now
        return fresh, gone

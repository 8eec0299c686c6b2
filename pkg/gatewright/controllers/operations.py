"""Which duties a pod has: `--operation`, with Gatekeeper's names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

__all__ = [
    "ALL",
    "AUDIT",
    "MUTATION_WEBHOOK",
    "WEBHOOK",
    "OperationError",
    "Operations",
]

AUDIT: Final = "audit"
GENERATE: Final = "generate"
MUTATION_CONTROLLER: Final = "mutation-controller"
MUTATION_STATUS: Final = "mutation-status"
MUTATION_WEBHOOK: Final = "mutation-webhook"
STATUS: Final = "status"
WEBHOOK: Final = "webhook"
KNOWN: Final = (
    AUDIT,
    GENERATE,
    MUTATION_CONTROLLER,
    MUTATION_STATUS,
    MUTATION_WEBHOOK,
    STATUS,
    WEBHOOK,
)
#: What a pod that names none does; `mutation-controller` is implied by the others.
ALL: Final = tuple(one for one in KNOWN if one != MUTATION_CONTROLLER)


class OperationError(ValueError):
    """An operation that there is not."""


class Operations:
    """The duties of one pod.  Each of `names` may be a list with commas; raises
    OperationError."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        wanted = [one.strip() for name in names for one in name.split(",")]
        wanted = [one for one in wanted if one] or list(ALL)
        for one in wanted:
            if one not in KNOWN:
                raise OperationError(
                    f"{one!r} is no operation; known are {', '.join(KNOWN)}"
                )
        self.names = tuple(sorted(set(wanted)))

    def __contains__(self, name: str) -> bool:
        """Whether the pod has this duty."""
        return name in self.names

    @property
    def policies(self) -> bool:
        """Whether templates and constraints are followed."""
        return any(one in self.names for one in (AUDIT, STATUS, WEBHOOK))

    @property
    def mutation(self) -> bool:
        """Whether mutators are followed."""
        return any(one.startswith("mutation-") for one in self.names)

"""A folder of policy files as a source."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from gatewright.app.folder import FolderError, FolderLimits, Look, look, read
from gatewright.app.installation import Fault, Installation, parse_file
from gatewright.app.ledger import FileError, Ledger, ObjectKey
from gatewright.app.patience import patience
from gatewright.app.source import Outcome, Trouble

__all__ = ["FolderSource"]

#: Seconds of CPU time for one file's text; one of 8 MiB takes some seconds.
PARSE_WITHIN: Final = 60.0


class FolderSource:
    """The files below `root`; see `folder` and `ledger`."""

    wakes: Sequence[int] = ()
    #: No files is a state, too.
    complete = True

    def __init__(self, root: Path) -> None:
        self.root = root
        self.limits = FolderLimits()
        self.ledger = Ledger(parse_patiently)
        self.seen: Look | None = None
        self.error = ""

    def look(self, now: float) -> bool:
        """Look at the folder; if it changed and holds still, propose what it says."""
        due = self.ledger.next_change()
        try:
            seen = look(self.root, limits=self.limits)
            if seen == self.seen and (due is None or due > now):
                self.error = ""
                return False
            reading = read(self.root, limits=self.limits)
        except FolderError as error:
            self.error = str(error)
            return False
        self.error = ""
        self.seen = reading.look
        return self.ledger.update(reading.data, reading.look.refused, now=now)

    def objects(self) -> Mapping[ObjectKey, Any]:
        return self.ledger.objects()

    def feed(self, installation: Installation, took: Callable[[float], None]) -> None:
        """Referential data are among the objects."""

    def reject(self, faults: Mapping[ObjectKey, Fault], *, now: float) -> bool:
        return self.ledger.reject({k: str(v) for k, v in faults.items()}, now=now)

    def accept(self, installation: Installation) -> None:  # noqa: ARG002 - a source's
        self.ledger.accept()

    def settled(self, installation: Installation, outcome: Outcome) -> None:
        """There is nobody to tell but the log."""

    def problem(self) -> str:
        return self.error

    def waiting(self) -> Sequence[Trouble]:
        return ()

    def troubles(self) -> Sequence[Trouble]:
        moment = time.time() - time.monotonic()
        return [
            Trouble("file", name, error, moment + since)
            for name, (error, since) in self.ledger.errors().items()
        ]

    def show(self, *, ready: bool, problem: str) -> None:
        """The probes say it; nobody else looks."""

    def synced(self) -> Mapping[str, tuple[int, int]]:
        """None; what is in files is counted with them."""
        return {}

    def cached(self) -> Sequence[tuple[str, str, str, str]]:
        """None; nobody audits by it."""
        return ()

    def measure(self, gauge: Callable[[str, float], None]) -> None:
        """Nothing of its own."""

    def undecided(self, *, mutation: bool) -> None:
        """Nobody audits by it."""

    def leave(self) -> None:
        """Nobody looks for it."""

    def close(self) -> None:
        """Nobody waits for it."""


def parse_patiently(name: str, content: bytes) -> list[tuple[ObjectKey, Any]]:
    """The objects of a file, whatever is in it.  Raises FileError."""
    try:
        with patience(PARSE_WITHIN):
            return parse_file(name, content)
    except FileError:
        raise
    except Exception as error:  # one bad file must not keep all others out
        raise FileError(f"{name}: {type(error).__name__}: {error}") from error

"""A query evaluated step by step, for who wants to see how: eval and test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gatewright.engine.search.events import Listener, Op
from gatewright.engine.traces.coverage import EARLY_EXIT, INDEX_EXCLUDED, Coverage
from gatewright.engine.traces.profile import LineProfile, Profile
from gatewright.engine.traces.query import TracedQuery
from gatewright.engine.traces.recorder import Record, Recorder, around

__all__ = ["EXPLAIN_MODES", "Observation", "Wanted", "explanation"]

#: What `--explain` takes.
EXPLAIN_MODES: Final = ("off", "full", "notes", "fails", "debug")


def explanation(mode: str, records: Sequence[Record]) -> list[Record]:
    """The steps that a mode of `--explain` shows."""
    if mode == "debug":
        return list(records)
    if mode == "full":
        return [record for record in records if record.op is not Op.UNIFY]
    ops = {"notes": {Op.NOTE}, "fails": {Op.FAIL}, "both": {Op.NOTE, Op.FAIL}}
    return around(records, ops.get(mode, set()))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be seen.  `explain`: a mode; `coverage`: the kinds of more runs, or
    None for no coverage; `order`, `limit`: of the profile."""

    explain: str = "off"
    values: bool = False
    coverage: tuple[str, ...] | None = None
    profile: bool = False
    order: Sequence[str] = ()
    limit: int = 10
    indexing: bool = True
    early_exit: bool = True

    @property
    def most(self) -> int | None:
        """Lines of the profile to show; None for all."""
        return self.limit if self.limit > 0 else None

    @property
    def anything(self) -> bool:
        return self.explain != "off" or self.coverage is not None or self.profile


@dataclass(slots=True)
class Observation:
    """What was seen of one query, over any number of evaluations."""

    wanted: Wanted
    coverage: Coverage | None = None
    records: list[Record] = field(default_factory=list)
    profiles: list[list[LineProfile]] = field(default_factory=list)
    cut: bool = False

    def __post_init__(self) -> None:
        if self.wanted.coverage is not None and self.coverage is None:
            self.coverage = Coverage(self.wanted.coverage)

    def solve(self, query: TracedQuery, **how: Any) -> Any:
        """`TracedQuery.solve`, seen."""
        wanted = self.wanted
        listeners: list[Listener] = []
        recorder = Recorder(values=wanted.values) if wanted.explain != "off" else None
        profile = Profile() if wanted.profile else None
        for listener in (recorder, profile):
            if listener is not None:
                listeners.append(listener)
        covering = [] if self.coverage is None else [self.coverage]
        remembered: dict[Any, Any] = {}
        try:
            solutions = query.solve(
                listeners=[*listeners, *covering],
                indexing=wanted.indexing,
                early_exit=wanted.early_exit,
                unifications=wanted.explain == "debug",
                remembered=remembered,
                **how,
            )
            self._more(query, listeners, remembered, how)
        finally:
            if recorder is not None:
                self.records += recorder.records
                self.cut |= recorder.cut
            if profile is not None:
                self.profiles.append(profile.lines(order=wanted.order))
        return solutions

    def _more(
        self,
        query: TracedQuery,
        listeners: list[Listener],
        remembered: dict[Any, Any],
        how: dict[str, Any],
    ) -> None:
        """Evaluate again with more definitions tried, to say why places were not.

        Steps and profile are of these evaluations too, as with `opa`.
        """
        if self.coverage is None:
            return
        silent = {**how, "collected": None, "strict_builtin_errors": False}
        for kind, coverage in self.coverage.kinds.items():
            query.solve(
                listeners=[*listeners, coverage],
                indexing=kind != INDEX_EXCLUDED and self.wanted.indexing,
                early_exit=kind != EARLY_EXIT and self.wanted.early_exit,
                remembered=remembered,
                **silent,
            )

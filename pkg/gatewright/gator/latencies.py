"""Results of a benchmark; times are in nanoseconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from gatewright.gator.stats import ConstraintCost, TemplateRun

__all__ = ["Latencies", "Memory", "Results", "Setup"]


@dataclass(frozen=True, slots=True)
class Setup:
    """What it took to load the input, step by step."""

    client: int = 0
    templates: int = 0
    constraints: int = 0
    data: int = 0

    @property
    def total(self) -> int:
        """Return the sum."""
        return self.client + self.templates + self.constraints + self.data


@dataclass(frozen=True, slots=True)
class Latencies:
    """How the times of reviews are distributed."""

    min: int = 0
    max: int = 0
    mean: int = 0
    p50: int = 0
    p95: int = 0
    p99: int = 0

    @classmethod
    def of(cls, times: Sequence[int]) -> Latencies:
        """Return the distribution of some times."""
        if not times:
            return cls()
        ordered = sorted(times)
        mean = sum(ordered) // len(ordered)
        marks = (_percentile(ordered, percent) for percent in (50, 95, 99))
        return cls(ordered[0], ordered[-1], mean, *marks)

    def items(self) -> list[tuple[str, int]]:
        """Return names and values in order."""
        return [(one.name, getattr(self, one.name)) for one in fields(self)]


def _percentile(ordered: Sequence[int], percent: int) -> int:
    # Between two ranks, in proportion.
    rank = percent / 100 * (len(ordered) - 1)
    lower = int(rank)
    if lower + 1 >= len(ordered):
        return ordered[-1]
    weight = rank - lower
    return int(ordered[lower] * (1 - weight) + ordered[lower + 1] * weight)


@dataclass(frozen=True, slots=True)
class Memory:
    """Allocations and bytes, of all reviews and of one."""

    total_allocations: int
    total_bytes: int
    allocations: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """One benchmark.  `total` is the time of all reviews; `stats` one iteration's,
    `profile` that of some iterations apart."""

    templates: int
    skipped_templates: Sequence[str]
    constraints: int
    skipped_constraints: Sequence[str]
    objects: int
    iterations: int
    concurrency: int
    setup: Setup
    total: int
    latencies: Latencies
    violations: int
    per_second: float
    memory: Memory | None = None
    stats: Sequence[TemplateRun] = ()
    profile: Sequence[ConstraintCost] = ()
    engine: str = "rego"

    @property
    def reviews(self) -> int:
        """Return how many reviews there were."""
        return self.iterations * self.objects

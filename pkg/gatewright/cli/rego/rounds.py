"""Many runs of one thing, and how long they took."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gatewright.cli.rego.boxes import table
from gatewright.rego.ast_json import dumps

__all__ = ["Rounds", "spread"]

_PARTS: Final = (("75%", 0.75), ("90%", 0.9), ("95%", 0.95), ("99%", 0.99))
_TAILS: Final = (("99.9%", 0.999), ("99.99%", 0.9999))
_TIMER: Final = "timer_rego_query_eval_ns"
_NAME: Final = f"histogram_{_TIMER}"


@dataclass(frozen=True, slots=True)
class Rounds:
    """Times of single runs, and of all together, in ns."""

    times: Sequence[int]
    total: int

    @classmethod
    def measure(cls, run: Callable[[], object], *, seconds: float = 1.0) -> Rounds:
        """Run again and again for about that long."""
        clock = time.perf_counter_ns
        times: list[int] = []
        begin = before = clock()
        end = begin + int(seconds * 1e9)
        while before < end:
            run()
            now = clock()
            times.append(now - before)
            before = now
        return cls(times, before - begin)

    @property
    def each(self) -> int:
        """The mean time of a run."""
        return self.total // len(self.times)

    def spread(self) -> dict[str, float]:
        """Quantiles and the like, by the names that opa gives them."""
        return {f"{_NAME}_{name}": value for name, value in spread(self.times).items()}

    def to_json(self) -> dict[str, Any]:
        """The result of a benchmark of Go: `Extra` is by operation."""
        return {
            "N": len(self.times),
            "T": self.total,
            "Bytes": 0,
            "MemAllocs": 0,
            "MemBytes": 0,
            "Extra": {f"{_TIMER}/op": self.total / len(self.times)},
        }

    def line(self, path: str, *, camel: bool) -> str:
        """The result as a line of Go's benchmarks, by the path of a test."""
        if camel:
            parts = path.replace("_", ".").split(".")
            path = "Benchmark" + "".join(part[:1].upper() + part[1:] for part in parts)
        each = self.total / len(self.times)
        shown = f"{each:10.0f}" if each >= 1000 else f"{each:10.1f}"
        parts = [path, f"{len(self.times):8}", f"{shown} ns/op"]
        return "\t".join([*parts, f"{shown} {_TIMER}/op"]) + "\n"

    def show(self, form: str, *, metrics: bool) -> str:
        """The report as pretty text, as JSON, or as a line of Go's benchmarks."""
        extra = self.spread() if metrics else {}
        if form == "json":
            report: dict[str, Any] = {
                "N": len(self.times),
                "T": self.total,
                "Bytes": 0,
                "MemAllocs": 0,
                "MemBytes": 0,
                "Extra": extra,
            }
            return dumps(report) + "\n"
        if form == "gobench":
            parts = [f"{len(self.times):8}", f"{self.each:10} ns/op"]
            parts += [f"{value:10.0f} {name}" for name, value in extra.items()]
            return "\t".join(["BenchmarkOPAEval", *parts]) + "\n"
        rows = [("samples", str(len(self.times))), ("ns/op", str(self.each))]
        rows += [(name, f"{value:.0f}") for name, value in extra.items()]
        return table((), rows, numbers=True)


def spread(times: Sequence[int]) -> dict[str, Any]:
    """Quantiles, mean and the like of some numbers."""
    rows = sorted(times)
    found: dict[str, Any] = {
        name: _quantile(rows, part) for name, part in (*_PARTS, *_TAILS)
    }
    found |= {
        "count": len(rows),
        "max": rows[-1],
        "mean": statistics.fmean(rows),
        "median": _quantile(rows, 0.5),
        "min": rows[0],
        "stddev": statistics.pstdev(rows),
    }
    return found


def _quantile(rows: Sequence[int], part: float) -> float:
    place = part * (len(rows) + 1)
    if place < 1:
        return rows[0]
    if place >= len(rows):
        return rows[-1]
    low = rows[int(place) - 1]
    return low + (place - int(place)) * (rows[int(place)] - low)

"""Results kept in a file, and how new ones compare with them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gatewright.gator import goyaml
from gatewright.gator.benchreport import byte_text
from gatewright.gator.fields import Fields, indented
from gatewright.gator.gotime import rounded
from gatewright.gator.latencies import Results
from gatewright.gator.policies import GatorError
from gatewright.gator.tables import columns
from gatewright.k8s import gostruct, yaml

__all__ = ["Comparison", "compare", "load", "save"]

_YAML: Final = (".yaml", ".yml")


def save(results: Sequence[Results], path: str) -> None:
    """Write results to a file, YAML or JSON by its name; raise GatorError."""
    document = [_fields(one) for one in results]
    if os.path.splitext(path)[1] in _YAML:
        text = goyaml.v2(_sorted(document))
    else:
        text = indented(document, "  ")
    try:
        with open(path, "w", encoding="utf-8", opener=_private) as file:
            file.write(text)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise GatorError(f"writing results to {path}: open {path}: {reason}") from error


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _sorted(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    return value


def _fields(one: Results) -> Fields:
    out = Fields(engine=one.engine, templateCount=one.templates)
    if one.skipped_templates:
        out["skippedTemplates"] = list(one.skipped_templates)
    out["constraintCount"] = one.constraints
    if one.skipped_constraints:
        out["skippedConstraints"] = list(one.skipped_constraints)
    out.update(
        referentialDataSupported=True,
        objectCount=one.objects,
        iterations=one.iterations,
        concurrency=one.concurrency,
        setupDuration=one.setup.total,
        setupBreakdown=Fields(
            clientCreation=one.setup.client,
            templateCompilation=one.setup.templates,
            constraintLoading=one.setup.constraints,
            dataLoading=one.setup.data,
        ),
        totalDuration=one.total,
        latencies=Fields(one.latencies.items()),
        violationCount=one.violations,
        reviewsPerSecond=one.per_second,
    )
    if one.memory is not None:
        out["memoryStats"] = Fields(
            allocsPerReview=one.memory.allocations,
            bytesPerReview=one.memory.bytes,
            totalAllocs=one.memory.total_allocations,
            totalBytes=one.memory.total_bytes,
        )
    if one.stats:
        out["statsEntries"] = [run.entry() for run in one.stats]
    return out


_LATENCIES: Final = ("p50", "p95", "p99", "mean")
_SHAPE: Final = gostruct.array(
    gostruct.struct(
        "bench.Results",
        {
            "engine": gostruct.STRING,
            "latencies": gostruct.struct(
                "bench.Latencies", dict.fromkeys(_LATENCIES, gostruct.INT64)
            ),
            "reviewsPerSecond": gostruct.FLOAT64,
            "memoryStats": gostruct.optional(
                gostruct.struct(
                    "bench.MemoryStats",
                    dict.fromkeys(
                        ("allocsPerReview", "bytesPerReview"), gostruct.INT64
                    ),
                )
            ),
        },
    )
)


def load(path: str) -> list[Mapping[str, Any]]:
    """Return the results in a file, of gator or ours; raise GatorError."""
    try:
        text = Path(path).read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise GatorError(
            f"reading baseline from {path}: open {path}: {reason}"
        ) from error
    try:
        documents = yaml.read(text)
        value = documents[0].value if documents else None
        return gostruct.decode(value, _SHAPE) or []
    except (yaml.YAMLError, gostruct.UnmarshalError) as error:
        reason = error.reason if isinstance(error, yaml.YAMLError) else str(error)
        raise GatorError(f"unmarshaling baseline: {reason}") from error


@dataclass(frozen=True, slots=True)
class _Metric:
    """One number, before and now.  `delta` is the change in percent."""

    name: str
    before: str
    now: str
    delta: float
    passed: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """How results compare with those of the same engine before."""

    engine: str
    metrics: Sequence[_Metric]
    threshold: float

    @property
    def passed(self) -> bool:
        """Tell whether nothing got worse beyond the thresholds."""
        return all(one.passed for one in self.metrics)

    def table(self) -> str:
        """Return the comparison for people."""
        rows = [
            "Metric\tBaseline\tCurrent\tDelta\tStatus",
            "------\t--------\t-------\t-----\t------",
        ]
        for one in self.metrics:
            status = "\u2713" if one.passed else "\u2717 REGRESSION"
            rows.append(
                f"{one.name}\t{one.before}\t{one.now}\t{one.delta:+.1f}%\t{status}"
            )
        failed = ", ".join(one.name for one in self.metrics if not one.passed)
        verdict = (
            f"\u2717 Regressions detected in: {failed}"
            if failed
            else "\u2713 No significant regressions"
        )
        return (
            f"=== Baseline Comparison: {self.engine.upper()} Engine ===\n\n"
            f"{columns(chr(10).join(rows))}\n\n"
            f"{verdict} (threshold: {self.threshold:.1f}%)\n"
        )


def compare(
    before: Sequence[Mapping[str, Any]],
    now: Sequence[Results],
    *,
    threshold: float,
    minimum: int,
) -> list[Comparison]:
    """Compare results with earlier ones of the same engine.

    A metric that is worse by more than `threshold` percent is a regression, unless
    a latency has changed by less than `minimum` ns.
    """
    known = {one["engine"]: one for one in before}
    return [
        Comparison(
            one.engine, _metrics(known[one.engine], one, threshold, minimum), threshold
        )
        for one in now
        if one.engine in known
    ]


def _delta(before: float, now: float) -> float:
    if before == 0:
        return 0.0 if now == 0 else 100.0
    return (now - before) / before * 100


def _metrics(
    before: Mapping[str, Any], now: Results, threshold: float, minimum: int
) -> list[_Metric]:
    out: list[_Metric] = []
    latencies = dict(now.latencies.items())
    for name in _LATENCIES:
        old, new = before["latencies"][name], latencies[name]
        delta = _delta(old, new)
        passed = delta <= threshold or (minimum > 0 and new - old < minimum)
        out.append(
            _Metric(
                f"{name.capitalize()} Latency",
                rounded(old),
                rounded(new),
                delta,
                passed,
            )
        )
    out.append(_throughput(before, now, threshold, minimum))
    memory = before["memoryStats"]
    if memory is not None and now.memory is not None:
        for name, old, new, shown in (
            ("Allocs", memory["allocsPerReview"], now.memory.allocations, str),
            ("Bytes", memory["bytesPerReview"], now.memory.bytes, byte_text),
        ):
            delta = _delta(old, new)
            out.append(
                _Metric(
                    f"{name}/Review", shown(old), shown(new), delta, delta <= threshold
                )
            )
    return out


def _throughput(
    before: Mapping[str, Any], now: Results, threshold: float, minimum: int
) -> _Metric:
    old, new = before["reviewsPerSecond"], now.per_second
    delta = _delta(old, new)
    passed = -delta <= threshold
    mean = before["latencies"]["mean"]
    if not passed and minimum > 0 and mean > 0:
        # What the tolerated latency means for the throughput.
        passed = old - new < old * (minimum / mean)
    return _Metric("Throughput", f"{old:.2f}/sec", f"{new:.2f}/sec", delta, passed)

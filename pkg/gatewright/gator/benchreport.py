"""Results of a benchmark as a table, JSON and YAML, in the form of `gator bench`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gatewright.gator import goyaml
from gatewright.gator.fields import Fields, indented
from gatewright.gator.gotime import duration, rounded
from gatewright.gator.latencies import Results
from gatewright.gator.stats import ConstraintCost
from gatewright.gator.tables import columns

__all__ = ["as_json", "as_table", "as_yaml", "byte_text"]


def byte_text(count: int) -> str:
    """Return a number of bytes as tables show it: `1.55 KB`."""
    for power, unit in ((30, "GB"), (20, "MB"), (10, "KB")):
        if count >= 1 << power:
            return f"{count / (1 << power):.2f} {unit}"
    return f"{count} B"


def as_json(results: Sequence[Results]) -> str:
    """Return a JSON list; no newline at the end."""
    return indented([_fields(one) for one in results], "  ")


def as_yaml(results: Sequence[Results]) -> str:
    """Return a YAML list."""
    return goyaml.v3([_fields(one) for one in results])


def _fields(one: Results) -> Fields:
    out = Fields(
        engine=one.engine,
        templateCount=one.templates,
        constraintCount=one.constraints,
        objectCount=one.objects,
        iterations=one.iterations,
        concurrency=one.concurrency,
        totalReviews=one.reviews,
        setupDuration=duration(one.setup.total),
        setupBreakdown=Fields(
            clientCreation=duration(one.setup.client),
            templateCompilation=duration(one.setup.templates),
            constraintLoading=duration(one.setup.constraints),
            dataLoading=duration(one.setup.data),
        ),
        totalDuration=duration(one.total),
        latencies=Fields(
            {name: duration(value) for name, value in one.latencies.items()}
        ),
        violationCount=one.violations,
        reviewsPerSecond=one.per_second,
    )
    if one.memory is not None:
        out["memoryStats"] = Fields(
            allocsPerReview=one.memory.allocations,
            bytesPerReview=byte_text(one.memory.bytes),
            totalAllocs=one.memory.total_allocations,
            totalBytes=byte_text(one.memory.total_bytes),
        )
    if one.stats:
        out["statsEntries"] = [_entry(run.entry()) for run in one.stats]
    if one.profile:
        total = sum(cost.ns for cost in one.profile)
        out["constraintCosts"] = [cost.entry(total) for cost in one.profile]
    if one.skipped_templates:
        out["skippedTemplates"] = list(one.skipped_templates)
    if one.skipped_constraints:
        out["skippedConstraints"] = list(one.skipped_constraints)
    out["referentialDataSupported"] = True
    return out


def _entry(entry: Fields) -> Fields:
    stats = [
        Fields({**stat, "source": "/".join(stat["source"].values())})
        for stat in entry["stats"]
    ]
    return Fields({**entry, "stats": stats})


def as_table(results: Sequence[Results]) -> str:
    """Return tables for people."""
    return "\n".join(_table(one) for one in results)


def _table(one: Results) -> str:
    rows = ["Configuration:"]
    rows += _rows(
        ("Templates", one.templates),
        ("Constraints", one.constraints),
        ("Objects", one.objects),
        ("Iterations", one.iterations),
    )
    if one.concurrency > 1:
        rows += _rows(("Concurrency", one.concurrency))
    rows += [*_rows(("Total Reviews", one.reviews)), ""]
    rows += _skipped(one)
    setup = one.setup
    rows += ["Timing:", *_rows(("Setup Duration", rounded(setup.total)))]
    for name, ns in (
        ("Client Creation", setup.client),
        ("Template Compilation", setup.templates),
        ("Constraint Loading", setup.constraints),
        ("Data Loading", setup.data),
    ):
        rows.append(f"    \u2514\u2500 {name}:\t{rounded(ns)}")
    rows += _rows(
        ("Total Duration", rounded(one.total)),
        ("Throughput", f"{one.per_second:.2f} reviews/sec"),
    )
    rows += ["", "Latency (per review):"]
    rows += _rows(
        *((name.capitalize(), rounded(ns)) for name, ns in one.latencies.items())
    )
    rows += ["", "Results:", *_rows(("Violations Found", one.violations))]
    if one.memory is not None:
        rows += ["", "Memory:"]
        rows += _rows(
            ("Allocs/Review", one.memory.allocations),
            ("Bytes/Review", byte_text(one.memory.bytes)),
            ("Total Allocs", one.memory.total_allocations),
            ("Total Bytes", byte_text(one.memory.total_bytes)),
        )
    if one.stats:
        rows += ["", "Per-Constraint Statistics (from first iteration):"]
        for run in one.stats:
            rows.append(f"  Constraint: {run.kind} (Scope: template)")
            rows.append(f"    templateRunTimeNS:\t{run.ns} engine")
            rows.append(f"    constraintCount:\t{run.constraints} engine")
    if one.profile:
        rows += ["", "Cost of each constraint (evaluation alone):"]
        rows += _profile(one.profile)
    title = f"=== Benchmark Results: {one.engine.upper()} Engine ===\n\n"
    return title + columns("\n".join(rows) + "\n")


def _profile(costs: Sequence[ConstraintCost]) -> list[str]:
    total = max(1, sum(cost.ns for cost in costs))
    rows = ["  Constraint\tShare\tEvaluations\tMean\tMax\tSteps"]
    for cost in costs:
        count = max(1, cost.evaluations)
        rows.append(
            f"  {cost.kind}/{cost.name}\t{100 * cost.ns / total:.1f}%\t"
            f"{cost.evaluations}\t{rounded(cost.ns // count)}\t"
            f"{rounded(cost.most_ns)}\t{cost.steps // count}"
        )
    return rows


def _rows(*pairs: tuple[str, Any]) -> list[str]:
    return [f"  {name}:\t{value}" for name, value in pairs]


def _skipped(one: Results) -> list[str]:
    rows: list[str] = []
    for what, names in (
        ("Skipped Templates", one.skipped_templates),
        ("Skipped Constraints", one.skipped_constraints),
    ):
        if names:
            rows += _rows((what, f"{len(names)} ({', '.join(names)})"))
    return ["Warnings:", *rows, ""] if rows else []

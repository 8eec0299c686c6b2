"""The table of metrics: what is counted, under which names and labels.

Names that start with `gatekeeper_` are Gatekeeper's own, with its labels and
buckets, so that dashboards and alerts go on working; `gatewright_` ones are
ours.  The label values of a metric are listed, so the number of series is fixed
and each has a place of its own in shared memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Final

__all__ = ["CACHE_RESULTS", "TABLE", "Metric", "Series", "place"]


@dataclass(frozen=True, slots=True)
class Metric:
    """`labels`: name and possible values of each; `buckets`: upper bounds of a
    histogram, in seconds, empty for a counter or gauge; `summed`: a gauge that
    adds up over processes (else the greatest value counts)."""

    name: str
    type: str
    help: str
    labels: tuple[tuple[str, tuple[str, ...]], ...] = ()
    buckets: tuple[float, ...] = ()
    summed: bool = True

    def series(self) -> tuple[tuple[str, ...], ...]:
        """All combinations of label values."""
        return tuple(product(*(values for _, values in self.labels)))

    @property
    def width(self) -> int:
        """Cells of one series: a value, or buckets (with +Inf), sum and count."""
        return len(self.buckets) + 3 if self.buckets else 1


def _steps(*runs: tuple[float, float, float]) -> tuple[float, ...]:
    """Bucket bounds from (first, last, step) runs, rounded to the step."""
    out: list[float] = []
    for first, last, step in runs:
        count = round((last - first) / step) + 1
        out.extend(round(first + index * step, 6) for index in range(count))
    return tuple(out)


_REQUEST_BUCKETS: Final = _steps(
    (0.001, 0.01, 0.001), (0.02, 0.1, 0.01), (0.2, 1, 0.1), (1.5, 10, 0.5)
)
_TEMPLATE_BUCKETS: Final = _steps((0.01, 0.1, 0.01), (0.2, 0.5, 0.1), (1, 5, 1))
_MUTATOR_BUCKETS: Final = _steps((0.001, 0.01, 0.001), (0.02, 0.05, 0.01))
_SYNC_BUCKETS: Final = _steps(
    (0.0001, 0.001, 0.0001), (0.002, 0.005, 0.001), (0.01, 0.05, 0.01)
)
_FINE_BUCKETS: Final = (
    *(0.00002, 0.00005, 0.0001, 0.0002, 0.0005),
    *(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0),
)
_AUDIT_BUCKETS: Final = (60, 180, 300, 600, 900, 1200, 2400, 4800, 9600, 19200)
_STATUS: Final = ("status", ("active", "error"))
#: What comes of looking for a template in the compile cache, or of writing it there.
CACHE_RESULTS: Final = ("hit", "ignored", "miss", "unwritten")
_ENDPOINT: Final = ("endpoint", ("admit", "admitlabel", "mutate"))

TABLE: Final[tuple[Metric, ...]] = (
    Metric(
        "gatekeeper_validation_request_count_total",
        "counter",
        "The number of requests that are routed to validation webhook",
        (
            ("admission_dryrun", ("false", "true")),
            ("admission_status", ("allow", "deny", "error", "unknown")),
        ),
    ),
    Metric(
        "gatekeeper_validation_request_duration_seconds",
        "histogram",
        "The validation webhook response time in seconds",
        (("admission_status", ("allow", "deny", "error", "unknown")),),
        _REQUEST_BUCKETS,
    ),
    Metric(
        "gatekeeper_mutation_request_count_total",
        "counter",
        "The number of requests that are routed to mutation webhook",
        (("mutation_status", ("skip", "success", "unknown")),),
    ),
    Metric(
        "gatekeeper_mutation_request_duration_seconds",
        "histogram",
        "The mutation webhook response time in seconds",
        (("mutation_status", ("skip", "success", "unknown")),),
        _REQUEST_BUCKETS,
    ),
    Metric(
        "gatekeeper_constraints",
        "gauge",
        "Current number of known constraints",
        (
            (
                "enforcement_action",
                ("deny", "dryrun", "scoped", "unrecognized", "warn"),
            ),
            _STATUS,
        ),
    ),
    Metric(
        "gatekeeper_constraint_templates",
        "gauge",
        "Number of observed constraint templates",
        (_STATUS,),
    ),
    Metric(
        "gatekeeper_constraint_template_ingestion_count_total",
        "counter",
        "Total number of constraint template ingestion actions",
        (_STATUS,),
    ),
    Metric(
        "gatekeeper_constraint_template_ingestion_duration_seconds",
        "histogram",
        "How long it took to ingest a constraint template in seconds",
        (_STATUS,),
        _TEMPLATE_BUCKETS,
    ),
    Metric(
        "gatekeeper_mutators",
        "gauge",
        "The current number of mutator objects",
        (_STATUS,),
    ),
    Metric(
        "gatekeeper_mutator_ingestion_count_total",
        "counter",
        "Total number of mutator ingestion actions",
        (_STATUS,),
    ),
    Metric(
        "gatekeeper_mutator_ingestion_duration_seconds",
        "histogram",
        "How long it took to ingest a mutator in seconds",
        (_STATUS,),
        _MUTATOR_BUCKETS,
    ),
    Metric(
        "gatekeeper_mutator_conflicting_count",
        "gauge",
        "The current number of conflicting mutator objects",
    ),
    Metric(
        "gatekeeper_sync_duration_seconds",
        "histogram",
        "Latency of sync operation in seconds",
        (),
        _SYNC_BUCKETS,
    ),
    Metric(
        "gatekeeper_sync_last_run_time_seconds",
        "gauge",
        "Timestamp of last sync operation",
        summed=False,
    ),
    Metric(
        "gatewright_decision_duration_seconds",
        "histogram",
        "From the body's last byte to the answer's first, by endpoint",
        (_ENDPOINT,),
        _FINE_BUCKETS,
    ),
    Metric(
        "gatekeeper_violations",
        "gauge",
        "Total number of audited violations",
        (
            (
                "enforcement_action",
                ("", "deny", "dryrun", "scoped", "unrecognized", "warn"),
            ),
        ),
    ),
    Metric(
        "gatekeeper_audit_duration_seconds",
        "histogram",
        "Latency of audit operation in seconds",
        (),
        _AUDIT_BUCKETS,
    ),
    Metric(
        "gatekeeper_audit_last_run_time",
        "gauge",
        "Timestamp of last audit run starting time",
        summed=False,
    ),
    Metric(
        "gatekeeper_audit_last_run_end_time",
        "gauge",
        "Timestamp of last audit run ending time",
        summed=False,
    ),
    Metric(
        "gatewright_audit_unread",
        "gauge",
        "Kinds and objects that the last audit could not read or judge",
        summed=False,
    ),
    Metric(
        "gatewright_refused_requests_total",
        "counter",
        "Requests not decided, answered 500, 503 or 504 so that failurePolicy decides",
        (
            _ENDPOINT,
            ("reason", ("deadline", "failed", "not_ready", "overload")),
        ),
    ),
    Metric(
        "gatewright_not_evaluated_total",
        "counter",
        "Constraints left out of a decision because they went over their budget",
    ),
    Metric(
        "gatewright_broken_connections_total",
        "counter",
        "Connections closed for breaking the protocol or a limit, by reason",
        (
            (
                "reason",
                ("body_time", "header_time", "malformed", "pipelining", "size"),
            ),
        ),
    ),
    Metric(
        "gatewright_requests_in_flight",
        "gauge",
        "Requests being read, decided or answered",
    ),
    Metric(
        "gatewright_connections_open",
        "gauge",
        "Open connections to the admission port",
    ),
    Metric(
        "gatewright_generation",
        "gauge",
        "Number of the policy generation in force",
        summed=False,
    ),
    Metric(
        "gatewright_generation_time_seconds",
        "gauge",
        "When the generation in force was committed (unix time)",
        summed=False,
    ),
    Metric(
        "gatewright_generation_build_seconds",
        "histogram",
        "How long a generation took from a change seen to its commit",
        (),
        _TEMPLATE_BUCKETS,
    ),
    Metric(
        "gatewright_compile_cache_total",
        "counter",
        "Templates looked for in the compile cache, by what came of it",
        (("result", CACHE_RESULTS),),
    ),
    Metric(
        "gatewright_source_errors",
        "gauge",
        "Policy files that could not be taken over; their last good state serves",
    ),
    Metric(
        "gatewright_watch_silence_seconds",
        "gauge",
        "Greatest time since a watch of the cluster heard anything; a quiet one hears "
        "of itself about once a minute",
    ),
    Metric(
        "gatewright_source_queue_depth",
        "gauge",
        "Changes of the cluster that are not taken over yet",
    ),
    Metric(
        "gatewright_status_queue_depth",
        "gauge",
        "Objects whose status or definition is to be written",
    ),
    Metric(
        "gatekeeper_watch_manager_intended_watch_gvk",
        "gauge",
        "The total number of Group/Version/Kinds that are to be watched",
    ),
    Metric(
        "gatekeeper_watch_manager_watched_gvk",
        "gauge",
        "The total number of Group/Version/Kinds that are watched",
    ),
    Metric(
        "gatewright_worker_restarts_total",
        "counter",
        "Serving processes replaced because they had died",
    ),
)


@dataclass(frozen=True, slots=True)
class Series:
    """Where a metric's series begin on the board, in cells."""

    metric: Metric
    start: int

    def cell(self, *values: str) -> int:
        """The first cell of the series with these label values."""
        index = 0
        for (_, possible), value in zip(self.metric.labels, values, strict=True):
            index = index * len(possible) + possible.index(value)
        return self.start + index * self.metric.width


def _layout() -> tuple[dict[str, Series], int]:
    places: dict[str, Series] = {}
    at = 0
    for metric in TABLE:
        places[metric.name] = Series(metric, at)
        at += metric.width * len(metric.series())
    return places, at


_PLACES, CELLS = _layout()


def place(name: str) -> Series:
    """The place of a metric of the table, by its name."""
    return _PLACES[name]

"""The board as Prometheus text (exposition format 0.0.4)."""

from __future__ import annotations

import orjson

from gatewright.telemetry.board import Board
from gatewright.telemetry.costs import summed
from gatewright.telemetry.metrics import TABLE, Metric, place

__all__ = ["render"]


def render(board: Board) -> bytes:
    """All metrics, summed over the processes (a gauge that does not add up: the
    greatest)."""
    rows = [board.row(index) for index in range(board.slots)]
    lines: list[str] = []
    for metric in TABLE:
        lines.append(f"# HELP {metric.name} {metric.help}")
        lines.append(f"# TYPE {metric.name} {metric.type}")
        at = place(metric.name).start
        for values in metric.series():
            cells = [
                (sum if metric.summed else max)(row[at + cell] for row in rows)
                for cell in range(metric.width)
            ]
            lines.extend(series_lines(metric, values, cells))
            at += metric.width
    lines += synced(board)
    lines += costs(board)
    lines.append("")
    return "\n".join(lines).encode()


def synced(board: Board) -> list[str]:
    """`gatekeeper_sync`.  Its kinds are not known ahead, so it has no row: the policy
    process puts it into the status text, as kind to objects held and not held."""
    text = board.status()
    counts = orjson.loads(text).get("synced") if text else None
    if not counts:
        return []
    name = "gatekeeper_sync"
    lines = [f"# HELP {name} Total number of resources of each kind being cached"]
    lines.append(f"# TYPE {name} gauge")
    for kind, (active, error) in sorted(counts.items()):
        lines.append(f'{name}{{kind="{kind}",status="active"}} {active}')
        lines.append(f'{name}{{kind="{kind}",status="error"}} {error}')
    return lines


def costs(board: Board) -> list[str]:
    """What each constraint costs: not in the table, as nobody knows them ahead."""
    found = sorted(summed(board.costs(index) for index in range(board.slots)).items())
    if not found:
        return []
    time, steps, most = (
        f"gatewright_constraint_evaluation_{name}"
        for name in ("seconds", "steps_total", "max_seconds")
    )
    sampled = "of a constraint, of those that were sampled (empty: all further ones)"
    lines = [f"# HELP {time} Evaluations {sampled}", f"# TYPE {time} summary"]
    labels = {
        named: f'{{constraint_kind="{named[0]}",constraint_name="{named[1]}"}}'
        for named, _ in found
    }
    for named, cost in found:
        lines.append(f"{time}_sum{labels[named]} {number(cost.seconds)}")
        lines.append(f"{time}_count{labels[named]} {number(cost.count)}")
    lines += [f"# HELP {steps} Steps {sampled}", f"# TYPE {steps} counter"]
    lines += [f"{steps}{labels[named]} {number(cost.steps)}" for named, cost in found]
    lines += [f"# HELP {most} The longest evaluation seen", f"# TYPE {most} gauge"]
    lines += [f"{most}{labels[named]} {number(cost.most)}" for named, cost in found]
    return lines


def series_lines(
    metric: Metric, values: tuple[str, ...], cells: list[float]
) -> list[str]:
    names = [name for name, _ in metric.labels]
    labels = [f'{name}="{value}"' for name, value in zip(names, values, strict=True)]
    if not metric.buckets:
        return [f"{metric.name}{braced(labels)} {number(cells[0])}"]
    out = []
    total = 0.0
    for bound, count in zip((*metric.buckets, None), cells, strict=False):
        total += count
        le = "+Inf" if bound is None else number(bound)
        bucket = braced([*labels, f'le="{le}"'])
        out.append(f"{metric.name}_bucket{bucket} {number(total)}")
    out.append(f"{metric.name}_sum{braced(labels)} {number(cells[-2])}")
    out.append(f"{metric.name}_count{braced(labels)} {number(cells[-1])}")
    return out


def braced(labels: list[str]) -> str:
    return "{" + ",".join(labels) + "}" if labels else ""


def number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)

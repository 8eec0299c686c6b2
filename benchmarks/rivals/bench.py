"""`gator bench` and `gatewright bench` on the same files, in turns.

python -m benchmarks.rivals.bench [--rounds 3]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.workloads import library_folder

PEERS = Path(os.environ.get("PEERS_DIR", Path.home() / ".cache/gatewright-peers"))
UNITS = {"ns": 1e-3, "µs": 1.0, "us": 1.0, "ms": 1e3, "s": 1e6, "m": 6e7}


def micros(text: str) -> float:
    """A Go duration such as `1.59ms` in microseconds."""
    parts = re.findall(r"([0-9.]+)(ns|µs|us|ms|s|m)", text)
    return sum(float(number) * UNITS[unit] for number, unit in parts)


def run(command: list[str], rounds: int) -> dict[str, Any]:
    folder = str(library_folder())
    arguments = ["bench", "--engine", "rego", "-f", folder, "-n", str(rounds)]
    done = subprocess.run(
        [*command, *arguments, "-o", "json"], check=True, capture_output=True, text=True
    )
    (row,) = json.loads(done.stdout)
    found: dict[str, Any] = row
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    sides = {
        "gator": ([str(PEERS / "bin" / "gator")], 5),
        "gatewright": ([sys.executable, "-m", "gatewright"], 50),
    }
    if not (PEERS / "bin" / "gator").exists():
        raise SystemExit("not run: gator is missing (tools/peers beside the project)")
    seen: dict[str, list[dict[str, Any]]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, (command, iterations) in sides.items():
            seen[name].append(run(command, iterations))
    print(f"{'':24}{'gator':>12}{'gatewright':>12}{'ratio':>8}")
    for label, path in {
        "mean, us": ("latencies", "mean"),
        "p50, us": ("latencies", "p50"),
        "p95, us": ("latencies", "p95"),
        "p99, us": ("latencies", "p99"),
        "set-up, us": ("setupDuration",),
    }.items():
        values = [
            statistics.median(micros(dig(row, path)) for row in seen[name])
            for name in sides
        ]
        theirs, ours = values
        print(f"{label:24}{theirs:12.0f}{ours:12.0f}{theirs / ours:8.1f}")
    for name, rows in seen.items():
        counts = {(r["violationCount"] / r["iterations"]) for r in rows}
        row = rows[0]
        print(
            f"{name}: {row['templateCount']} templates, {row['constraintCount']} "
            f"constraints, {row['objectCount']} objects, violations per round {counts}"
        )


def dig(row: dict[str, Any], path: tuple[str, ...]) -> str:
    value: Any = row
    for key in path:
        value = value[key]
    return str(value)


if __name__ == "__main__":
    main()

"""Requests per second over HTTPS keep-alive, the same load on each server in turn:
ours with the whole library, ours without a policy, a bare protocol that says yes, and
the real Gatekeeper.

    python -m benchmarks.rivals.webhook [--seconds 5] [--rounds 3] [--workers 1] [--alone]

Needs wrk; the real one needs the binaries that the cluster kit beside the project
builds, and is left out, in one line, without them.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.rivals.gatekeeper import gatekeeper, missing
from benchmarks.workloads import REVIEW, SHARED, library_folder
from gatewright.app.certificates import make_certificate
from tests.cluster.server import free_ports
from tests.serve.server import serving

SHOP = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n"
POST = SHARED / "bench" / "wrk-post.lua"


@dataclass(frozen=True, slots=True)
class Load:
    """One run of wrk: requests per second; latencies in milliseconds; CPU seconds
    of the server per request, in microseconds."""

    rate: float
    p50: float
    p99: float
    cpu: float
    errors: int


def policies_only(folder: Path) -> None:
    """The library's templates and constraints, with the review's namespace."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in library_folder().glob("*.yaml"):
        if path.name.endswith(("-template.yaml", "-constraint.yaml")):
            (folder / path.name).write_bytes(path.read_bytes())
    (folder / "namespace.yaml").write_text(SHOP)


@contextmanager
def ours(folder: Path, workers: int) -> Iterator[tuple[int, list[int]]]:
    """Our server; its port and the workers' process ids."""
    with serving(folder, "--workers", str(workers)) as server:
        while len(server.workers()) < workers:
            time.sleep(0.05)
        time.sleep(1.0)
        yield server.admission[1], server.workers()


@contextmanager
def bare(folder: Path) -> Iterator[tuple[int, list[int]]]:
    """The bare protocol; its port and process id."""
    folder.mkdir()
    made = make_certificate(["127.0.0.1"], folder=folder)
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "benchmarks.rivals.bare", str(port)]
    with subprocess.Popen([*command, str(made.certificate), str(made.key)]) as process:
        try:
            time.sleep(1.0)
            yield port, [process.pid]
        finally:
            process.terminate()


def cpu_seconds(pids: list[int]) -> float:
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def pss(pids: list[int]) -> float:
    """Proportional memory of processes, in MB."""
    total = 0
    for pid in pids:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        total += int(re.findall(r"^Pss:\s+(\d+)", text, re.MULTILINE)[0])
    return total / 1024


def load(port: int, connections: int, seconds: int, pids: list[int]) -> Load:
    before = cpu_seconds(pids)
    done = subprocess.run(
        [
            *("wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"),
            *("-s", str(POST), f"https://127.0.0.1:{port}/v1/admit"),
        ],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "BODY": str(REVIEW)},
    ).stdout
    used = cpu_seconds(pids) - before
    rate = float(re.findall(r"Requests/sec:\s+([\d.]+)", done)[0])
    count = int(re.findall(r"(\d+) requests in", done)[0])
    bad = re.findall(r"Non-2xx or 3xx responses: (\d+)", done)
    return Load(
        rate,
        percentile(done, 50),
        percentile(done, 99),
        1e6 * used / max(count, 1),
        int(bad[0]) if bad else 0,
    )


def percentile(text: str, which: int) -> float:
    """A latency of wrk's table in milliseconds."""
    number, unit = re.findall(rf"{which}%\s+([\d.]+)(us|ms|s)", text)[0]
    return float(number) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[unit]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--alone", action="store_true", help="without Gatekeeper")
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit("not run: wrk is missing (a package of most distributions)")
    room = Path(tempfile.mkdtemp(prefix="gatewright-webhook-"))
    policies_only(room / "library")
    (room / "empty").mkdir()
    (room / "empty" / "namespace.yaml").write_text(SHOP)
    with ExitStack() as stack:
        servers = {
            name: stack.enter_context(ours(room / folder, options.workers))
            for name, folder in (
                ("gatewright, library", "library"),
                ("gatewright, no policy", "empty"),
            )
        }
        servers["bare protocol"] = stack.enter_context(bare(room / "bare"))
        if options.alone:
            pass
        elif missing():
            print(f"the real Gatekeeper was not run: no {', '.join(missing())}")
        else:
            real = stack.enter_context(gatekeeper(room / "library"))
            servers["Gatekeeper, library"] = real
        for connections in (1, 16):
            runs: dict[str, list[Load]] = {name: [] for name in servers}
            for _ in range(options.rounds):
                for name, (port, pids) in servers.items():
                    runs[name].append(load(port, connections, options.seconds, pids))
            print(f"{connections} connection(s)")
            print(
                f"{'':24}{'req/s':>9}{'p50 ms':>9}{'p99 ms':>9}{'CPU us':>9}{'errors':>8}"
            )
            for name, rows in runs.items():
                middle = [
                    statistics.median(getattr(row, part) for row in rows)
                    for part in ("rate", "p50", "p99", "cpu")
                ]
                rate, p50, p99, cpu = middle
                errors = sum(row.errors for row in rows)
                print(f"{name:24}{rate:9.0f}{p50:9.2f}{p99:9.2f}{cpu:9.0f}{errors:8}")
        for name, (_, pids) in servers.items():
            if pids:
                print(f"{name}: {pss(pids):.0f} MB (PSS of the serving processes)")


if __name__ == "__main__":
    main()

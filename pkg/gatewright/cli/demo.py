"""The demo's table: sample requests and what became of them."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from gatewright.app.demo import SampleVerdict, demo_folder, judge_samples
from gatewright.app.serve import Bound, bind, serve
from gatewright.app.settings import Settings

__all__ = ["run_demo"]


def run_demo(settings: Settings) -> int:
    """Serve the shipped policies, show the samples' verdicts, go on serving."""
    folder = demo_folder()
    settings = replace(settings, policies=folder, log_level="WARNING")
    bound = bind(settings)
    if bound.ca is None:
        return serve(settings, bound)
    ca = bound.ca
    try:
        return serve(settings, bound, guest=lambda: show(settings, bound, ca))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def show(settings: Settings, bound: Bound, ca: Path) -> int:
    """The guest process: send the samples, print the table."""
    console = Console(width=None if sys.stdout.isatty() else 150)
    assert bound.admission is not None
    address = bound.address(bound.admission)
    table = Table(title="Sample requests", show_lines=False, expand=False)
    table.add_column("policy", no_wrap=True)
    table.add_column("sample", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("message, warnings, patch", overflow="fold")
    table.add_column("ms", justify="right", no_wrap=True)
    for verdict in judge_samples(address, ca=ca):
        table.add_row(
            verdict.sample.policy,
            verdict.sample.name,
            "[green]allowed[/]" if verdict.allowed else "[red]denied[/]",
            details(verdict),
            f"{verdict.seconds * 1e3:.2f}",
        )
    console.print(table)
    console.print(
        f"Serving on https://{address} (CA: {ca}), policies in {settings.policies}\n"
        f"Probes: http://{bound.address(bound.health)}/readyz?verbose   "
        f"metrics: http://{bound.address(bound.metrics)}/metrics\n"
        "Ctrl-C stops it.",
        highlight=False,
    )
    return 0


def details(verdict: SampleVerdict) -> str:
    lines = [verdict.message] if verdict.message else []
    lines += [f"warning: {text}" for text in verdict.warnings]
    lines += [json.dumps(operation) for operation in verdict.patch]
    return "\n".join(lines).replace("[", r"\[")

"""gatewright bench."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import click

from gatewright.cli import gator_options as options
from gatewright.cli.compile_cache import cache_option, open_cache
from gatewright.cli.optimisations import no_opt_option
from gatewright.gator import baseline, benchreport, inputs
from gatewright.gator.benching import Plan
from gatewright.gator.benching import bench as measure
from gatewright.gator.gotime import duration_ns
from gatewright.gator.latencies import Results
from gatewright.gator.policies import GatorError

__all__ = ["bench"]

_FOR_P99 = 1000


class _Duration(click.ParamType[int]):
    """A Go duration, in nanoseconds."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        if isinstance(value, int):
            return value
        try:
            return duration_ns(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command(
    cls=options.GatorCommand, short_help="Measure how fast policies judge objects."
)
@click.option(
    "-f",
    "--filename",
    "filenames",
    multiple=True,
    metavar="PATH",
    help="A file, or a folder with files (.yaml, .yml, .json) at any depth, that hold "
    "templates, constraints and objects. May be repeated.",
)
@options.engine_option("-e")
@no_opt_option
@click.option(
    "-n",
    "--iterations",
    default=1000,
    show_default=True,
    help="How often every object is reviewed.",
)
@click.option(
    "--warmup",
    default=10,
    show_default=True,
    help="Iterations before the clock starts.",
)
@click.option(
    "-c", "--concurrency", default=1, show_default=True, help="Reviews at a time."
)
@click.option(
    "-o",
    "--output",
    default="table",
    show_default=True,
    metavar="FORMAT",
    help="table, json or yaml.",
)
@click.option("--stats", is_flag=True, help="Tell what each template took.")
@click.option(
    "--profile",
    is_flag=True,
    help="Tell what each constraint takes, the dearest first.",
)
@click.option("--memory", is_flag=True, help="Tell what memory a review takes.")
@click.option(
    "--save", default="", metavar="FILE", help="Keep the results (.json or .yaml)."
)
@click.option(
    "--compare", default="", metavar="FILE", help="Compare with results kept before."
)
@click.option(
    "--threshold",
    type=float,
    default=10.0,
    show_default=True,
    help="How many percent worse is a regression.",
)
@click.option(
    "--min-threshold",
    type=_Duration(),
    default=0,
    help="Changes of a latency below this are none, such as 1ms.",
)
@options.image_options
@cache_option
def bench(
    filenames: tuple[str, ...],
    iterations: int,
    warmup: int,
    concurrency: int,
    output: str,
    save: str,
    compare: str,
    threshold: float,
    min_threshold: int,
    *,
    engine: str | None,
    stats: bool,
    profile: bool,
    memory: bool,
    images: tuple[str, ...],
    plain_http: bool,  # noqa: ARG001 - belongs to images, which are refused
    tempdir: str | None,  # noqa: ARG001 - as above
    compile_cache: str,
) -> None:
    r"""Measure how fast policies judge objects.

    Every object of the input is reviewed again and again. A review is measured from
    the bytes of an AdmissionReview to the bytes of the answer, with a new uid and,
    where no policy looks at it, a new name each time; nothing is cached between.

    \b
    Examples:
      gatewright bench -f policies/
      gatewright bench -f policies/ -n 50 -o json
      gatewright bench -f policies/ -n 20 --profile
      gatewright bench -f policies/ --save before.json
      gatewright bench -f policies/ --compare before.json --min-threshold 100us

    \b
    Exit status:
      0  measured, and no worse than before
      1  a regression (--compare), or an error
      2  a wrong command line
    """
    options.choose_engine(engine)
    render = _renderer(output)
    if not filenames and not images:
        options.fail("at least one --filename or --image must be specified")
    options.refuse_images(images)
    for wrong, text in (
        (iterations <= 0, "iterations must be positive"),
        (warmup < 0, "warmup must be non-negative"),
        (threshold < 0, "threshold must be non-negative"),
        (min_threshold < 0, "min-threshold must be non-negative"),
        (concurrency < 1, "concurrency must be at least 1"),
    ):
        if wrong:
            options.fail(text)
    if warmup > iterations:
        click.echo(
            f"Warning: warmup ({warmup}) exceeds iterations ({iterations}). Consider "
            "reducing warmup.\n",
            err=True,
        )
    if compare and not os.path.exists(compare):
        options.fail(f"baseline file does not exist: {compare}")
    if iterations < _FOR_P99:
        click.echo(
            f"Warning: {iterations} iterations may not provide statistically meaningful "
            f"P99 metrics. Consider using at least {_FOR_P99} iterations.\n",
            err=True,
        )
    notices: list[str] = []
    objects = _read(filenames)
    try:
        with _progress() as progress:
            plan = Plan(
                iterations=iterations,
                warmup=warmup,
                concurrency=concurrency,
                stats=stats,
                profile=profile,
                memory=memory,
                cache=open_cache(compile_cache),
                progress=progress,
            )
            results = [measure(objects, plan, notices=notices)]
    except GatorError as error:
        options.fail(f"benchmark failed: {error}")
    if engine is None:
        options.say(notices)
    click.echo(render(results), nl=False)
    _keep(results, save)
    if compare:
        _compare(results, compare, threshold, min_threshold)


def _renderer(output: str) -> Callable[[list[Results]], str]:
    formats = {
        "": benchreport.as_table,
        "table": benchreport.as_table,
        "json": benchreport.as_json,
        "yaml": benchreport.as_yaml,
    }
    if output.lower() not in formats:
        options.fail(
            f'invalid output format: invalid output format: "{output}" '
            "(valid: table, json, yaml)"
        )
    return formats[output.lower()]


def _read(filenames: tuple[str, ...]) -> list[dict[str, Any]]:
    try:
        sources = inputs.read_all(filenames)
    except inputs.InputError as error:
        options.fail(f"benchmark failed: reading sources: {error}")
    options.warn(inputs.repeated(sources))
    return inputs.objects_of(sources)


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """Show a bar on stderr if that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _done, _all: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reviews", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _keep(results: list[Results], path: str) -> None:
    if not path:
        return
    try:
        baseline.save(results, path)
    except GatorError as error:
        options.fail(f"saving results: {error}")
    click.echo(f"\nResults saved to: {path}", err=True)


def _compare(results: list[Results], path: str, threshold: float, minimum: int) -> None:
    try:
        before = baseline.load(path)
    except GatorError as error:
        options.fail(f"loading baseline: {error}")
    found = baseline.compare(before, results, threshold=threshold, minimum=minimum)
    if not found:
        click.echo("\nWarning: No matching engines found for comparison", err=True)
        return
    click.echo()
    click.echo("\n".join(one.table() for one in found), nl=False)
    if not all(one.passed for one in found):
        raise SystemExit(1)

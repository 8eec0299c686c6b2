"""gatewright rego test."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click

from gatewright.cli.rego.command import (
    DURATION,
    INTEGER,
    Command,
    FlagError,
    print_error,
    refused,
)

__all__ = ["test"]


@click.command(cls=Command, name="test")
@click.argument("paths", nargs=-1, metavar="PATH...")
@click.option("-v", "--verbose", is_flag=True, help="Print passed tests too.")
@click.option("-r", "--run", metavar="RE", help="Run tests whose path this matches.")
@click.option(
    "-f",
    "--format",
    "format_",
    type=click.Choice(["pretty", "json", "gobench"]),
    default="pretty",
    show_default=True,
    envvar="OPA_TEST_FORMAT",
    help="Output format.",
)
@click.option(
    "--timeout", type=DURATION, default="5s", show_default=True, help="For each test."
)
@click.option("-b", "--bundle", is_flag=True, help="Paths are bundles.")
@click.option(
    "--ignore",
    metavar="PATTERN",
    multiple=True,
    help="Leave out files and folders of that name; repeatable, comma-separated.",
)
@click.option(
    "-m",
    "--max-errors",
    type=INTEGER,
    default=10,
    show_default=True,
    help="Compile errors to report; 0 for all.",
)
@click.option(
    "--count", type=INTEGER, default=1, show_default=True, help="Runs of each test."
)
@click.option(
    "-z", "--exit-zero-on-skipped", is_flag=True, help="Skipped tests are no failure."
)
@click.option("--fail-on-empty", is_flag=True, help="Fail when no test was run.")
@click.option(
    "--sort",
    type=click.Choice(["none", "duration"]),
    default="none",
    show_default=True,
    help="Order of JSON results.",
)
@click.option("--v0-compatible", is_flag=True, help="Read policies as Rego v0.")
@click.option(
    "-p",
    "--parallel",
    type=INTEGER,
    expose_value=False,
    help="Accepted; tests run one after the other.",
)
@click.option(
    "-t",
    "--target",
    type=click.Choice(["rego"]),
    expose_value=False,
    help="Only rego.",
)
@refused("-c", "--coverage", why="there is no coverage report yet")
@refused("--coverage-runs", why="there is no coverage report yet", flag=False)
@refused("--threshold", why="there is no coverage report yet", flag=False)
@refused("--bench", why="use gatewright rego bench")
@refused("--benchmem", why="use gatewright rego bench")
@refused("--capabilities", why="builtins are those of OPA 1.22.2", flag=False)
@refused("--explain", why="there is no trace of evaluation yet", flag=False)
@refused("--var-values", why="there is no trace of evaluation yet")
@refused("-s", "--schema", why="schemas come from annotations only", flag=False)
@refused("-w", "--watch", why="run the command again")
@click.pass_context
def test(
    ctx: click.Context,
    *,
    paths: tuple[str, ...],
    verbose: bool,
    run: str | None,
    format_: str,
    timeout: float,
    bundle: bool,
    ignore: tuple[str, ...],
    max_errors: int,
    count: int,
    exit_zero_on_skipped: bool,
    fail_on_empty: bool,
    sort: str,
    v0_compatible: bool,
) -> None:
    r"""Run the unit tests in files and folders, as opa test does.

    Tests are rules whose name begins with test_; they pass when their value is
    true. Names that begin with todo_test_ are skipped. *.rego, *.json, *.yaml and
    *.yml files are loaded.

    \b
    Example:
      gatewright rego test policies/ -v
      gatewright rego test --v0-compatible src/ --run 'allow|deny'

    Exit status: 0 all passed; 2 one failed, or was skipped; 1 no test could run.
    """
    if not paths:
        raise FlagError("specify at least one file", ctx.get_usage())
    if format_ == "gobench":
        print_error(
            "cannot use output format gobench without running benchmarks (--bench)"
        )
        return
    # Only now, so that --help and mistakes are answered at once.
    from gatewright.cli.rego.reports import PrettyReport, json_report
    from gatewright.cli.rego.sources import load, pattern_test, patterns
    from gatewright.engine.loading import LoadErrors
    from gatewright.engine.testing import Outcome, compile_suite
    from gatewright.rego.compiled import CompileOptions
    from gatewright.rego.errors import RegoErrors

    try:
        selects: Callable[[str], bool] = pattern_test(run)
        loaded = load(paths, bundle=bundle, ignore=patterns(ignore), v0=v0_compatible)
        suite = compile_suite(
            loaded.modules,
            loaded.documents,
            options=CompileOptions(
                max_errors=max_errors,
                print_enabled=True,
                path_exists=loaded.has_path,
                rego_version=0 if v0_compatible else 1,
            ),
            selects=selects,
        )
    except (LoadErrors, RegoErrors, ValueError) as error:
        print_error(error)
        ctx.exit(1)

    def good(outcome: Outcome) -> bool:
        return outcome.passed or (outcome.skip and exit_zero_on_skipped)

    for _ in range(count):
        outcomes = []
        report = PrettyReport(sys.stdout.write, verbose=verbose)
        for outcome in suite.run(timeout=timeout or 5.0):
            outcomes.append(outcome)
            if format_ == "pretty":
                report.add(outcome)
        if format_ == "pretty":
            report.finish()
        else:
            slowest_first = sort == "duration"
            sys.stdout.write(json_report(outcomes, slowest_first=slowest_first) + "\n")
        if not outcomes and fail_on_empty:
            print_error("no tests were run")
            ctx.exit(1)
        if not all(map(good, outcomes)):
            ctx.exit(2)

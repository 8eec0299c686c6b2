"""gatewright rego test."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal

import click

from gatewright.cli.rego.command import (
    DURATION,
    FLOAT,
    INTEGER,
    Command,
    FlagError,
    print_error,
)
from gatewright.cli.rego.options import (
    bundle_mode_option,
    capabilities_option,
    coverage_options,
    format_option,
    max_errors_option,
    source_options,
    target_option,
)

if TYPE_CHECKING:
    from gatewright.builtins.capabilities import Capabilities
    from gatewright.engine.testing import Outcome, Suite, Watch

__all__ = ["test"]

_EXPLAIN: Final = ("fails", "full", "notes", "debug")


@click.command(cls=Command, name="test")
@click.argument("paths", nargs=-1, metavar="PATH...")
@click.option("-v", "--verbose", is_flag=True, help="Print passed tests, and steps.")
@click.option("-r", "--run", metavar="RE", help="Run tests whose path this matches.")
@format_option("test", ["pretty", "json", "gobench"], "pretty")
@click.option(
    "--timeout",
    type=DURATION,
    default=0.0,
    help="For each test.  [default: 5s]",
)
@bundle_mode_option
@source_options
@max_errors_option
@coverage_options
@click.option(
    "--threshold",
    type=FLOAT,
    default=0.0,
    help="Exit with 2 when fewer percent of lines are covered.",
)
@click.option(
    "--explain",
    type=click.Choice(_EXPLAIN),
    help="Steps to print of tests that fail; with -v.  [default: fails and notes]",
)
@click.option("--bench", is_flag=True, help="Measure how long each test takes.")
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
@click.option(
    "-p",
    "--parallel",
    type=INTEGER,
    default=0,
    help="Tests to run at a time; 0 for as many as there are processors.",
)
@click.option(
    "--benchmem/--no-benchmem",
    default=True,
    expose_value=False,
    help="Accepted; memory is not reported.",
)
@target_option
@capabilities_option
@click.option(
    "--var-values",
    is_flag=True,
    help="Print where a test failed, and what variables held there.",
)
@click.option(
    "-w", "--watch", "watching", is_flag=True, help="Run again when files change."
)
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
    schema: str,
    ignore: tuple[str, ...],
    v0_compatible: bool,
    max_errors: int,
    coverage: bool,
    coverage_runs: tuple[str, ...],
    threshold: float,
    explain: str | None,
    bench: bool,
    count: int,
    exit_zero_on_skipped: bool,
    fail_on_empty: bool,
    sort: str,
    parallel: int,
    capabilities: Capabilities | None,
    var_values: bool,
    watching: bool,
) -> None:
    r"""Run the unit tests in files and folders, as opa test does.

    Tests are rules whose name begins with test_; they pass when their value is
    true. Names that begin with todo_test_ are skipped. *.rego, *.json, *.yaml and
    *.yml files are loaded.

    \b
    Example:
      gatewright rego test policies/ -v
      gatewright rego test policies/ --coverage --threshold 90
      gatewright rego test --v0-compatible src/ --run 'allow|deny'

    Exit status: 0 all passed; 2 one failed, or was skipped, or the coverage is
    below the threshold; 1 no test could run.
    """
    if not paths:
        raise FlagError("specify at least one file", ctx.get_usage())
    if format_ == "gobench" and not bench:
        print_error(
            "cannot use output format gobench without running benchmarks (--bench)"
        )
        return
    if not 0 <= threshold <= 100:
        print_error("Code coverage threshold must be between 0 and 100")
        ctx.exit(1)
    coverage = coverage or threshold > 0
    # Only now, so that --help and mistakes are answered at once.
    from gatewright.cli.rego.sources import load, pattern_test, patterns
    from gatewright.engine.loading import LoadErrors, load_schemas
    from gatewright.engine.testing import Watch, compile_suite
    from gatewright.engine.traces.coverage import Coverage
    from gatewright.rego.compiled import CompileOptions
    from gatewright.rego.errors import RegoErrors

    verbose = verbose or explain is not None

    def good(outcome: Outcome) -> bool:
        return outcome.passed or (outcome.skip and exit_zero_on_skipped)

    def run_all() -> int:
        """Load, compile and run everything; the exit status."""
        try:
            selects: Callable[[str], bool] = pattern_test(run)
            loaded = load(
                paths,
                bundle=bundle,
                ignore=patterns(ignore),
                v0=v0_compatible,
                capabilities=capabilities,
            )
            suite = compile_suite(
                loaded.modules,
                loaded.documents,
                options=CompileOptions(
                    max_errors=max_errors,
                    print_enabled=not bench,
                    path_exists=loaded.has_path,
                    rego_version=0 if v0_compatible else 1,
                    schemas=load_schemas(schema) if schema else {},
                    schema_annotations=True,
                    builtins=None if capabilities is None else capabilities.builtins,
                ),
                selects=selects,
            )
            if coverage and bench:
                text = "coverage reporting is not supported when benchmarking tests"
                raise ValueError(f"{text}\n{text}")
        except (LoadErrors, RegoErrors, ValueError) as error:
            print_error(error)
            return 1

        watch = Watch(
            coverage=Coverage(coverage_runs) if coverage else None,
            trace=_traced(verbose=verbose or var_values, form=format_),
            values=var_values or format_ == "json",
            unifications=explain == "debug",
        )

        for _ in range(count):
            outcomes: list[Outcome] = []
            if bench:
                _bench(suite, format_, outcomes)
            elif watch.coverage is not None:
                status = _covered(
                    suite, watch, outcomes, timeout, threshold, verbose=verbose
                )
                if status:
                    return status
            else:
                _run(
                    suite,
                    watch,
                    outcomes,
                    timeout=timeout or 5.0,
                    parallel=parallel or os.cpu_count() or 1,
                    form=format_,
                    mode=explain or "both",
                    verbose=verbose,
                    variables=var_values,
                    slowest_first=sort == "duration",
                )
            if not outcomes and fail_on_empty:
                print_error("no tests were run")
                return 1
            if not all(map(good, outcomes)):
                return 2
        return 0

    if not watching:
        ctx.exit(run_all())
    from gatewright.cli.rego.changes import changed, stamps

    status = 0
    # A shell starts background jobs with it ignored, and there is no other way out.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        known = stamps(paths)
        status = run_all()
        while True:
            print(f"{'*' * 80}\nWatching for changes ...", flush=True)
            known = changed(paths, known)
            run_all()
    ctx.exit(status)


def _traced(*, verbose: bool, form: str) -> Literal["none", "failed", "all"]:
    if not verbose:
        return "none"
    return "all" if form == "json" else "failed"


def _run(
    suite: Suite,
    watch: Watch,
    outcomes: list[Outcome],
    *,
    timeout: float,
    parallel: int,
    form: str,
    mode: str,
    verbose: bool,
    variables: bool,
    slowest_first: bool,
) -> None:
    from gatewright.cli.rego.reports import PrettyReport, json_report

    report = PrettyReport(
        sys.stdout.write,
        verbose=verbose,
        mode=mode,
        names=suite.names,
        variables=variables,
        failed_line=variables,
    )
    for outcome in suite.run(timeout=timeout, parallel=parallel, watch=watch):
        outcomes.append(outcome)
        if form == "pretty":
            report.add(outcome)
    if form == "pretty":
        report.finish()
        return
    shown = json_report(
        outcomes, slowest_first=slowest_first, mode=mode, names=suite.names
    )
    sys.stdout.write(shown + "\n")


def _covered(
    suite: Suite,
    watch: Watch,
    outcomes: list[Outcome],
    timeout: float,
    threshold: float,
    *,
    verbose: bool,
) -> int:
    """Run tests, and print their coverage if all pass; the exit status."""
    from gatewright.cli.rego.reports import PrettyReport, title
    from gatewright.engine.traces.coverage import uncovered_lines
    from gatewright.rego.ast_json import dumps

    assert watch.coverage is not None
    outcomes += suite.run(timeout=timeout or 5.0, watch=watch)
    for outcome in outcomes:
        if outcome.error is not None:
            print_error(outcome.error)
            return 1
    failed = [outcome for outcome in outcomes if outcome.fail]
    if failed:
        report = PrettyReport(sys.stdout.write, verbose=verbose, names=suite.names)
        for outcome in failed:
            report.add(outcome)
        report.finish()
        print_error(title(failed[0]))
        return 1
    found = watch.coverage.report(suite.modules)
    if found["coverage"] < threshold:
        text = (
            f"Code coverage threshold not met: got {found['coverage']:.2f}"
            f" instead of {threshold:.2f}"
        )
        lines = uncovered_lines(found) if verbose else []
        if lines or (verbose and found["files"]):
            text += "\nLines not covered:" + "".join(f"\n\t{line}" for line in lines)
        print_error(text)
        return 2
    sys.stdout.write(dumps(found) + "\n")
    return 0


def _bench(suite: Suite, form: str, outcomes: list[Outcome]) -> None:
    from gatewright.cli.rego.reports import PrettyReport, json_report
    from gatewright.cli.rego.rounds import Rounds

    report = PrettyReport(sys.stdout.write, verbose=False)
    rounds: list[Rounds | None] = []
    for outcome in suite.run(timeout=30.0):
        outcomes.append(outcome)
        measured = None
        if outcome.passed:
            test = outcome.test
            measured = Rounds.measure(lambda test=test: suite.once(test))  # type: ignore[misc]
        rounds.append(measured)
        if form == "json":
            continue
        if measured is None:
            report.add(outcome)
        else:
            sys.stdout.write(measured.line(outcome.test.path, camel=form == "gobench"))
            report.count(outcome)
    if form == "json":
        sys.stdout.write(json_report(outcomes, rounds=rounds) + "\n")
    else:
        report.finish(lined=True)

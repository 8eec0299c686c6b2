"""gatewright verify."""

from __future__ import annotations

import click

from gatewright.cli import gator_options as options
from gatewright.cli.compile_cache import cache_option, open_cache
from gatewright.cli.problems import Problem
from gatewright.gator.policies import GatorError
from gatewright.gator.report import report
from gatewright.gator.selection import Selection
from gatewright.gator.suites import find_suites
from gatewright.gator.verify import Verifier

__all__ = ["verify"]


@click.command(
    cls=options.GatorCommand,
    short_help="Run suites of tests for templates and constraints.",
)
@click.argument("path", metavar="PATH")
@click.option(
    "-r",
    "--run",
    "expression",
    default="",
    metavar="RE",
    help="Run only what matches: RE (test or case), TEST//, //CASE or TEST//CASE.",
)
@click.option("-v", "--verbose", is_flag=True, help="Show every case, and print().")
@click.option("-t", "--trace", is_flag=True, help="Not supported yet.")
@options.engine_option()
@options.cel_options
@cache_option
def verify(
    path: str,
    expression: str,
    *,
    verbose: bool,
    trace: bool,
    engine: str | None,
    native: bool | None,
    failure_policy: str,
    compile_cache: str,
) -> None:
    r"""Run the suites at PATH: tests of ConstraintTemplates and constraints.

    PATH is a file, a folder (the suites directly in it) or a folder with /... behind
    it (all suites below). A suite names templates, constraints, objects and what
    must come of them; a folder without any suite passes.

    \b
    Examples:
      gatewright verify policies/...
      gatewright verify suite.yaml -v
      gatewright verify policies/... --run forbid-labels//
      gatewright verify policies/... --run '//^nginx-deployment$'

    \b
    Exit status:
      0  everything passed
      1  a test failed, or a suite cannot be read
      2  a wrong command line
    """
    if wrong := options.check_failure_policy(failure_policy):
        raise Problem(wrong)
    options.choose_engine(engine)
    options.refuse_trace(trace)
    try:
        suites = find_suites(path)
    except GatorError as error:
        raise Problem(f"listing test files: {error}") from None
    try:
        verifier = Verifier(Selection.of(expression), cache=open_cache(compile_cache))
    except GatorError as error:
        raise Problem(f"compiling filter: {error}") from None
    results = [verifier.run(suite) for suite in suites]
    if native is not False and engine is None:
        options.say(verifier.notices)
    click.echo(report(results, verbose=verbose), nl=False)
    if any(one.failed for one in results):
        raise Problem("FAIL")

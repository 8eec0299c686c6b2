"""gatewright rego bench."""

from __future__ import annotations

import sys
from typing import Any, Final

import click

from gatewright.cli.rego.command import (
    INTEGER,
    Command,
    FlagError,
    accepted,
    print_error,
    refused,
)
from gatewright.cli.rego.options import format_option, query_options, target_option

__all__ = ["bench"]

_NO_PARTIAL: Final = "there is no partial evaluation yet"
_OF_PARTIAL: Final = "Accepted; changes nothing without --partial."


@click.command(cls=Command, name="bench")
@click.argument("queries", nargs=-1, metavar="QUERY")
@query_options
@format_option("bench", ["pretty", "json", "gobench"], "pretty")
@click.option(
    "--fail/--no-fail", default=True, help="An undefined result is an error.  [default]"
)
@click.option(
    "--metrics/--no-metrics",
    default=True,
    help="Report the spread of times of evaluation.  [default]",
)
@click.option("--count", type=INTEGER, default=1, help="Benchmarks to run.")
@click.option(
    "--benchmem/--no-benchmem",
    default=True,
    expose_value=False,
    help="Accepted; memory is not reported.",
)
@target_option
@refused("--e2e", why="there is no server of Rego yet")
@refused("-c", "--config-file", why="there is no server of Rego yet", flag=False)
@refused("-p", "--partial", why=_NO_PARTIAL)
@accepted("-u", "--unknowns", multiple=True, note=_OF_PARTIAL)
@click.pass_context
def bench(
    ctx: click.Context,
    /,
    *,
    queries: tuple[str, ...],
    format_: str,
    fail: bool,
    metrics: bool,
    count: int,
    **asked: Any,
) -> None:
    r"""Evaluate a query for a second, and print how long one evaluation takes.

    Compiling and loading are not measured.

    \b
    Example:
      gatewright rego bench -d policy.rego -i input.json data.app.allow

    Exit status: 0; 1 on errors, or when the result is undefined.
    """
    usage = ctx.get_usage()
    if len(queries) + asked["stdin"] != 1:
        raise FlagError("specify query argument or --stdin", usage)
    from gatewright.cli.rego.failures import failure_rows, failure_text, failures_of
    from gatewright.cli.rego.questions import Question, SetupError, runtime_context
    from gatewright.cli.rego.rounds import Rounds
    from gatewright.engine.errors import BudgetExceeded, EvalError
    from gatewright.engine.limits import Limits
    from gatewright.engine.loading import LoadErrors
    from gatewright.rego.ast_json import dumps
    from gatewright.rego.errors import RegoErrors

    limits = Limits(steps=1 << 60)
    try:
        question = Question.read(queries, **asked)
        question.prints = False
        ready = question.prepare()

        def once() -> bool:
            rows = ready.query.run(
                input=ready.input,
                data=ready.data,
                limits=limits,
                context=runtime_context(ready.http),
            )
            return bool(rows)

        if not once() and fail:
            print_error("1 error occurred: undefined result")
            ctx.exit(1)
        for _ in range(count):
            rounds = Rounds.measure(once)
            sys.stdout.write(rounds.show(format_, metrics=metrics))
            sys.stdout.flush()
    except SetupError as error:
        print_error(error)
        ctx.exit(1)
    except (LoadErrors, RegoErrors, EvalError, BudgetExceeded) as error:
        failures = failures_of(error)
        if format_ == "json":
            sys.stdout.write(dumps({"errors": failure_rows(failures)}) + "\n")
        else:
            print_error(failure_text(failures))
        ctx.exit(1)

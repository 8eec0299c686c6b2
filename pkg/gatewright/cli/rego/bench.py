"""gatewright rego bench."""

from __future__ import annotations

import sys
from typing import Final

import click

from gatewright.cli.rego.command import (
    INTEGER,
    Command,
    FlagError,
    print_error,
    refused,
)

__all__ = ["bench"]

_NO_PARTIAL: Final = "there is no partial evaluation yet"


@click.command(cls=Command, name="bench")
@click.argument("queries", nargs=-1, metavar="QUERY")
@click.option(
    "-d",
    "--data",
    multiple=True,
    metavar="PATH",
    help="Policies and base data: file or folder; repeatable.",
)
@click.option(
    "-b", "--bundle", multiple=True, metavar="PATH", help="Bundle; repeatable."
)
@click.option("-i", "--input", "input_", metavar="FILE", help="JSON or YAML file.")
@click.option("-I", "--stdin-input", is_flag=True, help="Read the input from stdin.")
@click.option("--stdin", is_flag=True, help="Read the query from stdin.")
@click.option(
    "-f",
    "--format",
    "format_",
    type=click.Choice(["pretty", "json", "gobench"]),
    default="pretty",
    show_default=True,
    envvar="OPA_BENCH_FORMAT",
    help="Output format.",
)
@click.option("--package", metavar="PATH", default="", help="Package of the query.")
@click.option(
    "--import", "imports", multiple=True, metavar="REF", help="Import; repeatable."
)
@click.option(
    "--fail/--no-fail", default=True, help="An undefined result is an error.  [default]"
)
@click.option(
    "--metrics/--no-metrics",
    default=True,
    help="Report the spread of times of evaluation.  [default]",
)
@click.option("-s", "--schema", metavar="PATH", default="", help="JSON schemas.")
@click.option("--count", type=INTEGER, default=1, help="Benchmarks to run.")
@click.option(
    "--ignore", metavar="PATTERN", multiple=True, help="Names of files to leave out."
)
@click.option("--v0-compatible", is_flag=True, help="Read policies as Rego v0.")
@click.option(
    "--benchmem/--no-benchmem",
    default=True,
    expose_value=False,
    help="Accepted; memory is not reported.",
)
@click.option(
    "-t", "--target", type=click.Choice(["rego"]), expose_value=False, help="Only rego."
)
@refused("--e2e", why="there is no server of Rego yet")
@refused("-c", "--config-file", why="there is no server of Rego yet", flag=False)
@refused("-p", "--partial", why=_NO_PARTIAL)
@refused("-u", "--unknowns", why=_NO_PARTIAL, flag=False)
@click.pass_context
def bench(
    ctx: click.Context,
    *,
    queries: tuple[str, ...],
    data: tuple[str, ...],
    bundle: tuple[str, ...],
    input_: str | None,
    stdin_input: bool,
    stdin: bool,
    format_: str,
    package: str,
    imports: tuple[str, ...],
    fail: bool,
    metrics: bool,
    schema: str,
    count: int,
    ignore: tuple[str, ...],
    v0_compatible: bool,
) -> None:
    r"""Evaluate a query for a second, and print how long one evaluation takes.

    Compiling and loading are not measured.

    \b
    Example:
      gatewright rego bench -d policy.rego -i input.json data.app.allow

    Exit status: 0; 1 on errors, or when the result is undefined.
    """
    usage = ctx.get_usage()
    if len(queries) + stdin != 1:
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
        question = Question.read(
            sys.stdin.read() if stdin else queries[0],
            data=data,
            bundles=bundle,
            input_file=input_ or "",
            input_stdin=stdin_input,
            package=package,
            imports=imports,
            schema=schema,
            ignore=ignore,
            strict=False,
            v0=v0_compatible,
        )
        question.prints = False
        asked = question.prepare()

        def once() -> bool:
            rows = asked.query.run(
                input=asked.input,
                data=asked.data,
                limits=limits,
                context=runtime_context(),
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

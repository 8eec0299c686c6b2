"""gatewright rego eval."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

import click

from gatewright.cli.rego.command import (
    DURATION,
    INTEGER,
    Command,
    FlagError,
    accepted,
    print_error,
    refused,
)

if TYPE_CHECKING:
    from gatewright.cli.rego.answers import Answer
    from gatewright.cli.rego.questions import Question

__all__ = ["evaluate"]

_FORMATS: Final = ("json", "values", "bindings", "pretty", "source", "raw", "discard")
_NO_TRACE: Final = "there is no trace of evaluation yet"
_NO_PARTIAL: Final = "there is no partial evaluation yet"


@click.command(cls=Command, name="eval")
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
    type=click.Choice(_FORMATS),
    default="json",
    show_default=True,
    envvar="OPA_EVAL_FORMAT",
    help="Output format.",
)
@click.option("--package", metavar="PATH", default="", help="Package of the query.")
@click.option(
    "--import", "imports", multiple=True, metavar="REF", help="Import; repeatable."
)
@click.option("--fail", is_flag=True, help="Exit with 1 when the result is undefined.")
@click.option("--fail-defined", is_flag=True, help="Exit with 1 when it is defined.")
@click.option(
    "--strict-builtin-errors",
    is_flag=True,
    help="An error of a builtin ends the query.",
)
@click.option(
    "--show-builtin-errors", is_flag=True, help="Print such errors with the result."
)
@click.option("-S", "--strict", is_flag=True, help="Compile in strict mode.")
@click.option("-s", "--schema", metavar="PATH", default="", help="JSON schemas.")
@click.option(
    "--timeout", type=DURATION, default=0.0, metavar="DURATION", help="End it then."
)
@click.option("--metrics", is_flag=True, help="Print how long each step took.")
@click.option("--count", type=INTEGER, default=1, help="Evaluate so many times.")
@click.option(
    "--ignore", metavar="PATTERN", multiple=True, help="Names of files to leave out."
)
@click.option("--v0-compatible", is_flag=True, help="Read policies as Rego v0.")
@accepted("--pretty-limit", type=INTEGER)
@accepted("--disable-indexing", is_flag=True)
@accepted("--disable-early-exit", is_flag=True)
@accepted("--optimize-store-for-read-speed", is_flag=True)
@accepted("--var-values", is_flag=True)
@accepted("-t", "--target", note="Only rego.", type=click.Choice(["rego"]))
@accepted("--explain", note="Only off.", type=click.Choice(["off"]))
@refused("--coverage", why="there is no coverage report yet")
@refused("--coverage-runs", why="there is no coverage report yet", flag=False)
@refused("--profile", why="there is no profiler yet")
@refused("--profile-limit", why="there is no profiler yet", flag=False)
@refused("--profile-sort", why="there is no profiler yet", flag=False)
@refused("--instrument", why="use --metrics")
@refused("-p", "--partial", why=_NO_PARTIAL)
@refused("-u", "--unknowns", why=_NO_PARTIAL, flag=False)
@refused("--disable-inlining", why=_NO_PARTIAL, flag=False)
@refused("--shallow-inlining", why=_NO_PARTIAL)
@refused("--nondeterminstic-builtins", why=_NO_PARTIAL)
@refused("-O", "--optimize", why=_NO_PARTIAL, flag=False)
@refused("-e", "--entrypoint", why=_NO_PARTIAL, flag=False)
@refused("--capabilities", why="builtins are those of OPA 1.22.2", flag=False)
@click.pass_context
def evaluate(
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
    fail_defined: bool,
    strict_builtin_errors: bool,
    show_builtin_errors: bool,
    strict: bool,
    schema: str,
    timeout: float,
    metrics: bool,
    count: int,
    ignore: tuple[str, ...],
    v0_compatible: bool,
) -> None:
    r"""Evaluate a query against policies, data and an input.

    \b
    Example:
      gatewright rego eval 'x := 1; y := x + 1'
      gatewright rego eval -d policy.rego -i input.json data.app.allow -f raw

    Exit status: 0; 2 on errors; 1 by --fail and --fail-defined.
    """
    usage = ctx.get_usage()
    if queries and stdin:
        raise FlagError("specify query argument or --stdin but not both", usage)
    if not queries and not stdin:
        raise FlagError("specify query argument or --stdin", usage)
    if len(queries) > 1:
        raise FlagError("specify at most one query argument", usage)
    if stdin and stdin_input:
        raise FlagError("specify --stdin or --stdin-input but not both", usage)
    if stdin_input and input_:
        raise FlagError("specify --stdin-input or --input but not both", usage)
    if fail and fail_defined:
        raise FlagError("specify --fail or --fail-defined but not both", usage)
    if format_ == "source":
        raise FlagError("invalid output format for evaluation", usage)
    from gatewright.cli.rego.answers import show
    from gatewright.cli.rego.questions import Question, SetupError

    try:
        if strict_builtin_errors and show_builtin_errors:
            raise SetupError(
                "cannot use --show-builtin-errors with --strict-builtin-errors,"
                " --strict-builtin-errors will return the first built-in error"
                " encountered immediately"
            )
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
            strict=strict,
            v0=v0_compatible,
        )
    except SetupError as error:
        print_error(error)
        ctx.exit(2)
    answer = _answer(
        question,
        strict=strict_builtin_errors,
        show_errors=show_builtin_errors,
        timeout=timeout,
        count=count,
        metrics=metrics,
    )
    out, errors = show(answer, format_)
    sys.stdout.write(out)
    if errors:
        print_error(errors.removesuffix("\n"))
    if answer.failures and not answer.survived:
        ctx.exit(2)
    if (fail and not answer.solutions) or (fail_defined and answer.solutions):
        ctx.exit(1)


def _answer(
    question: Question,
    *,
    strict: bool,
    show_errors: bool,
    timeout: float,
    count: int,
    metrics: bool,
) -> Answer:
    from gatewright.cli.rego.answers import Answer
    from gatewright.cli.rego.failures import failures_of, in_query
    from gatewright.cli.rego.questions import runtime_context
    from gatewright.engine.errors import CANCEL_ERROR, BudgetExceeded, EvalError
    from gatewright.engine.limits import Limits
    from gatewright.engine.loading import LoadErrors
    from gatewright.rego.errors import RegoErrors

    collected: list[EvalError] = []
    try:
        asked = question.prepare()
        start = time.perf_counter_ns()
        limits = Limits(steps=1 << 60, seconds=timeout or None)
        for _ in range(max(1, count)):
            collected.clear()
            solutions = asked.query.solve(
                input=asked.input,
                data=asked.data,
                limits=limits,
                strict_builtin_errors=strict,
                context=runtime_context(),
                collected=collected if show_errors else None,
            )
        question.timers["timer_rego_query_eval_ns"] = time.perf_counter_ns() - start
    except BudgetExceeded as exceeded:
        late = exceeded.reason == "cancelled"
        text = "context deadline exceeded" if late else str(exceeded)
        return Answer(failures=[EvalError(CANCEL_ERROR, text)])
    except EvalError as error:
        return Answer(failures=[in_query(error, asked.query.expressions)])
    except (LoadErrors, RegoErrors) as error:
        return Answer(failures=failures_of(error))
    return Answer(
        asked.query.expressions,
        solutions,
        [in_query(error, asked.query.expressions) for error in collected],
        question.timers if metrics else {},
        survived=True,
    )

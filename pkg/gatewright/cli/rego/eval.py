"""gatewright rego eval."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, Final

import click

from gatewright.cli.optimisations import no_opt_option
from gatewright.cli.rego.command import (
    DURATION,
    INTEGER,
    Command,
    FlagError,
    accepted,
    print_error,
    refused,
)
from gatewright.cli.rego.options import (
    capabilities_option,
    coverage_options,
    format_option,
    query_options,
    strict_option,
    target_option,
)

if TYPE_CHECKING:
    from gatewright.cli.rego.answers import Answer
    from gatewright.cli.rego.observing import Wanted
    from gatewright.cli.rego.questions import Asked, Question

__all__ = ["evaluate"]

_FORMATS: Final = ("json", "values", "bindings", "pretty", "source", "raw", "discard")
_EXPLAIN: Final = ("off", "full", "notes", "fails", "debug")
_NO_PARTIAL: Final = "there is no partial evaluation yet"
_OF_PARTIAL: Final = "Accepted; changes nothing without --partial."


@click.command(cls=Command, name="eval")
@click.argument("queries", nargs=-1, metavar="QUERY")
@query_options
@format_option("eval", _FORMATS, "json")
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
@strict_option
@click.option(
    "--timeout", type=DURATION, default=0.0, metavar="DURATION", help="End it then."
)
@click.option(
    "--explain",
    type=click.Choice(_EXPLAIN),
    default="off",
    show_default=True,
    help="Print the steps of evaluation.",
)
@click.option(
    "--var-values", is_flag=True, help="Print variables beside the steps (pretty)."
)
@coverage_options
@click.option("--profile", is_flag=True, help="Print how often, how long, by line.")
@click.option("--profile-limit", type=INTEGER, help="Lines to print.  [default: 10]")
@click.option(
    "--profile-sort",
    multiple=True,
    metavar="BY",
    help="total_time_ns, num_eval, num_redo, num_gen_expr, file, line; repeatable.",
)
@click.option("--metrics", is_flag=True, help="Print how long each step took.")
@click.option("--instrument", is_flag=True, help="The same.")
@click.option("--count", type=INTEGER, default=1, help="Evaluate so many times.")
@click.option("--disable-indexing", is_flag=True, help="Try rules that cannot hold.")
@click.option("--disable-early-exit", is_flag=True, help="Try rules to the end.")
@no_opt_option
@target_option
@capabilities_option
@accepted("--pretty-limit", type=INTEGER)
@accepted("--optimize-store-for-read-speed", is_flag=True)
@refused("-p", "--partial", why=_NO_PARTIAL)
@accepted("-u", "--unknowns", multiple=True, note=_OF_PARTIAL)
@accepted("--disable-inlining", multiple=True, note=_OF_PARTIAL)
@accepted("--shallow-inlining", is_flag=True, note=_OF_PARTIAL)
@accepted("--nondeterminstic-builtins", is_flag=True, note=_OF_PARTIAL)
@accepted("-O", "--optimize", type=INTEGER, note=_OF_PARTIAL)
@accepted("-e", "--entrypoint", multiple=True, note=_OF_PARTIAL)
@click.pass_context
def evaluate(
    ctx: click.Context,
    /,
    *,
    queries: tuple[str, ...],
    format_: str,
    fail: bool,
    fail_defined: bool,
    strict_builtin_errors: bool,
    show_builtin_errors: bool,
    timeout: float,
    explain: str,
    var_values: bool,
    coverage: bool,
    coverage_runs: tuple[str, ...],
    profile: bool,
    profile_limit: int | None,
    profile_sort: tuple[str, ...],
    metrics: bool,
    instrument: bool,
    count: int,
    disable_indexing: bool,
    disable_early_exit: bool,
    **asked: Any,
) -> None:
    r"""Evaluate a query against policies, data and an input.

    \b
    Example:
      gatewright rego eval 'x := 1; y := x + 1'
      gatewright rego eval -d policy.rego -i input.json data.app.allow -f raw
      gatewright rego eval -d policy.rego data.app.allow -f pretty --explain fails
      gatewright rego eval -d policy.rego data.app.allow -f pretty --profile

    With --explain, --coverage or --profile the query is evaluated step by step,
    which takes longer.

    Exit status: 0; 2 on errors; 1 by --fail and --fail-defined.
    """
    _check(ctx, queries, asked, fail=fail, fail_defined=fail_defined, form=format_)
    from gatewright.cli.rego.answers import show
    from gatewright.cli.rego.observing import Wanted
    from gatewright.cli.rego.questions import Question, SetupError
    from gatewright.engine.traces.profile import sort_order

    try:
        if strict_builtin_errors and show_builtin_errors:
            raise SetupError(
                "cannot use --show-builtin-errors with --strict-builtin-errors,"
                " --strict-builtin-errors will return the first built-in error"
                " encountered immediately"
            )
        question = Question.read(queries, **asked)
    except SetupError as error:
        print_error(error)
        ctx.exit(2)
    profile = profile or profile_limit is not None or bool(profile_sort)
    wanted = Wanted(
        explain=explain,
        values=explain != "off" and (var_values or format_ in ("json", "discard")),
        coverage=coverage_runs if coverage else None,
        profile=profile,
        order=sort_order([by for one in profile_sort for by in one.split(",")]),
        limit=10 if profile_limit is None else profile_limit,
        indexing=not disable_indexing,
        early_exit=not disable_early_exit,
    )
    answer = _answer(
        question,
        wanted,
        strict=strict_builtin_errors,
        show_errors=show_builtin_errors,
        timeout=timeout,
        count=count,
        metrics=metrics or instrument or profile,
    )
    out, errors = show(answer, format_, variables=var_values)
    sys.stdout.write(out)
    if errors:
        print_error(errors.removesuffix("\n"))
    if answer.failures and not answer.survived:
        ctx.exit(2)
    if (fail and not answer.solutions) or (fail_defined and answer.solutions):
        ctx.exit(1)


def _check(
    ctx: click.Context,
    queries: tuple[str, ...],
    asked: dict[str, Any],
    *,
    fail: bool,
    fail_defined: bool,
    form: str,
) -> None:
    usage = ctx.get_usage()
    stdin = asked["stdin"]
    if queries and stdin:
        raise FlagError("specify query argument or --stdin but not both", usage)
    if not queries and not stdin:
        raise FlagError("specify query argument or --stdin", usage)
    if len(queries) > 1:
        raise FlagError("specify at most one query argument", usage)
    if stdin and asked["stdin_input"]:
        raise FlagError("specify --stdin or --stdin-input but not both", usage)
    if asked["stdin_input"] and asked["input_file"]:
        raise FlagError("specify --stdin-input or --input but not both", usage)
    if fail and fail_defined:
        raise FlagError("specify --fail or --fail-defined but not both", usage)
    if form == "source":
        raise FlagError("invalid output format for evaluation", usage)


def _answer(
    question: Question,
    wanted: Wanted,
    *,
    strict: bool,
    show_errors: bool,
    timeout: float,
    count: int,
    metrics: bool,
) -> Answer:
    from gatewright.cli.rego.answers import Answer, aggregated
    from gatewright.cli.rego.failures import failures_of, in_query
    from gatewright.cli.rego.observing import Observation
    from gatewright.engine.errors import CANCEL_ERROR, BudgetExceeded, EvalError
    from gatewright.engine.limits import Limits
    from gatewright.engine.loading import LoadErrors
    from gatewright.rego.errors import RegoErrors

    answer = Answer()
    collected: list[EvalError] = []
    times: list[dict[str, int]] = []
    limits = Limits(steps=1 << 60, seconds=timeout or None)
    seen = Observation(wanted) if wanted.anything else None
    asked: Asked | None = None
    try:
        asked = question.prepare()
        answer.expressions = asked.expressions
        for _ in range(max(1, count)):
            collected.clear()
            start = time.perf_counter_ns()
            try:
                answer.solutions = asked.solve(
                    seen,
                    limits=limits,
                    strict_builtin_errors=strict,
                    collected=collected if show_errors else None,
                )
            finally:
                taken = time.perf_counter_ns() - start
                question.timers["timer_rego_query_eval_ns"] = taken
                times.append(dict(question.timers))
        answer.survived = True
        answer.failures = [in_query(error, asked.expressions) for error in collected]
    except BudgetExceeded as exceeded:
        late = exceeded.reason == "cancelled"
        text = "context deadline exceeded" if late else str(exceeded)
        answer.failures = [EvalError(CANCEL_ERROR, text)]
    except EvalError as error:
        answer.failures = [in_query(error, answer.expressions)]
    except (LoadErrors, RegoErrors) as error:
        answer.failures = failures_of(error)
        times.append(question.timers)
    if metrics and count > 1:
        answer.aggregated_metrics = aggregated(times)
    elif metrics:
        answer.metrics = question.timers
    if seen is not None and asked is not None:
        answer.take(seen, asked, several=count > 1)
    elif seen is not None and seen.coverage is not None:
        answer.coverage = seen.coverage.report({})
    return answer

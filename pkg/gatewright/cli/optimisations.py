"""`--no-opt`, of the commands that evaluate policies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

__all__ = ["no_opt_option"]

F = TypeVar("F", bound=Callable[..., Any])


def _leave_out(
    ctx: click.Context, param: click.Parameter, names: tuple[str, ...]
) -> None:
    if not names or ctx.resilient_parsing:
        return
    from gatewright.plan.passes import leave_out

    try:
        leave_out(",".join(names))
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from error


#: Leaves optimisations of plans out, in this process and those that it starts.
no_opt_option: Final[Callable[[F], F]] = click.option(
    "--no-opt",
    metavar="NAME[,NAME]",
    multiple=True,
    is_eager=True,
    expose_value=False,
    callback=_leave_out,
    help="Plan without these optimisations, or `all`: the answers are the same. "
    "GATEWRIGHT_NO_OPT does so, too.",
)

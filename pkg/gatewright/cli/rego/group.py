"""The group `gatewright rego`, and which file holds which command."""

from __future__ import annotations

import difflib
import gc
from collections.abc import Mapping
from typing import Final

import click

from gatewright.cli.main import LazyGroup
from gatewright.cli.rego.command import FlagError

__all__ = ["rego"]

_HERE: Final = "gatewright.cli.rego"

#: command -> (module, attribute, one line of help)
COMMANDS: Final[Mapping[str, tuple[str, str, str]]] = {
    "eval": (f"{_HERE}.eval", "evaluate", "Evaluate a query."),
    "check": (f"{_HERE}.check", "check", "Find mistakes in policies."),
    "test": (f"{_HERE}.test", "test", "Run the unit tests of policies."),
    "bench": (f"{_HERE}.bench", "bench", "Measure how long a query takes."),
    "parse": (f"{_HERE}.parse", "parse", "Print the syntax tree of a policy."),
    "capabilities": (
        f"{_HERE}.capabilities",
        "capabilities",
        "Print which builtins and features there are.",
    ),
}

#: Commands of opa that are not here, and what they would take.
_LATER: Final[Mapping[str, str]] = {
    "build": "bundles are read, not built",
    "deps": "dependencies of queries are not printed",
    "exec": "there is no server of Rego and no decision log; use eval",
    "fmt": "there is no formatter",
    "inspect": "bundles are read, not inspected",
    "run": "there is no server of Rego and no prompt",
    "sign": "bundles are not signed",
}


class _Group(LazyGroup):
    """Names the commands of opa that are missing, rather than not to know them."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] in _LATER:
            raise FlagError(f"{args[0]} is not supported: {_LATER[args[0]]}")
        if args and args[0] not in COMMANDS:
            meant = difflib.get_close_matches(args[0], COMMANDS, 1)
            hint = f"\n\nDid you mean this?\n\t{meant[0]}\n" if meant else ""
            raise FlagError(
                f'unknown command "{args[0]}" for "{ctx.command_path}"{hint}',
                f"Run '{ctx.command_path} --help' for usage.",
            )
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Group,
    table=COMMANDS,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.pass_context
def rego(ctx: click.Context) -> None:
    r"""Work with Rego: commands, flags, output and exit status of opa.

    \b
    Ask a question:   gatewright rego eval -d policy.rego -i input.json data.a.allow
    Find mistakes:    gatewright rego check --strict policies/
    Run unit tests:   gatewright rego test policies/ -v

    A flag can also come from the environment, as for opa: OPA_EVAL_FORMAT=raw.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
        return
    # Trees that live to the end of the command are all that a collector could look
    # at, again and again: a third of the time of a large run.
    if gc.isenabled():
        gc.disable()
        ctx.call_on_close(_collect_again)


def _collect_again() -> None:
    """Have garbage collected as before, less what the command has left.

    The process ends now, and its memory with it. To look through large trees once
    more here, and then again as the interpreter ends, is a tenth of the run.
    """
    gc.freeze()
    gc.enable()

"""The group `gatewright`, and which file holds which command."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Final

import click

from gatewright import __version__

__all__ = ["LazyGroup", "main"]

#: command -> (module, attribute, one line of help)
COMMANDS: Final[Mapping[str, tuple[str, str, str]]] = {
    "serve": (
        "gatewright.cli.serve",
        "serve",
        "Serve admission over HTTPS by policies from a folder.",
    ),
    "manager": (
        "gatewright.cli.cluster",
        "manager",
        "Serve and control a cluster, with Gatekeeper's flags.",
    ),
    "completion": (
        "gatewright.cli.completion",
        "completion",
        "Print the completion script for a shell.",
    ),
    "verify": (
        "gatewright.cli.verify",
        "verify",
        "Run suites of tests for templates and constraints.",
    ),
    "test": (
        "gatewright.cli.test",
        "test",
        "Hold objects in files against policies in files.",
    ),
    "bench": (
        "gatewright.cli.bench",
        "bench",
        "Measure how fast policies judge objects.",
    ),
    "rego": (
        "gatewright.cli.rego.group",
        "rego",
        "Work with Rego: eval, check, parse, test and more, as opa has them.",
    ),
}


def _with_blocks(command: click.Command) -> None:
    # In a raw docstring the mark of a block that is not to be filled is spelled
    # out; click wants the character.
    command.help = (command.help or "").replace("\\b\n", "\b\n") or None


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def __init__(self, *, table: Mapping[str, tuple[str, str, str]], **rest: object):
        super().__init__(**rest)  # type: ignore[arg-type]
        self.table = table
        _with_blocks(self)

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(self.table)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.table:
            return None
        module, attribute, _ = self.table[name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        _with_blocks(command)
        return command

    def format_commands(
        self, _ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, row[2]) for name, row in self.table.items()])


@click.group(
    cls=LazyGroup,
    table=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="gatewright")
def main() -> None:
    r"""Policies for Kubernetes: a drop-in for OPA Gatekeeper.

    \b
    Serve admission:      gatewright serve --policies DIR
    Test policies in CI:  gatewright verify DIR/...
                          gatewright test -f DIR
    Work with Rego:       gatewright rego --help

    Exit status: 0 all is well; 1 a violation, a failed test or an error;
    2 the command line itself is wrong.
    """

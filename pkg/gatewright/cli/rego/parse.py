"""gatewright rego parse."""

from __future__ import annotations

import sys
from os.path import isdir

import click

from gatewright.cli.rego.command import Command, FlagError, accepted

__all__ = ["parse"]


@click.command(cls=Command, name="parse")
@click.argument("paths", nargs=-1, metavar="PATH")
@click.option(
    "-f",
    "--format",
    "format_",
    type=click.Choice(["pretty", "json"]),
    default="pretty",
    show_default=True,
    envvar="OPA_PARSE_FORMAT",
    help="Output format.",
)
@click.option(
    "--json-include",
    metavar="PARTS",
    default="",
    help="Parts of the JSON: locations, comments; with - in front to leave them out.",
)
@click.option("--v0-compatible", is_flag=True, help="Read the policy as Rego v0.")
@accepted("--v1-compatible", is_flag=True, note="Read it as Rego v1, as is usual.")
@click.pass_context
def parse(
    ctx: click.Context,
    *,
    paths: tuple[str, ...],
    format_: str,
    json_include: str,
    v0_compatible: bool,
) -> None:
    r"""Print the syntax tree of one file.

    \b
    Example:
      gatewright rego parse policy.rego -f json --json-include locations

    Exit status: 0; 1 when the file has errors.
    """
    if not paths:
        raise FlagError("no source file specified", ctx.get_usage())
    from gatewright.cli.rego.failures import failure_rows
    from gatewright.cli.rego.trees import tree
    from gatewright.engine.loading import os_text
    from gatewright.rego.ast_json import dumps, module_json
    from gatewright.rego.errors import RegoErrors
    from gatewright.rego.parser import parse_module

    try:
        with open(paths[0], "rb") as stream:
            text = stream.read().decode("utf-8", "surrogateescape")
        module = parse_module(
            paths[0],
            text,
            version=0 if v0_compatible else 1,
            process_annotations=True,
        )
    except OSError as error:
        message = os_text(error, "read" if isdir(paths[0]) else "open")
        sys.stderr.write(dumps({"errors": failure_rows([message])}) + "\n")
        ctx.exit(1)
    except RegoErrors as error:
        sys.stderr.write(dumps({"errors": failure_rows(error.errors)}) + "\n")
        ctx.exit(1)
    if format_ == "pretty":
        sys.stdout.write(tree(module))
        return
    parts = [part.strip() for part in json_include.split(",")]
    out = module_json(module, locations="locations" in parts)
    if "-comments" in parts:
        out.pop("comments", None)
    sys.stdout.write(dumps(out) + "\n")

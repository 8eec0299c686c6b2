"""gatewright rego check."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from gatewright.cli.rego.command import (
    Command,
    FlagError,
    print_error,
)
from gatewright.cli.rego.options import (
    bundle_mode_option,
    capabilities_option,
    format_option,
    max_errors_option,
    source_options,
    strict_option,
)

if TYPE_CHECKING:
    from gatewright.builtins.capabilities import Capabilities

__all__ = ["check"]


@click.command(cls=Command, name="check")
@click.argument("paths", nargs=-1, metavar="PATH...")
@strict_option
@format_option("check", ["pretty", "json"], "pretty")
@max_errors_option
@bundle_mode_option
@source_options
@capabilities_option
@click.option("--v0-v1", is_flag=True, help="Policies have to be good as v0 and as v1.")
@click.pass_context
def check(
    ctx: click.Context,
    *,
    paths: tuple[str, ...],
    strict: bool,
    format_: str,
    max_errors: int,
    bundle: bool,
    schema: str,
    ignore: tuple[str, ...],
    v0_compatible: bool,
    capabilities: Capabilities | None,
    v0_v1: bool,
) -> None:
    r"""Parse and compile policies, and print what is wrong with them.

    \b
    Example:
      gatewright rego check --strict policies/

    Exit status: 0, with nothing printed, when all is well; 1 with errors.
    """
    if not paths:
        raise FlagError("specify at least one file", ctx.get_usage())
    from gatewright.cli.rego.failures import failure_rows, failures_of
    from gatewright.cli.rego.sources import load, patterns
    from gatewright.engine.loading import LoadErrors, load_schemas
    from gatewright.rego.ast_json import dumps
    from gatewright.rego.compiled import CompileOptions
    from gatewright.rego.compiler import compile_modules
    from gatewright.rego.errors import RegoErrors

    try:
        schemas = load_schemas(schema) if schema else {}
        loaded = load(
            paths,
            bundle=bundle,
            ignore=patterns(ignore),
            v0=v0_compatible,
            only_rego=True,
            capabilities=capabilities,
            v0_v1=v0_v1,
        )
        compile_modules(
            loaded.modules,
            options=CompileOptions(
                strict=strict,
                max_errors=max_errors,
                print_enabled=True,
                path_exists=loaded.has_path if bundle else None,
                rego_version=0 if v0_compatible else 1,
                schemas=schemas,
                builtins=None if capabilities is None else capabilities.builtins,
            ),
        )
    except (LoadErrors, RegoErrors) as error:
        if format_ == "pretty":
            print_error(error)
        else:
            rows = failure_rows(failures_of(error))
            sys.stderr.write(dumps({"errors": rows}) + "\n")
        ctx.exit(1)

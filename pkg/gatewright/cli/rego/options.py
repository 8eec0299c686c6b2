"""Flags that several commands have, each said once."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from gatewright.cli.option_groups import all_of
from gatewright.cli.rego.command import INTEGER, FlagError

if TYPE_CHECKING:
    from gatewright.builtins.capabilities import Capabilities

__all__ = [
    "COVERAGE_KINDS",
    "bundle_mode_option",
    "capabilities_option",
    "coverage_options",
    "format_option",
    "max_errors_option",
    "query_options",
    "source_options",
    "strict_option",
    "target_option",
]

F = TypeVar("F", bound=Callable[..., Any])

#: Why a place was not covered, as the flag and the report name it.
COVERAGE_KINDS: Final = ("index_excluded", "early_exit")


def format_option(
    command: str, choices: Sequence[str], default: str
) -> Callable[[F], F]:
    """`--format`; its default can come from `OPA_<COMMAND>_FORMAT`."""
    return click.option(
        "-f",
        "--format",
        "format_",
        type=click.Choice(choices),
        default=default,
        show_default=True,
        envvar=f"OPA_{command.upper()}_FORMAT",
        help="Output format.",
    )


#: What is read, and as which Rego.
source_options: Final = all_of(
    click.option("-s", "--schema", metavar="PATH", default="", help="JSON schemas."),
    click.option(
        "--ignore",
        metavar="PATTERN",
        multiple=True,
        help="Leave out files and folders of that name; repeatable, comma-separated.",
    ),
    click.option("--v0-compatible", is_flag=True, help="Read policies as Rego v0."),
    click.option(
        "--v1-compatible",
        is_flag=True,
        expose_value=False,
        help="Read policies as Rego v1; so it is anyway.",
    ),
)

#: A query with all that it is asked against (`Question.read` takes the values).
query_options: Final = all_of(
    click.option(
        "-d",
        "--data",
        multiple=True,
        metavar="PATH",
        help="Policies and base data: file or folder; repeatable.",
    ),
    click.option(
        "-b", "--bundle", multiple=True, metavar="PATH", help="Bundle; repeatable."
    ),
    click.option(
        "-i", "--input", "input_file", metavar="FILE", help="JSON or YAML file."
    ),
    click.option(
        "-I", "--stdin-input", is_flag=True, help="Read the input from stdin."
    ),
    click.option("--stdin", is_flag=True, help="Read the query from stdin."),
    click.option("--package", metavar="PATH", default="", help="Package of the query."),
    click.option(
        "--import", "imports", multiple=True, metavar="REF", help="Import; repeatable."
    ),
    source_options,
)

strict_option: Final = click.option(
    "-S", "--strict", is_flag=True, help="Compile in strict mode."
)

max_errors_option: Final = click.option(
    "-m",
    "--max-errors",
    type=INTEGER,
    default=10,
    show_default=True,
    help="Compile errors to report; 0 for all.",
)

bundle_mode_option: Final = click.option(
    "-b", "--bundle", is_flag=True, help="Paths are bundles."
)


def _target(_ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    if value == "wasm":
        raise FlagError("-t, --target wasm is not supported: there is no WebAssembly")


target_option: Final = click.option(
    "-t",
    "--target",
    type=click.Choice(["rego", "wasm"]),
    expose_value=False,
    callback=_target,
    help="Only rego.",
)


def _capabilities(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> Capabilities | None:
    if value is None:
        return None
    from gatewright.builtins.capabilities import Capabilities

    try:
        with open(value, "rb") as stream:
            return Capabilities.of(json.load(stream))
    except (OSError, ValueError):
        try:
            return Capabilities.of_version(value)
        except KeyError:
            raise FlagError(
                f'invalid argument "{value}" for "{param.opts[0]}" flag:'
                f" no such file or capabilities version found: {value}",
                ctx.get_usage(),
            ) from None


#: `capabilities`: None for all that there is.
capabilities_option: Final = click.option(
    "--capabilities",
    metavar="FILE|VERSION",
    callback=_capabilities,
    help="What policies may use: a capabilities.json, or a release of OPA.",
)


def _kinds(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> tuple[str, ...]:
    if value is None:
        return COVERAGE_KINDS
    kinds = tuple(kind for kind in value.split(",") if kind)
    for kind in kinds:
        if kind not in COVERAGE_KINDS:
            words = " or ".join(f'"{known}"' for known in COVERAGE_KINDS)
            raise FlagError(
                f'invalid {param.opts[0]} value "{kind}" (expected {words})',
                ctx.get_usage(),
            )
    ctx.params["coverage"] = True
    return kinds


#: `coverage` and `coverage_runs`.
coverage_options: Final = all_of(
    click.option("-c", "--coverage", is_flag=True, help="Report coverage."),
    click.option(
        "--coverage-runs",
        metavar="KINDS",
        callback=_kinds,
        help="Say of lines not covered why, after more runs: index_excluded,early_exit.",
    ),
)

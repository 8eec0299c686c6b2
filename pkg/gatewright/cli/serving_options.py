"""Flags that `serve` and `manager` share, each said once, and the settings they make."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from gatewright.cli.option_groups import all_of

__all__ = ["Flag", "address_options", "flag", "judging", "judging_options"]

F = TypeVar("F", bound=Callable[..., Any])


class Flag(click.ParamType[bool]):
    """A Go boolean: `--x`, `--x=true`, `--x=false`."""

    name = "boolean"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> bool:
        if isinstance(value, bool):
            return value
        text = str(value).lower()
        if text in ("1", "t", "true"):
            return True
        if text in ("0", "f", "false"):
            return False
        return self.fail(f"{value!r} is not true or false", param, ctx)


def flag(name: str, text: str, *, default: bool = False) -> Callable[[F], F]:
    """A Go boolean as an option."""
    return click.option(
        name,
        is_flag=False,
        flag_value="true",
        default=str(default).lower(),
        type=Flag(),
        help=text,
    )


def _hosts(
    ctx: click.Context, param: click.Parameter, value: tuple[str, ...]
) -> tuple[str, ...]:
    """Refuse what no host is equal to, such as a URL."""
    for one in value:
        if not one or "/" in one or one != one.strip():
            raise click.BadParameter(f"{one!r} is not HOST or HOST:PORT", ctx, param)
    return value


def address_options(
    *, host: str, port: int, shown: str, cert_dir: Path | None, cert_help: str
) -> Callable[[F], F]:
    """Where to listen, by which certificate, in how many processes; `shown` is the
    default of `--host` in words."""
    return all_of(
        click.option(
            "--host", default=host, help=f"Admission address.  [default: {shown}]"
        ),
        click.option(
            "--port",
            type=click.IntRange(0, 65535),
            default=port,
            show_default=True,
            help="Admission port (HTTPS); 0 takes a free one.",
        ),
        click.option(
            "--health-addr",
            default=":9090",
            show_default=True,
            help="Probes: [HOST]:PORT.",
        ),
        click.option(
            "--cert-dir",
            type=click.Path(path_type=Path),
            default=cert_dir,
            show_default=True,
            help=cert_help,
        ),
        click.option(
            "--workers",
            type=click.IntRange(1, 64),
            default=1,
            show_default=True,
            help="Serving processes.",
        ),
    )


#: What is judged and how, and what of it is logged; see `judging`.
judging_options: Final = all_of(
    click.option(
        "--exempt-namespace",
        multiple=True,
        help="May carry the ignore label; repeatable.",
    ),
    click.option(
        "--exempt-namespace-prefix",
        multiple=True,
        help="The same by prefix; repeatable.",
    ),
    click.option(
        "--exempt-namespace-suffix",
        multiple=True,
        help="The same by suffix; repeatable.",
    ),
    flag("--log-denies", "Log a line for each violation."),
    flag("--log-mutations", "Log a line for each mutation."),
    flag("--mutation-annotations", "Annotate mutated objects."),
    flag(
        "--disable-enforcementaction-validation",
        "Admit constraints with unknown enforcement actions.",
    ),
    flag(
        "--enable-referential-rules",
        "Let policies read data.inventory.  [default: true]",
        default=True,
    ),
    click.option(
        "--disable-opa-builtin",
        multiple=True,
        metavar="NAME",
        help="Refuse templates that call this builtin; repeatable.",
    ),
    flag(
        "--enable-waiting-builtins",
        "Let policies call http.send and net.lookup_ip_addr; a worker waits with them.",
    ),
    click.option(
        "--allow-net",
        multiple=True,
        metavar="HOST[:PORT]",
        callback=_hosts,
        help="Host that such a builtin may reach; repeatable.  [default: every host]",
    ),
    click.option(
        "--log-slow-constraint",
        type=click.FloatRange(min=0),
        default=0.05,
        show_default=True,
        metavar="SECONDS",
        help="Log a constraint whose evaluation is seen to take so long; 0: none.",
    ),
    click.option(
        "--log-level",
        type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR"]),
        default="INFO",
        show_default=True,
        help="Least level of log lines (JSON on stderr).",
    ),
)


def judging(
    *,
    exempt_namespace: tuple[str, ...],
    exempt_namespace_prefix: tuple[str, ...],
    exempt_namespace_suffix: tuple[str, ...],
    log_denies: bool,
    log_mutations: bool,
    mutation_annotations: bool,
    disable_enforcementaction_validation: bool,
    enable_referential_rules: bool,
    disable_opa_builtin: tuple[str, ...],
    enable_waiting_builtins: bool,
    allow_net: tuple[str, ...],
    log_slow_constraint: float,
    log_level: str,
) -> dict[str, Any]:
    """The fields of `Settings` that `judging_options` stand for."""
    from gatewright.app.settings import WAITING_BUILTINS

    return {
        "exempt_namespaces": exempt_namespace,
        "exempt_prefixes": exempt_namespace_prefix,
        "exempt_suffixes": exempt_namespace_suffix,
        "log_denies": log_denies,
        "log_mutations": log_mutations,
        "mutation_annotations": mutation_annotations,
        "check_actions": not disable_enforcementaction_validation,
        "referential": enable_referential_rules,
        "disabled_builtins": (
            *disable_opa_builtin,
            *(() if enable_waiting_builtins else WAITING_BUILTINS),
        ),
        "allow_net": frozenset(allow_net) if allow_net else None,
        "slow_constraint": log_slow_constraint,
        "log_level": log_level,
    }

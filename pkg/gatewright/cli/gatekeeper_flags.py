"""Flags of Gatekeeper's manager that are taken without doing what they do there.

One that would change what is judged, reported or served is refused unless its value
asks for what is done anyhow.  The others are accepted, since manifests carry them, and
each that was given is named in the log with the reason why it changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from gatewright.cli.problems import Problem

__all__ = ["gatekeeper_flags", "idle_flags"]

F = TypeVar("F", bound=Callable[..., Any])

#: Flags with the values that ask for what is done anyhow; another one is an error.
REFUSED: Final = {
    "client-ca-name": ("",),
    "enable-admission-violation-export": ("false",),
    "enable-pprof": ("false",),
    "enable-remote-cluster": ("false",),
    "enable-tls-healthcheck": ("false",),
    "enable-violation-export": ("false",),
    "log-file": ("",),
    "log-level-encoder": ("lower",),
    "log-level-key": ("level",),
    "log-stats-admission": ("false",),
    "log-stats-audit": ("false",),
    "metrics-addr": ("0", ""),
    "metrics-backend": ("prometheus",),
    "tls-min-version": ("1.3",),
}
_LINES: Final = "lines are JSON on stderr; --log-level chooses among them"
_BACKEND: Final = "metrics are served to Prometheus only"
_NO_VAP: Final = "no ValidatingAdmissionPolicies are made"
_NO_EXPORT: Final = "violations are not exported"
_NO_CEL: Final = "policies in CEL are not supported yet; each is named in its status"
_NO_DATA: Final = "Providers are not supported yet; each is named in its status"
#: Flags with the reason why they change nothing.
IDLE: Final = {
    **dict.fromkeys(
        (
            *("alsologtostderr", "logtostderr", "v", "vmodule", "stderrthreshold"),
            *("log_dir", "log_link", "log_backtrace_at", "logbuflevel"),
        ),
        _LINES,
    ),
    **dict.fromkeys(
        (
            *("otlp-endpoint", "otlp-metric-interval"),
            *("stackdriver-only-when-available", "stackdriver-metric-interval"),
        ),
        _BACKEND,
    ),
    **dict.fromkeys(
        (
            *("default-create-vap-for-templates", "default-wait-for-vapb-generation"),
            *("default-create-vap-binding-for-constraints",),
            "sync-vap-enforcement-scope",
        ),
        _NO_VAP,
    ),
    **dict.fromkeys(("audit-connection", "audit-channel"), _NO_EXPORT),
    **dict.fromkeys(
        (
            "enable-k8s-native-validation",
            "default-k8s-native-validation-failure-policy",
        ),
        _NO_CEL,
    ),
    **dict.fromkeys(
        ("enable-external-data", "external-data-provider-response-cache-ttl"), _NO_DATA
    ),
    "api-cache-dir": "audit judges page by page and writes nothing to disk",
    "audit-match-kind-only": "audit lists only kinds that constraints can match, always",
    "client-cn-name": "clients are not asked for a certificate",
    "enable-generator-resource-expansion": "ExpansionTemplates are not supported yet; "
    "each is named in its status",
    "enable-mutation": "it has no effect in Gatekeeper either; see --operation",
    "max-serving-threads": "serving processes are set by --workers",
    "pprof-port": "there is no pprof",
    "readiness-retries": "what can't be read is tried again until it can",
}


def gatekeeper_flags(command: F) -> F:
    """Add them all, hidden."""

    def refuse(_: click.Context, param: click.Parameter, values: tuple[str]) -> None:
        name = str(param.name).replace("_", "-")
        for value in values:
            if value.lower() not in REFUSED[name]:
                raise Problem(
                    f"--{name}={value} is not supported yet",
                    remedy=f"Leave it out: it is taken as {REFUSED[name][0]!r}.",
                )

    def note(ctx: click.Context, param: click.Parameter, values: tuple[str]) -> None:
        if values:
            ctx.meta.setdefault(__name__, []).append(param.opts[0])

    for name in (*REFUSED, *IDLE):
        command = click.option(
            f"--{name}",
            is_flag=False,
            flag_value="true",
            multiple=True,
            expose_value=False,
            hidden=True,
            callback=refuse if name in REFUSED else note,
        )(command)
    return command


def idle_flags() -> list[tuple[str, str]]:
    """Those given to this command that change nothing, each with the reason."""
    given: list[str] = click.get_current_context().meta.get(__name__, [])
    return [(name, IDLE[name.lstrip("-")]) for name in given]

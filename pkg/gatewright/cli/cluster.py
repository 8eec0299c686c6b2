"""gatewright manager: serves and controls a cluster, with Gatekeeper's flags."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import click

from gatewright.cli.problems import Problem

__all__ = ["manager"]

Command: TypeAlias = Callable[..., None]

#: Gatekeeper's flags whose feature is not there yet, with the value that asks for
#: nothing; another one is an error that names the flag.
NOT_YET = {
    "client-ca-name": "",
    "enable-admission-violation-export": "false",
    "enable-pprof": "false",
    "enable-remote-cluster": "false",
    "enable-violation-export": "false",
    "log-file": "",
    "log-stats-admission": "false",
    "log-stats-audit": "false",
    "tls-min-version": "1.3",
}
#: Those that are accepted and change nothing: what they tune is not there, or is
#: decided otherwise.
WITHOUT_EFFECT = (
    *("alsologtostderr", "logtostderr", "v", "vmodule", "stderrthreshold", "log_dir"),
    *("log_link", "log_backtrace_at", "logbuflevel", "log-level-key"),
    *("log-level-encoder", "metrics-addr", "metrics-backend", "otlp-endpoint"),
    *("otlp-metric-interval", "stackdriver-only-when-available"),
    *("stackdriver-metric-interval", "enable-mutation", "max-serving-threads"),
    *("readiness-retries", "pprof-port", "enable-k8s-native-validation"),
    *("enable-generator-resource-expansion", "enable-external-data"),
    *("external-data-provider-response-cache-ttl", "client-cn-name"),
    *("default-create-vap-for-templates", "default-wait-for-vapb-generation"),
    *("default-create-vap-binding-for-constraints", "enable-tls-healthcheck"),
    *("default-k8s-native-validation-failure-policy", "enable-referential-rules"),
    "sync-vap-enforcement-scope",
    # Audit lists only kinds that constraints can match, and spools nothing to disk.
    *("audit-match-kind-only", "api-cache-dir", "audit-connection", "audit-channel"),
)


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


def flag(name: str, text: str) -> Callable[[Command], Command]:
    """A Go boolean as an option."""
    return click.option(
        name, is_flag=False, flag_value="true", default="false", type=Flag(), help=text
    )


def gatekeepers(command: Command) -> Command:
    """Gatekeeper's flags that are accepted for what they are in its chart."""

    def refuse(_: click.Context, param: click.Parameter, value: str | None) -> None:
        name = str(param.name).replace("_", "-")
        if value is not None and value.lower() != NOT_YET[name]:
            raise Problem(f"--{name} is not supported yet", remedy="Leave it out.")

    def accept(_: click.Context, __: click.Parameter, ___: object) -> None:
        return None

    for name in (*NOT_YET, *WITHOUT_EFFECT):
        command = click.option(
            f"--{name}",
            is_flag=False,
            flag_value="true",
            multiple=name in WITHOUT_EFFECT,
            expose_value=False,
            hidden=True,
            callback=refuse if name in NOT_YET else accept,
        )(command)
    return command


@click.command()
@gatekeepers
@click.option(
    "--kubeconfig",
    type=click.Path(path_type=Path, dir_okay=False),
    help="How to reach the API server; without it $KUBECONFIG, the pod's service "
    "account, or ~/.kube/config.",
)
@click.option(
    "--operation",
    multiple=True,
    help="What this pod does: audit, generate, mutation-controller, mutation-status, "
    "mutation-webhook, status, webhook; repeatable, commas too.  [default: all]",
)
@click.option("--host", default="", help="Admission address.  [default: all]")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=443,
    show_default=True,
    help="Admission port (HTTPS); 0 takes a free one.",
)
@click.option(
    "--health-addr", default=":9090", show_default=True, help="Probes: [HOST]:PORT."
)
@click.option(
    "--prometheus-port",
    type=click.IntRange(0, 65535),
    default=8888,
    show_default=True,
    help="Port of Prometheus metrics.",
)
@click.option(
    "--cert-dir",
    type=click.Path(path_type=Path),
    default=Path("/certs"),
    show_default=True,
    help="Folder with tls.crt and tls.key.",
)
@flag("--disable-cert-rotation", "Leave the certificate to somebody else.")
@click.option(
    "--cert-service-name",
    default="gatekeeper-webhook-service",
    show_default=True,
    help="Service that the certificate is for.",
)
@click.option(
    "--validating-webhook-configuration-name",
    default="gatekeeper-validating-webhook-configuration",
    show_default=True,
    help="Configuration that is told the certificate's authority.",
)
@click.option(
    "--mutating-webhook-configuration-name",
    default="gatekeeper-mutating-webhook-configuration",
    show_default=True,
    help="The same, mutating.",
)
@click.option(
    "--additional-validating-webhook-configs-to-rotate-certs",
    "more_validating",
    default="",
    help="Further ones, with commas.",
)
@click.option(
    "--additional-mutating-webhook-configs-to-rotate-certs",
    "more_mutating",
    default="",
    help="Further ones, with commas.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Serving processes.",
)
@click.option(
    "--exempt-namespace", multiple=True, help="May carry the ignore label; repeatable."
)
@click.option(
    "--exempt-namespace-prefix", multiple=True, help="The same by prefix; repeatable."
)
@click.option(
    "--exempt-namespace-suffix", multiple=True, help="The same by suffix; repeatable."
)
@flag("--log-denies", "Log a line for each violation.")
@flag("--emit-admission-events", "Write an Event for each violation.")
@flag(
    "--admission-events-involved-namespace",
    "Write them in the namespace of the object.",
)
@flag("--log-mutations", "Log a line for each mutation.")
@flag("--mutation-annotations", "Annotate mutated objects.")
@flag(
    "--disable-enforcementaction-validation",
    "Admit constraints with unknown enforcement actions.",
)
@click.option(
    "--disable-opa-builtin",
    multiple=True,
    metavar="NAME",
    help="Refuse templates that call this builtin; repeatable.",
)
@flag(
    "--enable-waiting-builtins",
    "Let policies call http.send and net.lookup_ip_addr; a worker waits with them.",
)
@click.option(
    "--audit-interval",
    type=click.FloatRange(0),
    default=60.0,
    show_default=True,
    help="Seconds between rounds of audit; 0: none.",
)
@click.option(
    "--constraint-violations-limit",
    type=click.IntRange(0),
    default=20,
    show_default=True,
    help="Violations listed in a constraint's status.",
)
@click.option(
    "--audit-chunk-size",
    type=click.IntRange(0),
    default=500,
    show_default=True,
    help="Objects that audit asks for at a time; 0: all at once.",
)
@flag("--audit-from-cache", "Audit only kinds that Config and SyncSets name.")
@flag("--emit-audit-events", "Write an Event for each violation that audit finds.")
@flag(
    "--audit-events-involved-namespace",
    "Write these Events about the object itself, in its namespace.",
)
@flag("--debug-use-fake-pod", "There is no Pod object of this name.")
@click.option(
    "--log-level",
    type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR"]),
    default="INFO",
    show_default=True,
    help="Least level of log lines (JSON on stderr).",
)
@click.option(
    "--shutdown-delay",
    type=float,
    default=10.0,
    show_default=True,
    help="Seconds that a pod goes on answering after SIGTERM, until nobody calls it.",
)
def manager(
    kubeconfig: Path | None,
    operation: tuple[str, ...],
    host: str,
    port: int,
    health_addr: str,
    prometheus_port: int,
    cert_dir: Path,
    disable_cert_rotation: bool,
    cert_service_name: str,
    validating_webhook_configuration_name: str,
    mutating_webhook_configuration_name: str,
    more_validating: str,
    more_mutating: str,
    workers: int,
    exempt_namespace: tuple[str, ...],
    exempt_namespace_prefix: tuple[str, ...],
    exempt_namespace_suffix: tuple[str, ...],
    log_denies: bool,
    emit_admission_events: bool,
    admission_events_involved_namespace: bool,
    log_mutations: bool,
    mutation_annotations: bool,
    disable_enforcementaction_validation: bool,
    disable_opa_builtin: tuple[str, ...],
    enable_waiting_builtins: bool,
    audit_interval: float,
    constraint_violations_limit: int,
    audit_chunk_size: int,
    audit_from_cache: bool,
    emit_audit_events: bool,
    audit_events_involved_namespace: bool,
    debug_use_fake_pod: bool,
    log_level: str,
    shutdown_delay: float,
) -> None:
    r"""Serve admission by the policies of a cluster, and report to it.

    Follows templates, constraints, mutators, Config, SyncSets and the data that they
    name; makes the constraints' CRDs; writes statuses where Gatekeeper's users look.
    The flags are Gatekeeper's.  The environment names the pod: POD_NAME, and
    POD_NAMESPACE (gatekeeper-system without it).

    \b
    Example, out of a cluster:
      POD_NAME=me gatewright manager --kubeconfig ~/.kube/config \
        --debug-use-fake-pod --port 8443

    Exit status: 0 after SIGTERM or Ctrl-C; 1 when it can't start.
    """
    from gatewright.app.serve import bind
    from gatewright.app.serve import serve as run
    from gatewright.app.settings import (
        WAITING_BUILTINS,
        Address,
        ClusterSettings,
        Limits,
        RotationSettings,
        Settings,
    )
    from gatewright.app.sockets import BindError
    from gatewright.audit.options import Options

    if kubeconfig is not None and not kubeconfig.is_file():
        raise Problem(
            f"{kubeconfig} is no file", remedy="Give --kubeconfig a kubeconfig file."
        )
    pod = os.environ.get("POD_NAME") or ("no-pod" if debug_use_fake_pod else "")
    if not pod:
        raise Problem(
            "POD_NAME is not set",
            remedy="Set it to the name of this pod, or give --debug-use-fake-pod.",
        )
    address = host or "0.0.0.0"  # noqa: S104 - as Gatekeeper: a pod's webhook is for all
    namespace = os.environ.get("POD_NAMESPACE") or "gatekeeper-system"
    given = (cert_dir / "tls.crt").is_file() and (cert_dir / "tls.key").is_file()
    rotation: RotationSettings | None = None
    if not disable_cert_rotation:
        rotation = RotationSettings(
            (f"{cert_service_name}.{namespace}.svc",),
            listed(validating_webhook_configuration_name, more_validating),
            listed(mutating_webhook_configuration_name, more_mutating),
            Path(tempfile.mkdtemp(prefix="gatewright-tls-")),
        )
        cert_dir, given = rotation.served, True
    try:
        settings = Settings(
            policies=Path(),
            admission=Address(address, port),
            health=Address.parse(health_addr, host=address),
            metrics=Address(address, prometheus_port),
            certificate=cert_dir / "tls.crt" if given else None,
            key=cert_dir / "tls.key" if given else None,
            workers=workers,
            limits=Limits(shutdown_delay=shutdown_delay),
            namespace=namespace,
            exempt_namespaces=exempt_namespace,
            exempt_prefixes=exempt_namespace_prefix,
            exempt_suffixes=exempt_namespace_suffix,
            log_denies=log_denies,
            emit_events=emit_admission_events,
            involved_namespace=admission_events_involved_namespace,
            log_mutations=log_mutations,
            mutation_annotations=mutation_annotations,
            check_actions=not disable_enforcementaction_validation,
            disabled_builtins=(
                *disable_opa_builtin,
                *(() if enable_waiting_builtins else WAITING_BUILTINS),
            ),
            log_level=log_level,
            cluster=ClusterSettings(
                pod,
                operation,
                kubeconfig,
                debug_use_fake_pod,
                rotation,
                Options(
                    interval=audit_interval,
                    limit=constraint_violations_limit,
                    chunk=audit_chunk_size,
                    from_cache=audit_from_cache,
                    emit_events=emit_audit_events,
                    involved_namespace=audit_events_involved_namespace,
                    namespace=namespace,
                ),
            ),
        )
        raise SystemExit(run(settings, bind(settings)))
    except (BindError, ValueError) as error:
        raise Problem(str(error)) from error
    finally:
        if rotation is not None:  # no key stays behind
            shutil.rmtree(rotation.served, ignore_errors=True)


def listed(first: str, more: str) -> tuple[str, ...]:
    names = [first, *more.split(",")]
    return tuple(dict.fromkeys(name.strip() for name in names if name.strip()))

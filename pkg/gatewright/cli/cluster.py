"""gatewright manager: serves and controls a cluster, with Gatekeeper's flags."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from gatewright.cli.gatekeeper_flags import gatekeeper_flags, idle_flags
from gatewright.cli.problems import Problem
from gatewright.cli.serving_options import (
    address_options,
    flag,
    judging,
    judging_options,
)

__all__ = ["manager"]


@click.command()
@gatekeeper_flags
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
@address_options(
    host="",
    shown="all",
    port=443,
    cert_dir=Path("/certs"),
    cert_help="Folder with tls.crt and tls.key.",
)
@click.option(
    "--prometheus-port",
    type=click.IntRange(0, 65535),
    default=8888,
    show_default=True,
    help="Port of Prometheus metrics.",
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
@judging_options
@flag("--emit-admission-events", "Write an Event for each violation.")
@flag(
    "--admission-events-involved-namespace",
    "Write them in the namespace of the object.",
)
@flag(
    "--narrow-webhook-rules",
    "Have only those kinds sent that some constraint, or some mutator, can match.",
)
@flag(
    "--fail-closed-for-denials",
    "Keep the webhook fail-closed.validation.gatekeeper.sh to what deny constraints "
    "can match.",
)
@click.option(
    "--narrow-after",
    type=click.FloatRange(0),
    default=60.0,
    show_default=True,
    help="Seconds that a kind goes on being sent which no constraint matches any more.",
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
    emit_admission_events: bool,
    admission_events_involved_namespace: bool,
    audit_interval: float,
    constraint_violations_limit: int,
    audit_chunk_size: int,
    audit_from_cache: bool,
    emit_audit_events: bool,
    audit_events_involved_namespace: bool,
    debug_use_fake_pod: bool,
    shutdown_delay: float,
    narrow_webhook_rules: bool,
    fail_closed_for_denials: bool,
    narrow_after: float,
    **judged: Any,
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
        Address,
        ClusterSettings,
        Keeping,
        Limits,
        RotationSettings,
        Settings,
    )
    from gatewright.app.sockets import BindError
    from gatewright.audit.options import Options
    from gatewright.telemetry.log import Log

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
    keeping: tuple[Keeping, ...] = ()
    if narrow_webhook_rules or fail_closed_for_denials:
        validating = Keeping(
            validating_webhook_configuration_name,
            narrow=narrow_webhook_rules,
            hybrid=fail_closed_for_denials,
            patience=narrow_after,
            notice=min(narrow_after, 10.0),
        )
        keeping = (validating,)
    if narrow_webhook_rules:
        mutating = replace(
            validating,
            configuration=mutating_webhook_configuration_name,
            hybrid=False,
            mutating=True,
        )
        keeping = (validating, mutating)
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
            **judging(**judged),
            emit_events=emit_admission_events,
            involved_namespace=admission_events_involved_namespace,
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
                keeping,
            ),
        )
        log = Log("manager")
        for name, reason in idle_flags():
            log.warning("flag without effect", flag=name, reason=reason)
        raise SystemExit(run(settings, bind(settings)))
    except (BindError, ValueError) as error:
        raise Problem(str(error)) from error
    finally:
        if rotation is not None:  # no key stays behind
            shutil.rmtree(rotation.served, ignore_errors=True)


def listed(first: str, more: str) -> tuple[str, ...]:
    names = [first, *more.split(",")]
    return tuple(dict.fromkeys(name.strip() for name in names if name.strip()))

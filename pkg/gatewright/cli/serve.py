"""gatewright serve."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from gatewright.cli.compile_cache import cache_folder, cache_option
from gatewright.cli.optimisations import no_opt_option
from gatewright.cli.problems import Problem
from gatewright.cli.serving_options import (
    address_options,
    judging,
    judging_options,
)

__all__ = ["serve"]


@click.command()
@click.option(
    "--policies",
    type=click.Path(path_type=Path),
    help="Folder of templates, constraints, mutators, Config, namespaces and "
    "referential data (.yaml, .yml, .json; read again when it changes).",
)
@click.option(
    "--demo", is_flag=True, help="Serve the shipped policies and show samples."
)
@address_options(
    host="127.0.0.1",
    shown="127.0.0.1",
    port=8443,
    cert_dir=None,
    cert_help="Folder with tls.crt and tls.key; without it a certificate is made for "
    "this run.",
)
@click.option(
    "--metrics-addr",
    default=":8888",
    show_default=True,
    help="Prometheus metrics: [HOST]:PORT.",
)
@click.option(
    "--namespace",
    default=lambda: os.environ.get("POD_NAMESPACE", "gatekeeper-system"),
    help="Namespace that the controller runs in  [default: $POD_NAMESPACE or gatekeeper-system]",
)
@no_opt_option
@judging_options
@click.option(
    "--deadline",
    type=float,
    default=3.0,
    show_default=True,
    help="Seconds for a request that names no timeout.",
)
@click.option(
    "--drain-time",
    type=float,
    default=10.0,
    show_default=True,
    help="Seconds that workers have to finish after SIGTERM.",
)
@click.option(
    "--no-fast-path",
    is_flag=True,
    help="Answer admission requests by way of ASGI, as all others.",
)
@cache_option
@click.option(
    "--constraint-steps",
    type=int,
    default=None,
    help="Budget of one constraint, in instructions.",
)
def serve(
    policies: Path | None,
    demo: bool,
    host: str,
    port: int,
    health_addr: str,
    metrics_addr: str,
    cert_dir: Path | None,
    workers: int,
    namespace: str,
    deadline: float,
    drain_time: float,
    no_fast_path: bool,
    constraint_steps: int | None,
    compile_cache: str,
    **judged: Any,
) -> None:
    r"""Serve admission over HTTPS by policies from a folder.

    Answers /v1/admit, /v1/mutate and /v1/admitlabel as OPA Gatekeeper does;
    /healthz, /readyz and /metrics have ports of their own.  A change in the folder
    is taken over by all workers at once; a file with an error keeps its last good
    state and is named in the log, in /readyz?verbose and in a metric.

    \b
    Example:
      gatewright serve --policies ./policies --port 8443 --workers 2
      curl -sk https://127.0.0.1:8443/v1/admit \
        -H 'Content-Type: application/json' -d @review.json

    Exit status: 0 after SIGTERM or Ctrl-C; 1 when it can't start.
    """
    if (policies is None) is not demo:
        raise click.UsageError("give --policies DIR, or --demo for the shipped ones")
    if policies is not None and not policies.is_dir():
        raise Problem(
            f"{policies} is not a folder",
            remedy="Give --policies a folder that holds policy files; it may be empty.",
        )
    from gatewright.app.serve import bind
    from gatewright.app.serve import serve as run
    from gatewright.app.settings import Address, Limits, Settings
    from gatewright.app.sockets import BindError

    limits = Limits(deadline=deadline, drain_time=drain_time)
    if constraint_steps is not None:
        limits = replace(limits, steps=constraint_steps)
    try:
        settings = Settings(
            policies=policies or Path(),
            admission=Address(host, port),
            health=Address.parse(health_addr, host=host),
            metrics=Address.parse(metrics_addr, host=host),
            certificate=certificate_file(cert_dir, "tls.crt"),
            key=certificate_file(cert_dir, "tls.key"),
            workers=workers,
            limits=limits,
            namespace=namespace,
            **judging(**judged),
            fast_path=not no_fast_path,
            compile_cache=cache_folder(compile_cache),
        )
        if demo:
            from gatewright.cli.demo import run_demo

            raise SystemExit(run_demo(settings))
        raise SystemExit(run(settings, bind(settings)))
    except (BindError, ValueError) as error:
        raise Problem(str(error)) from error


def certificate_file(folder: Path | None, name: str) -> Path | None:
    if folder is None:
        return None
    path = folder / name
    if not path.is_file():
        raise Problem(
            f"{path} is missing",
            remedy="--cert-dir needs tls.crt and tls.key (PEM); leave it out to have "
            "a certificate made for this run.",
        )
    return path

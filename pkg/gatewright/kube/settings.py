"""Where the API server is, and as whom we call it: `kubernetes` reads that."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from gatewright.kube.package import (
    ConfigException,
    Configuration,
    incluster_config,
    kube_config,
)

__all__ = ["SettingsError", "load"]


class SettingsError(Exception):
    """The API server can't be found; `str()` says what was looked for."""


async def load(kubeconfig: Path | None = None) -> Any:
    """The `Configuration` of a kubeconfig file, of $KUBECONFIG, of the pod that we
    run in, or of ~/.kube/config, whichever of them is there first.

    Tokens are read again when they are due.  Raises SettingsError.
    """
    configuration = type.__call__(Configuration)
    # From 3.13 on Python asks for key identifiers in certificates by default. Those of
    # many clusters have none, and Go, in which everybody else asks, does without.
    configuration.disable_strict_ssl_verification = True
    named = str(kubeconfig) if kubeconfig else os.environ.get("KUBECONFIG", "")
    try:
        if not named and in_pod():
            incluster_config.load_incluster_config(configuration)  # type: ignore[no-untyped-call]
        else:
            await kube_config.load_kube_config(  # type: ignore[no-untyped-call]
                named or None, client_configuration=configuration
            )
    except (ConfigException, OSError, ValueError) as error:
        raise SettingsError(
            f"no API server is known: {error}; give --kubeconfig FILE or set "
            "KUBECONFIG, or run in a pod with a service account"
        ) from error
    return configuration


def in_pod() -> bool:
    """Whether a service account of a pod is there to be used."""
    return bool(os.environ.get(incluster_config.SERVICE_HOST_ENV_NAME)) and (
        os.path.isfile(incluster_config.SERVICE_TOKEN_FILENAME)
    )

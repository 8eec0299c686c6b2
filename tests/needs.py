"""What a test needs from outside the checkout, and what happens without it.

Where the thing is missing the test is skipped with one line that names it; with
CI=true in the environment it fails with the same line, since a check that nobody
ran must not look like one that passed. All of it works inside a test, in a fixture
and at the top of a module:

    from tests.needs import require_conformance, require_peer

    CASES = require_conformance("gatekeeper", "admission")

Environment: CONFORMANCE_DIR (default ../shared/conformance), PEERS_DIR (default
~/.cache/gatewright-peers; its bin is searched after PATH), CI.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

from tools.rego_sources import Source

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
SERVERS = ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl")


def missing(what: str) -> NoReturn:
    """Skips the test, or fails it where CI=true; `what` names the lacking thing."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"missing, and CI=true: {what}", pytrace=False)
    pytest.skip(f"missing: {what}", allow_module_level=True)


def require_shared(*parts: str) -> Path:
    """The path of a file or folder under ../shared."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        missing("/".join(["../shared", *parts]))
    return path


def require_conformance(*parts: str) -> Path:
    """The path of a file or folder under CONFORMANCE_DIR."""
    root = Path(os.environ.get("CONFORMANCE_DIR") or SHARED / "conformance")
    path = root.joinpath(*parts)
    if not path.exists():
        missing("/".join(["CONFORMANCE_DIR", *parts]))
    return path


def require_peer(name: str) -> Path:
    """The path of a real peer's binary: opa, gator, gatekeeper, kubeconform."""
    default = Path.home() / ".cache" / "gatewright-peers"
    peers = Path(os.environ.get("PEERS_DIR") or default) / "bin"
    path = shutil.which(name) or shutil.which(name, path=str(peers))
    if path is None:
        missing(f"the peer {name} (../shared/tools/peers {name} builds it)")
    return Path(path)


def require_rego_source(source: Source) -> Path:
    """The folder of a public code base in Rego."""
    if not source.folder.is_dir():
        name = source.name
        missing(f"code base {name} (tools/rego_sources.py {name} fetches it)")
    return source.folder


def require_servers(*more: str) -> Path:
    """The folder of the cluster tests' binaries, those of the API and `more` at hand."""
    default = Path.home() / ".cache" / "gatewright-peers"
    folder = Path(os.environ.get("PEERS_DIR") or default) / "bin"
    for name in (*SERVERS, *more):
        if not (folder / name).is_file():
            missing(
                f"{name} for cluster tests (`make cluster-test` builds it; needs Go)"
            )
    return folder


def require_command(name: str, *, package: str) -> Path:
    """The path of a system command; `package` is where Debian has it."""
    path = shutil.which(name)
    if path is None:
        missing(f"the command {name} (Debian: {package})")
    return Path(path)

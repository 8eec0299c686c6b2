"""Builds the servers and commands that the cluster tests run, pinned, once.

etcd, kube-apiserver, kube-controller-manager and kubectl come from the Go module in
`tools/cluster/kubernetes`, helm from the one in `tools/cluster/helm` (together, helm
would raise the API server's dependencies). What stands in the folder already, at the
pinned version, is kept. Prints the folder.

    python tools/build_servers.py [--check] [NAME...]

`--check` builds nothing: exit code 1, and a line for each that is missing or of
another version.  Needs Go; some 1,200 CPU seconds and 2.1 GiB cold (10 minutes on two
cores), nothing when all is there.

Environment: PEERS_DIR, whose `bin` is the folder (default ~/.cache/gatewright-peers).
"""

from __future__ import annotations

import argparse
import fcntl
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

MODULES = Path(__file__).resolve().parent / "cluster"
#: One setting for all builds: another one would change every package's cache key.
ENVIRONMENT = {
    "GOFLAGS": "-mod=readonly -buildvcs=false",
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
}
STRIPPED = "-s -w"


@dataclass(frozen=True, slots=True)
class Server:
    """One binary: its package, and the module whose version is its own."""

    name: str
    folder: str
    package: str
    module: str


SERVERS = {
    server.name: server
    for server in (
        Server(
            "etcd",
            "kubernetes",
            "go.etcd.io/etcd/server/v3",
            "go.etcd.io/etcd/server/v3",
        ),
        *(
            Server(
                name, "kubernetes", f"k8s.io/kubernetes/cmd/{name}", "k8s.io/kubernetes"
            )
            for name in ("kube-apiserver", "kubectl", "kube-controller-manager")
        ),
        Server("helm", "helm", "helm.sh/helm/v3/cmd/helm", "helm.sh/helm/v3"),
    )
}


def go() -> str:
    """The path of Go's command."""
    path = shutil.which("go")
    if path is None:
        raise SystemExit("the command go is missing: https://go.dev/dl")
    return path


def pinned(server: Server) -> str:
    """The version that the server's go.mod asks for, such as `v1.36.3`."""
    text = (MODULES / server.folder / "go.mod").read_text()
    found = re.search(rf"^\s*{re.escape(server.module)} (v\S+)", text, re.MULTILINE)
    if found is None:
        raise SystemExit(f"no {server.module} in {server.folder}/go.mod")
    return found[1]


def built(server: Server, path: Path) -> str | None:
    """The version that a binary was built from; None where it is missing or odd."""
    if not path.is_file():
        return None
    done = subprocess.run(
        [go(), "version", "-m", str(path)], capture_output=True, text=True, check=False
    )
    found = re.search(
        rf"^\s*(?:mod|dep)\s+{re.escape(server.module)}\s+(v\S+)",
        done.stdout,
        re.MULTILINE,
    )
    return found[1] if found else None


def flags(server: Server) -> str:
    """The linker's flags: without the stamp kubectl cannot parse the server's
    version, and helm refuses charts."""
    version = pinned(server)
    if server.name == "helm":
        return f"{STRIPPED} -X helm.sh/helm/v3/internal/version.version={version}"
    if server.name == "etcd":
        return STRIPPED
    major, minor = version.lstrip("v").split(".")[:2]
    values = {
        "gitVersion": version,
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "clean",
        "gitCommit": "go-module",
        "buildDate": "1970-01-01T00:00:00Z",
    }
    stamps = (
        f"-X {package}.{key}={value}"
        for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
        for key, value in values.items()
    )
    return " ".join([STRIPPED, *stamps])


def build(server: Server, path: Path) -> None:
    """Builds one binary; it replaces an older one at once, since that may run."""
    new = path.with_name(f".{path.name}.new")
    subprocess.run(
        [
            go(),
            "build",
            "-p",
            "2",
            "-ldflags",
            flags(server),
            "-o",
            str(new),
            server.package,
        ],
        cwd=MODULES / server.folder,
        env={**os.environ, **ENVIRONMENT},
        check=True,
    )
    new.replace(path)


def main(arguments: list[str]) -> int:
    """The command; its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="build nothing")
    parser.add_argument("names", nargs="*", metavar="NAME", help=" ".join(SERVERS))
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(SERVERS):
        parser.error(f"no such server: {', '.join(sorted(unknown))}")
    go()
    default = Path.home() / ".cache" / "gatewright-peers"
    folder = Path(os.environ.get("PEERS_DIR") or default) / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    missing = 0
    with (folder / ".servers.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one build at a time
        for name in options.names or SERVERS:
            server = SERVERS[name]
            have, want = built(server, folder / name), pinned(server)
            if have == want:
                continue
            missing += 1
            print(f"{name}: {have or 'missing'}, wanted {want}", file=sys.stderr)
            if not options.check:
                began = time.monotonic()
                build(server, folder / name)
                print(f"  built in {time.monotonic() - began:.0f} s", file=sys.stderr)
    print(folder)
    return 1 if options.check and missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

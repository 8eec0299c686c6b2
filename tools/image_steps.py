"""Runs the Dockerfile's steps where there is no container's daemon, then the program.

    python -m tools.image_steps

The build stage's own commands run with this Python and this compiler, on what `COPY . .`
would bring, at the image's path in a mount namespace.  Then the root is made read-only
but for /tmp, and the program runs as the image's user: its version, an evaluation, and
the server with the shipped policies.  Not shown by that: the base image and its Python,
arm64, the SBOM of buildx, how large the base image is.

Needs root, unshare and setpriv (util-linux), and the package index.  GATEWRIGHT_FAST_BUILD=1
leaves the compiler's optimisations out.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: Seconds that the server may take to answer its samples.
PATIENCE = 60
#: Says what the SBOM lists; fails if it lacks what is inside, or has what is not.
LISTED = """
import json, sys
names = {one["name"].lower() for one in json.load(sys.stdin)["components"]}
print(len(names), "packages in the SBOM:", *sorted(names))
lacking = {"gatewright", "uvicorn", "kubernetes"} - names
left = names & {"pip", "cython", "setuptools", "wheel", "cyclonedx-bom"}
sys.exit(f"SBOM: lacking {lacking}, left {left}" if lacking or left else 0)
"""


def instructions() -> list[tuple[int, str, str]]:
    """Stage, instruction and argument of each, continued lines joined."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text("utf-8"), flags=re.M)
    out: list[tuple[int, str, str]] = []
    stage = 0
    for line in text.replace("\\\n", " ").splitlines():
        word, _, rest = line.strip().partition(" ")
        stage += word == "FROM"
        if word:
            out.append((stage, word, rest.strip()))
    return out


def context(to: Path) -> None:
    """What `COPY . .` brings, by .dockerignore."""
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    left_out = shutil.ignore_patterns("*.so", "__pycache__", "*.c", "*.egg-info")
    for name in [line[1:] for line in lines if line.startswith("!")]:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, to / name, ignore=left_out)
        else:
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, to / name)


def script(source: Path, prefix: Path) -> list[str]:
    """The commands, for a shell that stops at the first that fails."""
    all_of_it = instructions()
    build = [
        argument
        for stage, word, argument in all_of_it
        if stage == 1 and word == "RUN" and not argument.startswith("apt-get")
    ]
    last = {word: argument for stage, word, argument in all_of_it if stage == 2}
    user, _, group = last["USER"].partition(":")
    as_user = (
        "env -i PATH=/opt/gatewright/bin:/usr/bin:/bin HOME=/nonexistent "
        "LD_LIBRARY_PATH=/opt/python/lib "  # where this Python is a shared library
        "PYTHONDONTWRITEBYTECODE=1 "
        f"setpriv --reuid {user} --regid {group} --clear-groups --inh-caps=-all"
    )
    serve = f"{as_user} gatewright serve --demo --port 0 >/tmp/said 2>&1"
    return [
        "mount --make-rprivate /",
        "mount -t tmpfs none /opt",
        "mkdir /opt/gatewright /opt/python",
        f"mount --bind {prefix} /opt/gatewright",
        f"mount --bind {sys.base_prefix} /opt/python",
        f"cd {source}",
        "export PATH=/opt/python/bin:$PATH",
        *build,
        f"python -c '{LISTED}' < /opt/gatewright/sbom.cdx.json",
        "! test -e /opt/gatewright/bin/pip",
        "du -sh /opt/gatewright",
        "cd /",
        "mount -t tmpfs none /tmp",
        "mount -o remount,bind,ro /opt/gatewright",
        "mount -o remount,bind,ro /opt/python",
        "mount -o remount,ro /opt",
        "mount -o remount,bind,ro /",
        f"! {as_user} touch /opt/gatewright/x 2>/dev/null",
        f"! {as_user} touch /x 2>/dev/null",
        f"{as_user} gatewright --version",
        f"test $({as_user} gatewright rego eval --format raw '1 + 1') = 2",
        f"{serve} & server=$!",
        f"for _ in $(seq {PATIENCE}); do grep -q denied /tmp/said && break; sleep 1; done",
        "cat /tmp/said",
        "grep -q denied /tmp/said",
        "kill $server",
        "wait $server",
    ]


def main() -> int:
    """The exit status."""
    lacking = [one for one in ("unshare", "setpriv") if shutil.which(one) is None]
    if os.geteuid() or lacking:
        print(f"not run: needs root and {', '.join(lacking) or 'its rights to mount'}")
        return 1 if os.environ.get("CI") == "true" else 0
    with tempfile.TemporaryDirectory(prefix="gatewright-image-") as folder:
        source, prefix = Path(folder, "src"), Path(folder, "prefix")
        source.mkdir()
        prefix.mkdir()
        context(source)
        command = ["unshare", "-m", "sh", "-exc", "\n".join(script(source, prefix))]
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())

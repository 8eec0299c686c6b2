"""Runs the Dockerfile's steps where there is no container's daemon, then the program.

    python -m tools.image_steps

The build stage's own commands run with this Python and this compiler, on what `COPY . .`
would bring, at the image's path in a mount namespace.  What they make is the image's
whole root: it becomes the root of the file system, read-only but for /tmp, and the
program runs there as the image's user: its version, an evaluation, and the server with
the shipped policies.  Not shown by that: the base image of the build stage and its
Python, arm64, the SBOM of buildx.

Needs root, unshare (util-linux), and the package index.  GATEWRIGHT_FAST_BUILD=1
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
#: Fails if the image's user can write anywhere but in /tmp.
READ_ONLY = """
import os, tempfile
tempfile.TemporaryFile().close()
for folder, _, _ in os.walk("/"):
    if not folder.startswith(("/proc", "/dev", "/tmp")):
        assert not os.access(folder, os.W_OK), folder
"""
#: Where the build stage puts the image's root together.
IMAGE = "/opt/image"


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
    inside = (
        "env -i PATH=/opt/gatewright/bin LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1 "
        f"{shutil.which('chroot')} --userspec={user}:{group} --groups={group} {IMAGE}"
    )
    serve = f"{inside} gatewright serve --demo --port 0 >/tmp/said 2>&1"
    return [
        "mount --make-rprivate /",
        "mount -t tmpfs none /opt",
        "mkdir /opt/gatewright /opt/python",
        f"mount --bind {prefix} /opt/gatewright",
        f"mount --bind {sys.base_prefix} /opt/python",
        f"cd {source}",
        "export PATH=/opt/python/bin:$PATH",
        "export LD_LIBRARY_PATH=/opt/python/lib",  # where Python is a shared library
        *build,
        f"python -c '{LISTED}' < {IMAGE}/usr/share/gatewright/sbom.cdx.json",
        f"ls {IMAGE}/var/lib/dpkg/status.d",
        f'test -z "$(find {IMAGE} -name pip -o -name sh -o -name perl)"',
        f"du -sh {IMAGE} {IMAGE}/*/* | sort -h",
        # What a container's runtime brings.
        f"mount --bind {IMAGE} {IMAGE}",
        f"mkdir {IMAGE}/proc {IMAGE}/dev",
        f"mount --rbind /proc {IMAGE}/proc",
        f"mount --rbind /dev {IMAGE}/dev",
        f"mount -t tmpfs none {IMAGE}/tmp",  # noqa: S108 - of the image, and new
        f"mount -o remount,bind,ro {IMAGE}",
        "umount /opt/gatewright /opt/python",
        "unset LD_LIBRARY_PATH",
        "cd /",
        f"{inside} python -c '{READ_ONLY}'",
        f"{inside} gatewright --version",
        f"test $({inside} gatewright rego eval --format raw '1 + 1') = 2",
        f"{serve} & server=$!",
        f"for _ in $(seq {PATIENCE}); do grep -q denied /tmp/said && break; sleep 1; done",
        "cat /tmp/said",
        "grep -q denied /tmp/said",
        "kill $server",
        "wait $server",
    ]


def main() -> int:
    """The exit status."""
    lacking = [one for one in ("unshare", "chroot") if shutil.which(one) is None]
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

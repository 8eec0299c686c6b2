"""Fetches the code bases in Rego that `tests/real` runs, pinned, once.

They are other people's and no part of this project; `tests/real/sources` says which
they are and how each is read, one JSON file a code base. What is there at the pinned
version is kept. Prints the folder, in which each code base is `NAME-PIN`.

    python tools/rego_sources.py [--check] [NAME...]

A pin is one of

- `{"package": "NAME==VERSION", "sha256": "..."}`: a wheel that pip downloads, without
  installing it;
- `{"git": "URL", "commit": "..."}`: a public repository at a commit, which git checks
  as its checksum.

Without names: those with a package, which any machine that could install this project
can fetch too. `--check` fetches nothing: exit code 1, and a line for each missing one.

Environment: PEERS_DIR, whose `rego` is the folder (default ~/.cache/gatewright-peers).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

DESCRIPTIONS = Path(__file__).resolve().parent.parent / "tests" / "real" / "sources"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a code base comes from; `package` and `sha256`, or `git` and `commit`."""

    name: str
    package: str = ""
    sha256: str = ""
    git: str = ""
    commit: str = ""

    @property
    def folder(self) -> Path:
        """Where it is, or will be."""
        return root() / f"{self.name}-{(self.sha256 or self.commit)[:12]}"


def root() -> Path:
    """The folder of all of them."""
    default = Path.home() / ".cache" / "gatewright-peers"
    return Path(os.environ.get("PEERS_DIR") or default) / "rego"


def sources() -> dict[str, Source]:
    """All that are described, by name."""
    found = {}
    for path in sorted(DESCRIPTIONS.glob("*.json")):
        pin = json.loads(path.read_text(encoding="utf-8"))["pin"]
        found[path.stem] = Source(path.stem, **pin)
    return found


def run(*command: str | Path, cwd: Path) -> None:
    """Run a command; raises SystemExit with its last line when it fails."""
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()
        raise SystemExit(f"{' '.join(map(str, command[:4]))}: {last[-1]}")


def unpack_package(source: Source, folder: Path) -> None:
    """Download a wheel of that checksum and unpack it."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        download = Path(name)
        wanted = download / "wanted.txt"
        wanted.write_text(f"{source.package} --hash=sha256:{source.sha256}\n")
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
        rest: list[str | Path] = [
            "--only-binary=:all:",
            "--no-deps",
            "--require-hashes",
            "-r",
            wanted,
        ]
        run(*pip, "download", *rest, cwd=download)
        (wheel,) = download.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)


def check_out(source: Source, folder: Path) -> None:
    """Fetch one commit and lay out its files, without the repository."""
    folder.mkdir()
    run("git", "init", "-q", cwd=folder)
    run("git", "fetch", "-q", "--depth=1", source.git, source.commit, cwd=folder)
    run("git", "checkout", "-q", source.commit, cwd=folder)
    shutil.rmtree(folder / ".git")


def fetch(source: Source) -> None:
    """Bring a code base into its folder, whole or not at all."""
    source.folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=source.folder.parent) as name:
        new = Path(name, "new")
        (unpack_package if source.package else check_out)(source, new)
        new.rename(source.folder)


def main(arguments: list[str]) -> int:
    """The command; its exit code."""
    known = sources()
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="fetch nothing")
    parser.add_argument("names", nargs="*", metavar="NAME", help=" ".join(known))
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(known):
        parser.error(f"no such code base: {', '.join(sorted(unknown))}")
    missing = 0
    for name in options.names or [one.name for one in known.values() if one.package]:
        if known[name].folder.is_dir():
            continue
        missing += 1
        print(f"{name}: {'missing' if options.check else 'fetching'}", file=sys.stderr)
        if not options.check:
            fetch(known[name])
    print(root())
    return 1 if options.check and missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

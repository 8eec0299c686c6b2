"""Fetches the code bases in Rego that `tests/real` runs, pinned, once.

They are other people's and no part of this project; `tests/real/sources` says which
they are and how each is read, one JSON file a code base. What is there at the pinned
version is kept. Prints the folder, in which each code base is `NAME-PIN`.

    python tools/rego_sources.py [--check] [NAME...]

A pin is one of

- `{"package": "NAME==VERSION", "sha256": "..."}`: a wheel that pip downloads, without
  installing it; where it holds its rules as JSON lists in a script within an archive,
  `"archive"` and `"rules"` name both;
- `{"go": "MODULE@VERSION", "sum": "h1:...", "keep": ["FOLDER"]}`: a Go module, which Go
  downloads; only those folders of it are kept;
- `{"git": "URL", "commit": "..."}`: a public repository at a commit, which git checks
  as its checksum.

Without names: those of the two indexes, which any machine that could build this project
and its peers can fetch too; without Go a line says which are left out. `--check`
fetches nothing: exit code 1, and a line for each missing one.

Environment: PEERS_DIR, whose `rego` is the folder (default ~/.cache/gatewright-peers).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

DESCRIPTIONS = Path(__file__).resolve().parent.parent / "tests" / "real" / "sources"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a code base comes from: a package, a Go module, or a repository."""

    name: str
    package: str = ""
    sha256: str = ""
    archive: str = ""
    rules: str = ""
    go: str = ""
    sum: str = ""
    keep: tuple[str, ...] = ()
    git: str = ""
    commit: str = ""

    @property
    def indexed(self) -> bool:
        """Whether a package index has it."""
        return bool(self.package or self.go)

    @property
    def folder(self) -> Path:
        """Where it is, or will be."""
        pin = re.sub(
            r"\W", "", self.sha256 or self.sum.partition(":")[2] or self.commit
        )
        return root() / f"{self.name}-{pin[:12]}"


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


def run(*command: str | Path, cwd: Path, **env: str) -> str:
    """Run a command; its output. Raises SystemExit with its last line if it fails."""
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()
        raise SystemExit(f"{' '.join(map(str, command[:4]))}: {last[-1]}")
    return done.stdout


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
        shutil.unpack_archive(wheel, folder, "zip")
    if source.rules:
        write_rules(folder / source.archive, source.rules, folder)


def write_rules(archive: Path, script: str, folder: Path) -> None:
    """Write the modules that stand in a script as JSON: `exports.NAME = [...];`.

    Each is an object with its text under "rego" and its name under "id" or "name".
    """
    with tarfile.open(archive) as files:
        member = files.extractfile(script)
        assert member is not None, f"{script} is no file"
        text = member.read().decode()
    for found in re.finditer(r"^exports\.\w+ = (\[$.*?^\]);$", text, re.M | re.S):
        for rule in json.loads(found[1]):
            path = folder / "rules" / f"{rule.get('id') or rule['name']}.rego"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(rule["rego"], encoding="utf-8")


def download_module(source: Source, folder: Path) -> None:
    """Download a Go module of that checksum and lay out its files."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        # A cache of its own (writable, so that it can go), and the checksum compared
        # here: the same everywhere, whatever Go is set up to ask.
        env = {"GOMODCACHE": name, "GOFLAGS": "-mod=mod -modcacherw", "GOSUMDB": "off"}
        out = run("go", "mod", "download", "-json", source.go, cwd=Path(name), **env)
        module = json.loads(out)
        if module["Sum"] != source.sum:
            raise SystemExit(f"{source.go}: its checksum is {module['Sum']}")
        for part in source.keep:
            shutil.copytree(Path(module["Dir"], part), folder / part)


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
        if source.package:
            unpack_package(source, new)
        elif source.go:
            download_module(source, new)
        else:
            check_out(source, new)
        new.rename(source.folder)


def wanted() -> list[str]:
    """Names of those that the indexes have."""
    names = [one.name for one in sources().values() if one.package]
    modules = [one.name for one in sources().values() if one.go]
    if modules and shutil.which("go") is None:
        print(f"missing: go: not fetched: {', '.join(modules)}", file=sys.stderr)
        return names
    return sorted(names + modules)


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
    for name in options.names or wanted():
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

"""The gate: format, lint, types, import contracts, Cython, stubs, generated files.

Runs every check even when one fails, prints the output of those that did and one
line for each; exit code 1 if any failed. `make check` calls it.

    python tools/check.py [NAME...]
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


def checks() -> dict[str, list[str]]:
    """Each check's name and command, quick ones first."""
    found = {
        "format": [f"{BIN}/ruff", "format", "--check", "."],
        "lint": [f"{BIN}/ruff", "check", "."],
        "cython-lint": [f"{BIN}/cython-lint", "native"],
        "imports": [f"{BIN}/lint-imports"],
        "types": [f"{BIN}/mypy"],
        "stubs": [
            sys.executable,
            "-m",
            "mypy.stubtest",
            "gatewright._native",
            "--allowlist",
            "tools/stubtest.allow",
            "--ignore-unused-allowlist",
        ],
        "changelog": [sys.executable, "tools/changelog.py", "--check"],
    }
    for generator in sorted(ROOT.glob("tools/generate_*.py")):
        name = generator.stem.removeprefix("generate_")
        found[f"generated: {name}"] = [sys.executable, str(generator), "--check"]
    return found


def main(names: list[str]) -> int:
    """Runs the named checks, or all; returns the exit code."""
    known = checks()
    if unknown := [name for name in names if name not in known]:
        print(f"no such check: {', '.join(unknown)}; known: {', '.join(known)}")
        return 2
    path = f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"  # cython-lint runs others
    environment = {**os.environ, "PATH": path}
    failed: list[str] = []
    for name in names or known:
        began = time.monotonic()
        done = subprocess.run(
            known[name],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        verdict = "ok" if done.returncode == 0 else "FAILED"
        print(f"{name:<24} {verdict:<7} {time.monotonic() - began:5.1f} s", flush=True)
        if done.returncode:
            failed.append(name)
            print(done.stdout)
    if failed:
        print(f"check: failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

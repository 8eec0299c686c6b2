"""Says in one line each what this machine lacks to build Gatewright; exit 1 if any.

Runs before there is a virtual environment, so on the stdlib alone.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import sysconfig
from pathlib import Path


def missing() -> list[str]:
    """What is lacking, each with what to do about it."""
    lacks: list[str] = []
    if sys.version_info < (3, 11):
        running = ".".join(map(str, sys.version_info[:2]))
        lacks.append(f"Python 3.11 or newer (this is {running}): set PYTHON=...")
    if importlib.util.find_spec("ensurepip") is None:
        lacks.append("the venv module of Python (Debian: python3-venv)")
    if not (Path(sysconfig.get_path("include")) / "Python.h").exists():
        lacks.append("the headers of Python (Debian: python3-dev)")
    compilers = [os.environ.get("CC", "cc"), "gcc", "clang"]
    if not any(shutil.which(name.split()[0]) for name in compilers if name):
        lacks.append("a C compiler (Debian: gcc)")
    return lacks


if __name__ == "__main__":
    found = missing()
    for lack in found:
        print(f"this machine lacks {lack}", file=sys.stderr)
    sys.exit(bool(found))

"""Turns native/gatewright/_native/*.pyx into extension modules; all else is data.

`make native` (tools/build_native.py) takes its list from here, so the compiled
modules of a checkout and those of a wheel are built with the same flags.
GATEWRIGHT_WITHOUT_NATIVE=1 leaves them out: the Makefile installs the checkout
that way, since it builds them itself, step by step. GATEWRIGHT_FAST_BUILD=1
compiles without optimising: for a test of what the wheel holds.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from setuptools import Extension, setup

ROOT: Final = Path(__file__).resolve().parent
CFLAGS: Final = [
    "-O2",
    "-g0",
    "-fwrapv",
    "-fno-strict-aliasing",
    "-fvisibility=hidden",
    "-Wno-unused-function",
    "-Wno-unreachable-code",
]
CYTHON_OPTIONS: Final[dict[str, Any]] = {
    "include_path": ["native"],
    "build_dir": "build/cython",
    "compiler_directives": {
        "language_level": "3",
        "auto_pickle": False,
        "boundscheck": False,
        "wraparound": False,
    },
}


def extensions() -> list[Extension]:
    """One extension per .pyx, named after its file; paths are relative to here."""
    fast = ["-O0"] if os.environ.get("GATEWRIGHT_FAST_BUILD") else []
    return [
        Extension(
            f"gatewright._native.{source.stem}",
            [str(source.relative_to(ROOT))],
            include_dirs=["native/gatewright/_native"],
            extra_compile_args=[*CFLAGS, *fast],
        )
        for source in sorted(ROOT.glob("native/gatewright/_native/*.pyx"))
    ]


if __name__ == "__main__":
    compiled: list[Extension] = []
    if not os.environ.get("GATEWRIGHT_WITHOUT_NATIVE"):
        from Cython.Build import cythonize

        compiled = cythonize(extensions(), **CYTHON_OPTIONS)
    setup(ext_modules=compiled)

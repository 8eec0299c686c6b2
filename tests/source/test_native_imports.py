"""The compiled modules stand alone, and are entered by their doors only.

import-linter does not see names inside compiled modules, nor an import of a module
that has no .py, so these two rules are read from the text.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

from tests.needs import ROOT

NATIVE = sorted((ROOT / "native").rglob("*.p[yx][xd]"))
PYTHON = sorted((ROOT / "pkg" / "gatewright").rglob("*.py"))
DOORS = ROOT / "pkg" / "gatewright" / "_native"
IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(?P<source>[\w.]+)[ \t]+c?import\b"
    r"|c?import[ \t]+(?P<names>[\w., \t]+))",
    re.MULTILINE,
)
BESIDE_PYTHON = {"cython", "cpython", "libc", "posix"}


def imported(text: str) -> list[str]:
    """The modules that a Cython source imports or cimports, in order."""
    found: list[str] = []
    for match in IMPORT.finditer(text):
        if match["source"]:
            found.append(match["source"])
        else:
            found += [name.split()[0] for name in match["names"].split(",")]
    return found


def allowed(module: str) -> bool:
    top = module.split(".")[0]
    return (
        top in sys.stdlib_module_names
        or top in BESIDE_PYTHON
        or module == "gatewright._native"
        or module.startswith("gatewright._native.")
    )


@pytest.mark.parametrize("path", NATIVE, ids=lambda path: path.name)
def test_native_modules_import_only_each_other(path: Path) -> None:
    foreign = [name for name in imported(path.read_text()) if not allowed(name)]

    assert foreign == []


def opened(path: Path) -> list[str]:
    """The modules below gatewright._native that a Python file imports."""
    prefix = "gatewright._native."
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [a.name for a in node.names if a.name.startswith(prefix)]
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module.startswith(prefix):
                found.append(node.module)
            elif node.module == "gatewright._native":
                found += [prefix + alias.name for alias in node.names]
    return found


def test_compiled_modules_are_entered_by_their_doors() -> None:
    """A door is a .py file in gatewright/_native; a compiled module has none."""
    doors = {f"gatewright._native.{path.stem}" for path in DOORS.glob("*.py")}
    climbed = {
        f"{path.relative_to(ROOT)}: {module}"
        for path in PYTHON
        if path.parent != DOORS
        for module in opened(path)
        if module not in doors
    }

    assert climbed == set()


def test_each_compiled_module_has_a_stub() -> None:
    sources = {path.stem for path in NATIVE if path.suffix == ".pyx"}
    stubs = {path.stem for path in DOORS.glob("*.pyi")}

    assert sources - stubs == set()

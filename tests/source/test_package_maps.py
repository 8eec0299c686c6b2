"""The docstring of each package is the map of its files.

It names every file and package beside it, and none that is not there. A line of
the map is a name, two spaces or more, and a remark; or a list item:

    lexer.py    text to tokens
    stages/     the passes over the tree
    - `parser`: tokens to tree
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.needs import ROOT

PACKAGE = ROOT / "pkg" / "gatewright"
PACKAGES = sorted(path.parent for path in PACKAGE.rglob("__init__.py"))
NAME = r"([a-z_][a-z0-9_]*)(?:\.pyi?|\.pyx|/)?"
MAP_LINE = re.compile(rf"^ {{0,4}}(?:{NAME} {{2,}}\S|[-*] `{NAME}`: )")
FILE_NAME = re.compile(r"(?<![\w/])([a-z_][a-z0-9_]*)\.py\b")


def docstring(package: Path) -> str:
    tree = ast.parse((package / "__init__.py").read_text())
    return ast.get_docstring(tree) or ""


def members(package: Path) -> set[str]:
    """The modules and packages of a package, without suffix."""
    files = {path.stem for path in package.glob("*.py")} - {"__init__"}
    folders = {path.parent.name for path in package.glob("*/__init__.py")}
    return files | folders


def known(package: Path) -> set[str]:
    """What the map may name: members, compiled modules, folders of data."""
    stubs = {path.stem for path in package.glob("*.pyi")}
    folders = {path.name for path in package.iterdir() if path.is_dir()}
    return members(package) | stubs | folders


def listed(text: str) -> set[str]:
    """The names that the map lines of a docstring start with, without suffix."""
    found = (MAP_LINE.match(line) for line in text.splitlines()[1:])
    return {match[1] or match[2] for match in found if match}


@pytest.mark.parametrize(
    "package",
    PACKAGES,
    ids=lambda path: ".".join(path.relative_to(PACKAGE.parent).parts),
)
def test_docstring_maps_the_package(package: Path) -> None:
    text = docstring(package)
    words = set(re.findall(r"[a-z_][a-z0-9_]*", text))
    gone = (listed(text) | set(FILE_NAME.findall(text))) - known(package)

    assert text, "a package opens with a docstring"
    assert members(package) - words == set(), "files that the docstring does not name"
    assert gone == set(), "names in the docstring that are no file here"

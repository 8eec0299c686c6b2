"""The build of the compiled modules, on a tree of two tiny ones.

A running process has the .so files mapped, and engineers build while others run:
so a new file comes by rename, and what does not compile leaves the old one alone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.needs import ROOT

SHARED_NUMBER = "cdef enum:\n    NUMBER = {}\n"
USES_IT = """\
from gatewright._native.shared cimport NUMBER


def number() -> int:
    return NUMBER
"""
ALONE = "def number() -> int:\n    return 7\n"
BROKEN = "def number(:\n"


class Tree:
    """A checkout with a native folder of our own making."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.native = root / "native" / "gatewright" / "_native"
        self.target = root / "pkg" / "gatewright" / "_native"
        self.native.mkdir(parents=True)
        self.target.mkdir(parents=True)
        (root / "tools").mkdir()
        shutil.copy(ROOT / "setup.py", root)
        shutil.copy(ROOT / "tools" / "build_native.py", root / "tools")
        self.write("__init__.pxd", "")

    def write(self, name: str, text: str) -> None:
        (self.native / name).write_text(text)

    def build(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(self.root / "tools" / "build_native.py")],
            env={**os.environ, "GATEWRIGHT_FAST_BUILD": "1"},
            capture_output=True,
            text=True,
            check=False,
        )

    def inodes(self) -> dict[str, int]:
        """The inode of each .so, by module."""
        return {
            path.name.split(".")[0]: path.stat().st_ino
            for path in self.target.glob("*.so")
        }

    def number(self, module: str) -> int:
        """What number() of a built module returns, in a process of its own."""
        (path,) = self.target.glob(f"{module}.*.so")
        name = f"gatewright._native.{module}"
        code = (
            "import importlib.util as u;"
            f"s = u.spec_from_file_location({name!r}, {str(path)!r});"
            "m = u.module_from_spec(s); s.loader.exec_module(m); print(m.number())"
        )
        command = [sys.executable, "-c", code]
        return int(subprocess.run(command, capture_output=True, check=True).stdout)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """The tree, built once; the tests below go on from one another's state."""
    made = Tree(tmp_path_factory.mktemp("tree"))
    made.write("shared.pxd", SHARED_NUMBER.format(1))
    made.write("uses.pyx", USES_IT)
    made.write("alone.pyx", ALONE)
    done = made.build()
    assert done.returncode == 0, done.stdout + done.stderr
    return made


def test_all_is_built_and_nothing_twice(tree: Tree) -> None:
    before = tree.inodes()
    done = tree.build()

    assert done.returncode == 0
    assert set(before) == {"alone", "uses"}
    assert tree.inodes() == before


def test_a_changed_header_rebuilds_its_users_alone_by_rename(tree: Tree) -> None:
    before = tree.inodes()
    (old,) = tree.target.glob("uses.*.so")
    with old.open("rb") as mapped:
        kept = mapped.read()
        tree.write("shared.pxd", SHARED_NUMBER.format(2))
        done = tree.build()
        mapped.seek(0)

        assert done.returncode == 0
        assert mapped.read() == kept, "the open file is the old one, whole"
    after = tree.inodes()

    assert tree.number("uses") == 2
    assert after["alone"] == before["alone"]
    assert after["uses"] != before["uses"]


def test_a_broken_module_keeps_its_last_and_stops_no_other(tree: Tree) -> None:
    before = tree.inodes()
    tree.write("alone.pyx", BROKEN)
    tree.write("shared.pxd", SHARED_NUMBER.format(3))
    done = tree.build()

    assert done.returncode == 1
    assert "alone" in done.stderr
    assert tree.inodes()["alone"] == before["alone"]
    assert tree.number("alone") == 7
    assert tree.number("uses") == 3


def test_a_module_without_source_goes(tree: Tree) -> None:
    (tree.native / "alone.pyx").unlink()
    done = tree.build()

    assert done.returncode == 0
    assert set(tree.inodes()) == {"uses"}

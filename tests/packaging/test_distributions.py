"""What is shipped holds what it must: the sdist its sources, the wheel its modules.

Both are made from a copy of the tree, as `python -m build` makes them: the wheel from
the sdist, so that a file which the sdist lacks is missed here and not by a user.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.needs import ROOT

NATIVE = "native/gatewright/_native"
LEFT_OUT = shutil.ignore_patterns(
    ".*", "build", "dist", "*.egg-info", "__pycache__", "*.so", "tests", "benchmarks"
)


def run(*command: str, cwd: Path, **environment: str) -> None:
    """Runs a command; a failure shows all that it said."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )

    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}"


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist of this tree."""
    folder = tmp_path_factory.mktemp("sdist")
    tree = folder / "tree"
    shutil.copytree(ROOT, tree, ignore=LEFT_OUT)
    build = (sys.executable, "-m", "build", "--no-isolation", "--sdist")
    # Listing the sources needs no C code of them.
    run(*build, "--outdir", str(folder), cwd=tree, GATEWRIGHT_WITHOUT_NATIVE="1")
    (found,) = folder.glob("*.tar.gz")
    return found


@pytest.fixture(scope="module")
def wheel(sdist: Path) -> Path:
    """The wheel made from that sdist."""
    folder = sdist.parent / "from-sdist"
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (tree,) = folder.iterdir()
    build = (sys.executable, "-m", "build", "--no-isolation", "--wheel")
    run(*build, "--outdir", str(folder), cwd=tree, GATEWRIGHT_FAST_BUILD="1")
    (found,) = folder.glob("*.whl")
    return found


def sources(*patterns: str) -> set[str]:
    """Paths of our files that match, relative to the root."""
    return {
        str(path.relative_to(ROOT))
        for pattern in patterns
        for path in ROOT.glob(pattern)
    }


def test_sdist_holds_the_cython_sources(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = sources(
        f"{NATIVE}/*.pyx", f"{NATIVE}/*.pxd", f"{NATIVE}/*.h", "pkg/**/*.py", "LICENSE"
    )

    assert wanted - names == set()
    assert {name for name in names if name.endswith((".c", ".so"))} == set()


def test_wheel_holds_modules_stubs_data_and_notices(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    compiled = {name.split(".")[0] for name in names if name.endswith(".so")}
    wanted = {
        path.removeprefix("native/").removesuffix(".pyx")
        for path in sources(f"{NATIVE}/*.pyx")
    }
    files = {
        path.removeprefix("pkg/")
        for path in sources("pkg/**/*")
        if (ROOT / path).is_file()
        and not path.endswith((".so", ".pyc"))
        and ".egg-info" not in path
    }

    assert compiled == wanted
    assert files - names == set()
    assert "gatewright/py.typed" in names
    assert {name for name in names if name.endswith((".pyx", ".pxd", ".c"))} == set()
    for notice in ("LICENSE", "THIRD_PARTY_NOTICES.md"):
        assert any(name.endswith(f".dist-info/licenses/{notice}") for name in names)


def test_wheel_runs_where_the_checkout_is_not(wheel: Path, tmp_path: Path) -> None:
    """Each module imports from the unpacked wheel, whose file proves the place."""
    zipfile.ZipFile(wheel).extractall(tmp_path)
    modules = sorted(
        path.removeprefix("native/").removesuffix(".pyx").replace("/", ".")
        for path in sources(f"{NATIVE}/*.pyx")
    )
    code = "\n".join(
        [
            "import importlib, sys",
            f"sys.path.insert(0, {str(tmp_path)!r})",
            f"for name in {modules!r}:",
            "    path = importlib.import_module(name).__file__",
            f"    assert path.startswith({str(tmp_path)!r}), path",
        ]
    )

    run(sys.executable, "-c", code, cwd=tmp_path)

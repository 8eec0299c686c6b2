"""Runs tests against compiled modules with address and undefined-behaviour checks.

The modules are built apart (build/sanitize), next to links to the Python files of
the package, so the ordinary build stays as it is. Nodes of an arena are fenced off
from one another (native/gatewright/_native/fence.h), and Python takes all its memory
from malloc, which AddressSanitizer watches. The first finding ends the run, with
the place in the generated C and the Cython line above it.

    python -m tools.sanitize [--build-only] [PYTEST ARGUMENTS...]
    python -m tools.sanitize --fuzz SECONDS [SEED]

With `--fuzz` the modules also count the edges that they take, and
tests/fuzz/guided.py keeps the inputs that reach new ones.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Distribution

from tools.build_native import ROOT, load_setup

STATE = ROOT / "build" / "sanitize"
PACKAGE = ROOT / "pkg" / "gatewright"
FLAGS = [
    "-O1",
    "-g1",
    "-w",  # the ordinary build shows the warnings
    "-fno-omit-frame-pointer",
    "-fsanitize=address,undefined",
    # What the project's own flags define (-fwrapv) and what C leaves to the machine:
    # images may lie at any address, and x86-64 and arm64 load from any.
    "-fno-sanitize=alignment",
    "-fno-sanitize-recover=all",
]
#: What runs when no test is named: the whole core, from text to verdict.
TESTS = [
    "tests/conformance/test_rego.py",
    "tests/native",
    "tests/engine",
    "tests/plan",
    "tests/mutation/test_documents.py",
]
#: What cannot hold here, each with its reason.
LEFT_OUT = [
    # AddressSanitizer keeps freed memory for a while, to see it used again; the
    # normal build runs both.
    "tests/engine/test_reviews.py::test_memory_is_free_once_released",
    "tests/engine/test_reviews.py::test_many_batches_need_no_more_memory",
]
#: Leaks are not sought: Python frees little of what it holds at its end, and the
#: soak (tests/engine/test_soak.py) shows that the arenas stay flat.
REPORTS = STATE / "report"
ASAN_OPTIONS = f"detect_leaks=0:abort_on_error=1:log_path={REPORTS}"
UBSAN_OPTIONS = f"print_stacktrace=1:halt_on_error=1:log_path={REPORTS}"


def build(state: Path, more: list[str]) -> None:
    """Builds what changed, several modules at a time, and links the rest."""
    setup = load_setup()
    extensions = setup.extensions()
    for extension in extensions:
        extension.extra_compile_args = [*extension.extra_compile_args, *FLAGS, *more]
        extension.extra_link_args = ["-fsanitize=address,undefined"]
    compiled = cythonize(extensions, quiet=True, **setup.CYTHON_OPTIONS)
    distribution = Distribution({"name": "gatewright", "ext_modules": compiled})
    distribution.package_dir = {"": "pkg"}
    distribution.verbose = False
    command = distribution.get_command_obj("build_ext")
    command.build_lib = str(state / "lib")
    command.build_temp = str(state / "temp")
    command.parallel = os.cpu_count()
    command.ensure_finalized()
    command.run()
    link(state)


def link(state: Path) -> None:
    """Makes the package anew: links to its files, but for the compiled modules."""
    tree = state / "pkg" / "gatewright"
    shutil.rmtree(tree, ignore_errors=True)
    (tree / "_native").mkdir(parents=True)
    for path in PACKAGE.iterdir():
        if path.name not in ("_native", "__pycache__"):
            (tree / path.name).symlink_to(path)
    for path in (PACKAGE / "_native").iterdir():
        if path.suffix in (".py", ".pyi"):
            (tree / "_native" / path.name).symlink_to(path)
    for path in (state / "lib" / "gatewright" / "_native").glob("*.so"):
        (tree / "_native" / path.name).symlink_to(path)


def runtime() -> str:
    """The sanitizers' libraries, to be loaded before Python's own."""
    found = []
    for name in ("libasan.so", "libubsan.so"):
        done = subprocess.run(
            ["cc", f"-print-file-name={name}"],  # noqa: S607 - the compiler in PATH
            check=True,
            capture_output=True,
            text=True,
        )
        path = Path(done.stdout.strip())
        if not path.is_absolute():
            raise SystemExit(f"sanitize: the compiler has no {name} (Debian: gcc)")
        found.append(str(path.resolve()))
    return " ".join(found)


def counter(state: Path) -> Path:
    """The library whose map the modules' edges are counted in."""
    library = state / "edges.so"
    source = ROOT / "tests" / "fuzz" / "edges.c"
    command = ["cc", "-O2", "-shared", "-fPIC", "-o", str(library), str(source)]
    subprocess.run(command, check=True)
    return library


def main() -> int:
    """Runs the command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build-only", action="store_true", help="run no test")
    parser.add_argument("--fuzz", metavar="SECONDS", help="fuzz instead of testing")
    arguments, rest = parser.parse_known_args()
    os.chdir(ROOT)
    state = STATE / "edges" if arguments.fuzz else STATE
    state.mkdir(parents=True, exist_ok=True)
    with (STATE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        build(state, ["-fsanitize-coverage=trace-pc"] if arguments.fuzz else [])
    if arguments.build_only:
        return 0
    environment = {
        **os.environ,
        "LD_PRELOAD": f"{runtime()} {counter(state)}" if arguments.fuzz else runtime(),
        "ASAN_OPTIONS": ASAN_OPTIONS,
        "UBSAN_OPTIONS": UBSAN_OPTIONS,
        "PYTHONMALLOC": "malloc",
        "PYTHONPATH": str(state / "pkg"),
    }
    loaded = subprocess.run(
        [sys.executable, "-c", "from gatewright._native import vm; print(vm.__file__)"],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    if not Path(loaded).is_relative_to(state):
        raise SystemExit(f"sanitize: {loaded} would be tested, not the sanitized build")
    left_out = [f"--deselect={name}" for name in LEFT_OUT]
    chosen = rest or [*TESTS, "-m", "not peers and not slow", "-q"]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    command += [*left_out, *chosen]
    if arguments.fuzz:
        command = [sys.executable, "-m", "tests.fuzz.guided", arguments.fuzz, *rest]
    for path in STATE.glob(f"{REPORTS.name}.*"):
        path.unlink()
    code = subprocess.run(command, env=environment, check=False).returncode
    # pytest holds what the process writes itself, and dies with it.
    for path in sorted(STATE.glob(f"{REPORTS.name}.*")):
        print(path.read_text(errors="replace"))
        code = code or 1
    return code


if __name__ == "__main__":
    sys.exit(main())

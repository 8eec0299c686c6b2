"""Builds the compiled modules of this checkout into pkg/gatewright/_native/.

Only what changed is built: a module is stale when its .pyx, a .pxd or header that
it uses, setup.py, Python or Cython changed. Each module stands alone: one that
fails keeps its last working .so, the others are built all the same, and the exit
code is 1. A .so is replaced by rename, because running processes have the old one
mapped. One build runs at a time (build/native/lock).

    python tools/build_native.py [--force] [NAME...]
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import importlib.util
import os
import shutil
import sys
import sysconfig
import time
from pathlib import Path
from types import ModuleType

from Cython import __version__ as cython_version
from Cython.Build import cythonize
from Cython.Compiler.Errors import CompileError as CythonError
from setuptools import Distribution, Extension
from setuptools.errors import BaseError as BuildError

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / "build" / "native"
TARGET = ROOT / "pkg" / "gatewright" / "_native"
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")


def load_setup() -> ModuleType:
    """setup.py as a module: its list of extensions and its options."""
    spec = importlib.util.spec_from_file_location("gatewright_setup", ROOT / "setup.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def toolchain() -> str:
    """A digest of all that touches every module: a change of it rebuilds all."""
    parts = [sys.version, cython_version, (ROOT / "setup.py").read_text()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def compile_module(extension: Extension, *, options: dict[str, object]) -> Path:
    """Builds one module under build/native and returns the path of its .so."""
    force = bool(options.get("force"))
    compiled = cythonize([extension], quiet=True, **options)
    distribution = Distribution({"name": "gatewright", "ext_modules": compiled})
    distribution.package_dir = {"": "pkg"}
    distribution.verbose = False
    command = distribution.get_command_obj("build_ext")
    command.build_lib = str(STATE / "lib")
    command.build_temp = str(STATE / "temp")
    command.force = force
    command.ensure_finalized()
    command.run()
    return Path(command.get_ext_fullpath(extension.name))


def install(built: Path, *, name: str) -> bool:
    """Puts a newer .so in its place by rename; false if it is there already."""
    target = TARGET / f"{name}{SUFFIX}"
    if target.exists() and target.stat().st_mtime_ns == built.stat().st_mtime_ns:
        return False
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.copy2(built, fresh)
    os.replace(fresh, target)
    return True


def build(names: list[str], *, force: bool) -> list[str]:
    """Builds what is stale; returns the names that failed."""
    setup = load_setup()
    digest = toolchain()
    stamp = STATE / "toolchain"
    rebuild = force or not stamp.exists() or stamp.read_text() != digest
    extensions = setup.extensions()
    known = [extension.name.rpartition(".")[2] for extension in extensions]
    if unknown := sorted(set(names) - set(known)):
        raise SystemExit(f"build_native: no such module: {', '.join(unknown)}")
    failed: list[str] = []
    for position, (name, extension) in enumerate(
        zip(known, extensions, strict=True), start=1
    ):
        if names and name not in names:
            continue
        began = time.monotonic()
        print(f"\r\033[K[{position}/{len(known)}] {name}", end="", flush=True)
        try:
            built = compile_module(
                extension, options={**setup.CYTHON_OPTIONS, "force": rebuild}
            )
        except (CythonError, BuildError) as error:
            failed.append(name)
            print(f"\r\033[K[{position}/{len(known)}] {name}: FAILED: {error}")
            continue
        if install(built, name=name):
            print(
                f"\r\033[K[{position}/{len(known)}] {name}: built"
                f" in {time.monotonic() - began:.1f} s"
            )
    print("\r\033[K", end="", flush=True)
    if rebuild and not failed and not names:
        stamp.write_text(digest)
    return failed


def remove_orphans() -> None:
    """Deletes each .so whose .pyx is gone, lest an old one be imported."""
    sources = {path.stem for path in (ROOT / "native/gatewright/_native").glob("*.pyx")}
    for path in TARGET.glob("*.so"):
        if path.name.split(".")[0] not in sources and not path.name.startswith("."):
            path.unlink()
            print(f"removed {path.name}: it has no .pyx")


def main() -> int:
    """Runs the command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="modules to build (default: all)")
    parser.add_argument("--force", action="store_true", help="build all anew")
    arguments = parser.parse_args()
    os.chdir(ROOT)
    STATE.mkdir(parents=True, exist_ok=True)
    with (STATE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        failed = build(arguments.names, force=arguments.force)
        remove_orphans()
    if failed:
        print(
            f"native: {', '.join(failed)} failed (see above);"
            " a module that worked before stays as it was",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

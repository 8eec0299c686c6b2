"""Puts together the root of the image: what the program needs to run, and nothing else.

    python tools/image_root.py /opt/gatewright /opt/image

runs in the Dockerfile's build stage, with the Python that the image gets.  From the
virtual environment, from that Python and from the system it copies what is used:

- of `kubernetes` its connection and the reading of configurations (of 126 MB 0.3:
  models and calls for every kind there is are not used), and of what packages ask for
  only what those parts of them ask for, see `NEEDED`;
- the standard library without its tests, its editor and its graphics;
- the shared libraries that any of it is linked with, by `ldd`, without symbols that
  only debuggers read; no shell, no package manager;
- certificates of public authorities, a user, and a paragraph in /var/lib/dpkg/status.d
  for each Debian package that a file came from, where scanners look for those.

Then it compiles all modules, and imports every module of the program, in that root.
"""

from __future__ import annotations

import fnmatch
import importlib.metadata
import os
import re
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

#: What these packages ask for is for parts of them that are not used; instead:
NEEDED: Final[dict[str, tuple[str, ...]]] = {
    "kubernetes": ("aiohttp", "aiohttp-retry", "pyyaml", "typing-extensions"),
    "rich": (),  # Pygments and Markdown, for code and texts that nobody shows
    "cffi": (),  # a parser of C, for builds
}
#: What is kept of `kubernetes`; gatewright.kube.package says how it is imported.
OF_KUBERNETES: Final = (
    "kubernetes/__init__.py",
    "kubernetes/aio/__init__.py",
    "kubernetes/aio/client/__init__.py",
    "kubernetes/aio/client/configuration.py",
    "kubernetes/aio/client/exceptions.py",
    "kubernetes/aio/client/rest.py",
    "kubernetes/aio/config/*.py",
    "kubernetes/aio/utils/*.py",
    "kubernetes-*.dist-info/*",
)
#: Names of files and folders that only building and testing need.
FOR_BUILDS: Final = ("*.c", "*.h", "*.pxd", "*.pyi", "*.pyx", "*.a", "*_test.py")
OF_PYTHON_LEFT_OUT: Final = frozenset(
    {
        *("__pycache__", "site-packages", "test", "tests", "idlelib", "tkinter"),
        *("turtledemo", "turtle.py", "ensurepip", "lib2to3", "pydoc_data"),
        *("_pyrepl", "sqlite3", "curses", "dbm"),
    }
)
#: Modules of those, which would bring libraries along, and of tests.
MODULES_LEFT_OUT: Final = re.compile(
    r"_tkinter|_?sqlite3|_g?dbm|_curses|readline|nis\b|_crypt|xx|_test|_ctypes_test"
)
CERTIFICATES: Final = Path("/etc/ssl/certs/ca-certificates.crt")
USERS: Final = "root:x:0:0:root:/:/\ngatewright:x:1000:999::/:/\n"
GROUPS: Final = "root:x:0:\ngatewright:x:999:\n"
IMPORT_ALL: Final = """
import importlib, pkgutil, gatewright
for one in pkgutil.walk_packages(gatewright.__path__, "gatewright."):
    if not one.name.endswith("__main__"):
        importlib.import_module(one.name)
"""


def name_of(text: str) -> str:
    """The name in a requirement, as package indexes compare it."""
    found = re.match(r"[A-Za-z0-9._-]+", text)
    assert found is not None, text
    return re.sub(r"[-_.]+", "-", found[0]).lower()


def used(
    distributions: Mapping[str, importlib.metadata.Distribution], root: str
) -> set[str]:
    """The names of `root` and of what it needs, directly or not, that are there."""
    out: set[str] = set()
    waiting = [root]
    while waiting:
        name = waiting.pop()
        if name in out or name not in distributions:
            continue
        out.add(name)
        if name in NEEDED:
            waiting += NEEDED[name]
            continue
        asked = distributions[name].requires or ()
        waiting += (name_of(one) for one in asked if "extra ==" not in one)
    return out


def packages(site: Path) -> Iterator[Path]:
    """The files of the packages in use, relative to their folder."""
    found = importlib.metadata.distributions(path=[str(site)])
    distributions = {name_of(one.metadata["Name"]): one for one in found}
    for name in sorted(used(distributions, "gatewright")):
        for file in distributions[name].files or ():
            path = Path(str(file))
            if path.parts[0] == ".." or path.suffix == ".pyc":
                continue
            if any(fnmatch.fnmatch(path.name, one) for one in FOR_BUILDS):
                continue
            if name == "kubernetes" and not any(
                path.match(one) for one in OF_KUBERNETES
            ):
                continue
            yield path


class Root:
    """The folder that becomes the image's root."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.copied: set[Path] = set()
        self.of_system: set[Path] = set()

    def copy(self, source: Path, *, to: Path | None = None) -> None:
        """A file, to where it is; one that is linked with others loses its symbols."""
        target = self.folder / (to or source).relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)
        self.copied.add(source)
        if ".so" in source.name:
            # A process may write its own files only; some libraries are read-only.
            target.chmod(0o755)
            run("strip", "--strip-unneeded", target)

    def link(self, path: Path, to: str | Path) -> None:
        target = self.folder / path.relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(to)

    def write(self, path: str, text: str) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def environment(self, prefix: Path) -> None:
        """The virtual environment: its Python is a link, its commands are ours."""
        (site,) = prefix.glob("lib/python3*/site-packages")
        for path in packages(site):
            self.copy(site / path)
        self.copy(prefix / "pyvenv.cfg")
        self.copy(prefix / "bin/gatewright")
        for path in (prefix / "bin").glob("python*"):
            self.link(path, os.readlink(path))

    def python(self, base: Path) -> None:
        """The interpreter and its library."""
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        self.copy(base / "bin" / version)
        for name in ("python", "python3"):
            self.link(base / "bin" / name, version)
        library = base / "lib" / version
        for folder, inner, files in os.walk(library):
            inner[:] = [
                one
                for one in inner
                if one not in OF_PYTHON_LEFT_OUT and not one.startswith("config-")
            ]
            for name in files:
                path = Path(folder, name)
                if name in OF_PYTHON_LEFT_OUT or (
                    path.suffix == ".so" and MODULES_LEFT_OUT.match(name)
                ):
                    continue
                self.copy(path)

    def libraries(self) -> None:
        """What the files so far are linked with, each at its place, and a cache of it."""
        places: set[Path] = set()
        for path in sorted(libraries_of(filter(is_linked, self.copied))):
            place = path.parent.resolve()
            places.add(place)
            if place / path.name not in self.copied:
                self.copy(path, to=place / path.name)
                self.of_system.add(path)
        for old in ("lib", "lib64"):
            if Path("/", old).is_symlink():
                self.link(Path("/", old), f"usr/{old}")
                (self.folder / "usr" / old).mkdir(parents=True, exist_ok=True)
        self.write("etc/ld.so.conf", "".join(f"{one}\n" for one in sorted(places)))
        run("ldconfig", "-r", self.folder)

    def system(self) -> None:
        """Users, names, a place for temporary files, authorities."""
        self.write("etc/passwd", USERS)
        self.write("etc/group", GROUPS)
        self.write("etc/nsswitch.conf", "hosts: files dns\n")
        (self.folder / "tmp").mkdir()
        (self.folder / "tmp").chmod(0o1777)
        self.copy(CERTIFICATES)
        default = ssl.get_default_verify_paths().openssl_cafile
        self.link(Path(default), CERTIFICATES)

    def origins(self) -> None:
        """Which Debian packages are inside, as scanners of images without dpkg read it."""
        names = {"ca-certificates"}  # which makes its file when it is installed
        for path in self.of_system:
            for spelled in (path, path.resolve(), usr_less(path.resolve())):
                done = run("dpkg-query", "-S", spelled, check=False)
                if done.returncode == 0:
                    names.add(done.stdout.partition(": ")[0].partition(",")[0])
                    break
        for name in sorted(names):
            said = run("dpkg-query", "-s", name)
            self.write(f"var/lib/dpkg/status.d/{name.partition(':')[0]}", said.stdout)

    def run(self, *command: str | Path) -> None:
        """A command in this root, whose output is seen."""
        run("chroot", self.folder, *command, output=None, environment={})


def run(
    program: str,
    *arguments: str | Path,
    check: bool = True,
    output: int | None = subprocess.PIPE,
    environment: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program of the build stage.  Raises CalledProcessError if `check`."""
    path = shutil.which(program)
    assert path is not None, program
    return subprocess.run(
        [path, *arguments],
        check=check,
        stdout=output,
        stderr=None if check else subprocess.DEVNULL,
        env=environment,
        text=True,
    )


def is_linked(path: Path) -> bool:
    """Whether a file is a program or a library, and no text."""
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def usr_less(path: Path) -> Path:
    """As packages that are older than the merge of /lib and /usr/lib name it."""
    return Path("/", path.relative_to("/usr")) if path.is_relative_to("/usr") else path


def libraries_of(files: Iterable[Path]) -> set[Path]:
    """The shared libraries of all files.  Raises ValueError if one is not there."""
    out: set[Path] = set()
    for file in files:
        done = run("ldd", file)
        if "not found" in done.stdout:
            raise ValueError(f"{file}: {done.stdout}")
        for line in done.stdout.splitlines():
            found = re.search(r"(?:=> )?(/\S+) \(0x", line)
            if found:
                out.add(Path(found[1]))
    return out


def main(prefix: str, folder: str) -> None:
    """Make the root, compile and import what is in it."""
    root = Root(Path(folder))
    root.folder.mkdir(parents=True)
    root.environment(Path(prefix))
    base = Path(sys.base_prefix)
    root.python(base)
    root.libraries()
    root.system()
    root.origins()
    python = Path(prefix, "bin/python")
    # As of their sources forever: the root is read-only.
    compiled = ("-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash")
    root.run(python, *compiled, f"{prefix}/lib", base / "lib")
    root.run(python, "-c", IMPORT_ALL)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Planned policies by what they were made from, in memory and on disk.

A key is a digest of everything that a plan depends on: the source, the options, the
builtins, the compiler itself.  An entry on disk is an image as generations are; it
is read as something that anybody may have put there: of a private folder only, of a
private file only, and with every byte checked.  What is wrong with one is counted,
and the policy is compiled as if it were not there.  Nothing here ever fails: without
a folder, or without the right to write there, policies are compiled each time.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import secrets
import stat
import sys
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import gatewright
from gatewright._native.core import ImageError
from gatewright.builtins.declarations import TABLE
from gatewright.engine.parts import Part
from gatewright.ir.opcodes import PLAN_VERSION
from gatewright.plan import passes
from gatewright.rego.compiled import CompileOptions

__all__ = ["CacheCounts", "CompileCache", "compile_key", "entry_meta", "fingerprint"]

#: Seen by the digest, so that another layout of keys or entries is another key.
_FORM: Final = "gatewright compiled policy 1"
#: Packages whose sources are part of each key.
_COMPILER: Final = ("builtins", "ir", "plan", "rego")
_ENDING: Final = ".policy"
_FRESH: Final = ".new-"
#: Entries kept in memory, some 9 KB each.
_IN_MEMORY: Final = 2048
#: Bytes on disk before the entries that were used least lately go, and of one entry.
SIZE_LIMIT: Final = 64 << 20
ENTRY_LIMIT: Final = 8 << 20
#: Seconds: an entry's time of use is no more exact than this, so that reading hardly
#: ever writes; what a killed process has left half written goes after it.
_USED_WITHIN: Final = 3600.0

Lookup: TypeAlias = Literal["hit", "miss", "ignored"]


@dataclass(slots=True)
class CacheCounts:
    """What became of the questions asked so far; `reason`: why the last entry was
    ignored or not written."""

    memory: int = 0
    hit: int = 0
    miss: int = 0
    ignored: int = 0
    written: int = 0
    unwritten: int = 0
    reason: str = ""


class CompileCache:
    """See the module.  `folder` is the private folder; None: memory only.

    `unusable` says why a folder that was asked for is not used.  For one thread.
    """

    def __init__(self, folder: Path | None = None, *, limit: int = SIZE_LIMIT) -> None:
        self.counts = CacheCounts()
        self.unusable = ""
        self._limit = limit
        self._parts: OrderedDict[bytes, Part] = OrderedDict()
        self._folder: int | None = None
        self._size: int | None = None
        if folder is not None:
            try:
                self._folder = _open_folder(folder)
            except (OSError, ValueError) as error:
                self.unusable = f"{folder}: {_why(error)}"

    def close(self) -> None:
        """Let go of the folder; the memory stays."""
        if self._folder is not None:
            os.close(self._folder)
            self._folder = None

    def get(self, key: bytes) -> Part | None:
        """The part kept under a key."""
        found = self._parts.get(key)
        if found is not None:
            self._parts.move_to_end(key)
            self.counts.memory += 1
            return found
        if self._folder is None:
            return None
        try:
            found = self._read(self._folder, key)
        except FileNotFoundError:
            self.counts.miss += 1
            return None
        except (OSError, ValueError) as error:
            self.counts.ignored += 1
            self.counts.reason = f"{_name(key)}: {_why(error)}"
            return None
        self.counts.hit += 1
        self._remember(key, found)
        return found

    def has(self, key: bytes) -> bool:
        """Whether `get` would look at an entry; it is not counted as a question."""
        if key in self._parts:
            return True
        if self._folder is None:
            return False
        try:
            os.stat(_name(key), dir_fd=self._folder, follow_symlinks=False)
        except OSError:
            return False
        return True

    def put(self, key: bytes, part: Part) -> None:
        """Keep a part, made with `entry_meta(key)`, under a key."""
        self._remember(key, part)
        if self._folder is None:
            return
        try:
            self._write(self._folder, key, part.data)
        except OSError as error:
            self.counts.unwritten += 1
            self.counts.reason = f"{_name(key)}: {_why(error)}"
        else:
            self.counts.written += 1

    def _remember(self, key: bytes, part: Part) -> None:
        self._parts[key] = part
        if len(self._parts) > _IN_MEMORY:
            self._parts.popitem(last=False)

    # Files -------------------------------------------------------------------

    def _read(self, folder: int, key: bytes) -> Part:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        fd = os.open(_name(key), flags, dir_fd=folder)
        with open(fd, "rb", buffering=0) as file:
            about = os.fstat(fd)
            if not stat.S_ISREG(about.st_mode):
                raise ValueError("no file")
            _check_private(about)
            if about.st_size > ENTRY_LIMIT:
                raise ValueError(f"{about.st_size} bytes are too many")
            part = Part.read(file.read(ENTRY_LIMIT))
            if part.meta != entry_meta(key):
                raise ImageError("the entry of another policy")
            if time.time() - about.st_mtime > _USED_WITHIN:
                _touch(fd)
        return part

    def _write(self, folder: int, key: bytes, data: bytes) -> None:
        if len(data) > min(ENTRY_LIMIT, self._limit):
            return
        fresh = f"{_FRESH}{os.getpid()}-{secrets.token_hex(8)}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(fresh, flags, 0o600, dir_fd=folder)
        try:
            with open(fd, "wb") as file:
                file.write(data)
            os.replace(fresh, _name(key), src_dir_fd=folder, dst_dir_fd=folder)
        except OSError:
            os.unlink(fresh, dir_fd=folder)
            raise
        if self._size is None or self._size + len(data) > self._limit:
            self._size = self._evict(folder)
        else:
            self._size += len(data)

    def _evict(self, folder: int) -> int:
        """Make room where there is none; the bytes that are left."""
        kept: list[tuple[float, int, str]] = []
        now = time.time()
        for name, about in _files(folder):
            if name.startswith(_FRESH) and now - about.st_mtime > _USED_WITHIN:
                _unlink(folder, name)
            elif name.endswith(_ENDING):
                kept.append((about.st_mtime, about.st_size, name))
        size = sum(one for _, one, _ in kept)
        if size > self._limit:
            kept.sort()
            for _, one, name in kept:
                if size <= self._limit * 3 // 4:
                    break
                _unlink(folder, name)
                size -= one
        return size


def _open_folder(path: Path) -> int:
    """A descriptor of the folder, which is made if it is not there.

    Raises OSError, or ValueError unless it is our own and private.
    """
    if not path.is_dir():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _check_private(os.fstat(fd))
    except ValueError:
        os.close(fd)
        raise
    return fd


def _check_private(about: os.stat_result) -> None:
    if about.st_uid != os.geteuid():
        raise ValueError(f"it belongs to user {about.st_uid}, not to {os.geteuid()}")
    if about.st_mode & 0o077:
        mode = stat.S_IMODE(about.st_mode)
        raise ValueError(f"others have access to it (mode {mode:03o})")


def _files(folder: int) -> Iterator[tuple[str, os.stat_result]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                yield entry.name, entry.stat(follow_symlinks=False)
            except OSError:
                continue  # gone meanwhile


def _unlink(folder: int, name: str) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except OSError:
        return  # another process was faster, or the folder can't be written


def _touch(fd: int) -> None:
    try:
        os.utime(fd)
    except OSError:
        return  # a folder that can only be read


def _name(key: bytes) -> str:
    return key.hex() + _ENDING


def _why(error: BaseException) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)


# Keys ------------------------------------------------------------------------


def entry_meta(key: bytes) -> bytes:
    """What an entry says of itself."""
    return _FORM.encode() + b" " + key


def compile_key(
    *parts: object, options: CompileOptions, sources: Sequence[str] = ()
) -> bytes | None:
    """The key of a policy: of `parts`, JSON data, and all that compiling depends on.

    `sources`: files whose code made the modules from `parts`.  None if something of
    it can't be put into words (a function in the options).
    """
    code = fingerprint(*sources)
    if code is None:
        return None
    try:
        words = json.dumps([_FORM, code, sorted(passes.WITHOUT), parts], sort_keys=True)
        text = f"{words}\n{_option_text(options)}"
    except TypeError:
        return None
    return hashlib.blake2b(
        text.encode("utf-8", "surrogatepass"), digest_size=32
    ).digest()


#: The options of the latest key, and their words: all policies of a library have the
#: same, and two hundred builtins take a while to list.
_latest: tuple[CompileOptions, str] | None = None


def _option_text(options: CompileOptions) -> str:
    # Options do not change; equal ones that are another object are put in words anew.
    global _latest
    latest = _latest
    if latest is None or latest[0] is not options:
        words = json.dumps(_option_words(options), sort_keys=True)
        _latest = latest = (options, words)
    return latest[1]


def _option_words(options: CompileOptions) -> Mapping[str, Any]:
    words: dict[str, Any] = {}
    for field in fields(options):
        value = getattr(options, field.name)
        if isinstance(value, (set, frozenset)):
            value = sorted(value)
        elif field.name == "builtins":
            value = None if value is None else _declared(value)
        words[field.name] = value
    return words


def _declared(builtins: Mapping[str, Any]) -> list[str]:
    # One that is not as in the table has its declaration in the key
    return sorted(
        name if TABLE.get(name) is declared else repr(declared)
        for name, declared in builtins.items()
    )


@functools.cache
def fingerprint(*sources: str) -> str | None:
    """A digest of the compiler: version, sources, compiled modules; and of `sources`,
    files that what it is given went through before.

    The version alone would not do, since it stays the same while code is worked on.
    None where the sources are not there to be read (a zipped package).
    """
    root = os.path.dirname(gatewright.__file__)
    digest = hashlib.blake2b(digest_size=16)
    python = sys.implementation.cache_tag
    digest.update(f"{gatewright.__version__} {PLAN_VERSION} {python}".encode())
    try:
        for path in (*_compiler_files(root), *sources):
            with open(path, "rb", buffering=0) as file:
                content = file.read()
            digest.update(f"\0{path.removeprefix(root)} {len(content)}\0".encode())
            digest.update(content)
        with os.scandir(os.path.join(root, "_native")) as entries:
            for entry in sorted(entries, key=lambda one: one.name):
                if entry.name.endswith(".so"):
                    about = entry.stat()
                    words = f"\0{entry.name} {about.st_size} {about.st_mtime_ns}"
                    digest.update(words.encode())
    except OSError:
        return None
    return digest.hexdigest()


def _compiler_files(root: str) -> list[str]:
    found: list[str] = []
    for package in _COMPILER:
        for folder, _, names in os.walk(os.path.join(root, package)):
            found += (f"{folder}/{one}" for one in names if one.endswith(".py"))
    if not found:
        raise FileNotFoundError(root)
    return sorted(found)

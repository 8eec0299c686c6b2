"""One consistent reading of a folder of policy files.

A reading is taken between two equal looks at the folder; a change in the middle
means another try.  Kubernetes' volume mounts (`..data` swaps) are followed:
names that begin with `..` are not read themselves, links into them are.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["FolderLimits", "FolderError", "Look", "Reading", "look", "read"]

SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})
TRIES: Final = 50


class FolderError(Exception):
    """The folder as a whole can't be read; `str()` says why."""


@dataclass(frozen=True, slots=True)
class FolderLimits:
    """Bytes of one file, of all, and how many files."""

    file: int = 8 << 20
    total: int = 256 << 20
    files: int = 10_000


#: What a file is known by between two looks: device, inode, size, mtime (ns).
Stamp = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Look:
    """`files`: name (relative, with `/`) to stamp; `refused`: name to reason."""

    files: Mapping[str, Stamp]
    refused: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reading:
    """The bytes of every file at one time."""

    look: Look
    data: Mapping[str, bytes]


def look(root: Path, *, limits: FolderLimits) -> Look:
    """What is in the folder now.  Raises FolderError if it can't be listed or
    holds too much."""
    files: dict[str, Stamp] = {}
    refused: dict[str, str] = {}
    try:
        inside = root.resolve(strict=True)
        if not inside.is_dir():
            raise FolderError(f"{root} is not a folder")
        for path in walk(root):
            name = path.relative_to(root).as_posix()
            if not name.isascii() and (shown := in_utf8(name)) != name:
                refused[shown] = "its name is no UTF-8"
                continue
            problem = check(path, inside, files, name, limits)
            if problem:
                refused[name] = problem
    except OSError as error:
        raise FolderError(f"can't read {root}: {error.strerror}") from error
    if len(files) > limits.files:
        raise FolderError(f"{root} holds more than {limits.files} policy files")
    total = sum(stamp[2] for stamp in files.values())
    if total > limits.total:
        raise FolderError(
            f"the policy files in {root} have {total} bytes, over the limit of "
            f"{limits.total}"
        )
    return Look(files, refused)


def in_utf8(name: str) -> str:
    """A file's name with escapes for bytes that are no UTF-8."""
    raw = name.encode("utf-8", "surrogateescape")
    return raw.decode("utf-8", "backslashreplace")


def walk(folder: Path) -> Iterator[Path]:
    """Candidates in sorted order: links are not followed into folders."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name.startswith("."):
            continue
        path = Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            yield from walk(path)
        elif path.suffix in SUFFIXES:
            yield path


def check(
    path: Path, inside: Path, files: dict[str, Stamp], name: str, limits: FolderLimits
) -> str:
    """Note the file's stamp, or say why it is refused (empty: vanished or fine)."""
    try:
        target = path.resolve(strict=True)
        info = target.stat()
    except FileNotFoundError:
        return "a link that leads nowhere" if path.is_symlink() else ""
    except (OSError, RuntimeError) as error:
        return f"can't be read: {error}"
    if not target.is_relative_to(inside):
        return "a link that leads out of the folder"
    if not stat.S_ISREG(info.st_mode):
        return "not a regular file"
    if info.st_size > limits.file:
        return f"{info.st_size} bytes, over the limit of {limits.file}"
    files[name] = (info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns)
    return ""


def read(root: Path, *, limits: FolderLimits, pause: float = 0.02) -> Reading:
    """All files as they were at one time.

    Raises FolderError, also when the folder never holds still.
    """
    before = look(root, limits=limits)
    for _ in range(TRIES):
        data = {
            name: content
            for name in before.files
            if (content := content_of(root / name, limits.file)) is not None
        }
        after = look(root, limits=limits)
        if after == before and len(data) == len(before.files):
            return Reading(before, data)
        before = after
        time.sleep(pause)
    raise FolderError(f"{root} changed during each of {TRIES} readings")


def content_of(path: Path, limit: int) -> bytes | None:
    """The bytes, or None if the file vanished, grew or can't be opened now."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    with open(fd, "rb") as file:
        content = file.read(limit + 1)
    return content if len(content) <= limit else None

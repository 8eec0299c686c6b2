"""Which suites a path names.

A file is itself; a folder the files directly in it, or with `/...` behind it all
below it.  Files are .yaml and .yml; what is no suite is passed over.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from gatewright.gator.policies import GatorError
from gatewright.gator.suite import Suite, is_suite, parse
from gatewright.k8s import gostruct, gotext, yaml

__all__ = ["find_suites", "read_bytes", "rooted"]

_EVERYTHING_BELOW = "/..."


def rooted(path: str) -> str:
    """Return an absolute path as messages show it: without the slash before it."""
    return path.lstrip("/")


def read_bytes(path: str) -> bytes:
    """Return the bytes of a file; raise GatorError."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        verb = "read" if isinstance(error, IsADirectoryError) else "open"
        raise GatorError(f"{verb} {rooted(path)}: {_reason(error)}") from error


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def find_suites(path: str) -> list[Suite]:
    """Return the suites that a path names, by path; raise GatorError."""
    recursive = path.endswith(_EVERYTHING_BELOW)
    named = path.removesuffix("...") if recursive else path
    target = os.path.abspath(named)
    try:
        is_folder = stat.S_ISDIR(os.stat(target).st_mode)
    except OSError as error:
        raise GatorError(f"stat {rooted(target)}: {_reason(error)}") from error
    quoted = gotext.quote(rooted(target))
    if is_folder:
        files = _below(target, recursive=recursive)
    elif recursive:
        raise GatorError(
            f"can only recursively traverse directories, not a directory: {quoted}"
        )
    elif _is_yaml(target):
        files = iter([target])
    else:
        extension = gotext.quote(os.path.splitext(target)[1])
        raise GatorError(f"unsupported extension: {extension}")
    found = [_read(file, named) for file in files]
    return sorted((one for one in found if one is not None), key=lambda one: one.path)


def _is_yaml(name: str) -> bool:
    return os.path.splitext(name)[1] in (".yaml", ".yml")


def _below(folder: str, *, recursive: bool) -> Iterator[str]:
    try:
        entries = sorted(os.scandir(folder), key=lambda one: os.fsencode(one.name))
    except OSError as error:
        raise GatorError(f"open {rooted(folder)}: {_reason(error)}") from error
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if recursive:
                yield from _below(entry.path, recursive=True)
        elif _is_yaml(entry.name):
            yield entry.path


def _read(path: str, named: str) -> Suite | None:
    text = read_bytes(path)
    try:
        documents = yaml.read(text, dialect=yaml.Dialect.CORE)
    except yaml.YAMLError as error:
        quoted = gotext.quote(rooted(path))
        raise GatorError(
            f"invalid yaml: parsing yaml file {quoted}: {error.reason}"
        ) from error
    # Only the first document counts.
    value = documents[0].value if documents else None
    if not isinstance(value, dict) or not is_suite(value):
        return None
    try:
        return parse(value, path=path, shown=_shown(path, named))
    except gostruct.UnmarshalError as error:
        raise GatorError(f"invalid yaml: {error}") from error


def _shown(path: str, named: str) -> str:
    # What follows the name that was given, wherever that is first found in the
    # path: `.` is found in an extension, and gator shows `.yaml` then.
    part = named.removeprefix("/").removeprefix("./")
    while part.startswith("../"):
        part = part.removeprefix("../")
    if not part:
        return named + rooted(path)
    _, found, after = rooted(path).partition(part)
    if not found:
        raise GatorError(f"could not find {part} in {rooted(path)}")
    return named + after

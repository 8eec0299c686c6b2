"""What a command is given: files, folders and standard input, as objects.

Files of the extensions below are read wherever they lie under a named folder, in
the order of their names; a file named itself must have one of them.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gatewright.k8s import gotext, gvk, meta, yaml

__all__ = ["InputError", "Source", "objects_of", "read_files", "read_stdin", "repeated"]

EXTENSIONS: Final = (".yaml", ".yml", ".json")


class InputError(ValueError):
    """Input that cannot be read; the text names the file."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file, or standard input (`path` is blank), and the objects in it."""

    path: str
    objects: Sequence[dict[str, Any]]

    @property
    def shown(self) -> str:
        """Return how messages name it."""
        return f"file: {gotext.quote(self.path)}" if self.path else "stdin"


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def read_files(names: Sequence[str]) -> list[Source]:
    """Return the files under some paths; raise InputError."""
    out: list[Source] = []
    for name in names:
        out += (_read(path) for path in _below(name))
    return out


def _below(name: str) -> Iterator[str]:
    try:
        found = os.stat(name)
    except OSError as error:
        quoted = gotext.quote(name)
        raise InputError(
            f"stat on path {quoted}: stat {name}: {_reason(error)}"
        ) from None
    if stat.S_ISDIR(found.st_mode):
        yield from _walk(os.path.normpath(name))
    elif os.path.splitext(name)[1] in EXTENSIONS:
        yield name
    else:
        raise InputError(
            f"path {gotext.quote(name)} must be of extensions: [{' '.join(EXTENSIONS)}]"
        )


def _walk(folder: str) -> Iterator[str]:
    try:
        entries = sorted(os.scandir(folder), key=lambda one: os.fsencode(one.name))
    except OSError as error:
        raise InputError(
            f"normalizing filenames: filename {gotext.quote(folder)}: walking: "
            f"open {folder}: {_reason(error)}"
        ) from None
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path)
        elif os.path.splitext(entry.name)[1] in EXTENSIONS:
            yield entry.path


def _read(path: str) -> Source:
    try:
        text = Path(path).read_bytes()
    except OSError as error:
        quoted = gotext.quote(path)
        raise InputError(
            f"opening file {quoted}: open {path}: {_reason(error)}"
        ) from None
    try:
        return Source(path, _objects(text))
    except InputError as error:
        raise InputError(f"reading file {gotext.quote(path)}: {error}") from None


def read_all(names: Sequence[str]) -> list[Source]:
    """Return the objects of the named files, then those on standard input.

    Raises InputError.
    """
    try:
        sources = [*read_files(names)]
    except InputError as error:
        raise InputError(f"reading from filenames: {error}") from None
    try:
        return sources + read_stdin()
    except InputError as error:
        raise InputError(f"reading from stdin: {error}") from None


def read_stdin() -> list[Source]:
    """Return what stands on standard input unless that is a terminal."""
    try:
        mode = os.fstat(0).st_mode
    except OSError:
        return []
    if stat.S_ISCHR(mode):
        return []
    try:
        return [Source("", _objects(sys.stdin.buffer.read()))]
    except InputError as error:
        raise InputError(f"reading: {error}") from None


def _objects(text: bytes) -> list[dict[str, Any]]:
    try:
        documents = yaml.read(text)
    except yaml.YAMLError as error:
        _, found, value = error.reason.partition("unsupported value: ")
        reason = f"json: {found}{value}" if found else error.reason
        raise InputError(
            f"reading yaml source: error converting YAML to JSON: {reason}"
        ) from None
    out: list[dict[str, Any]] = []
    for document in documents:
        value = document.value
        if not isinstance(value, dict):
            kind = _json_kind(value)
            raise InputError(
                "reading yaml source: error unmarshaling JSON: while decoding JSON: "
                f"json: cannot unmarshal {kind} into Go value of type "
                "map[string]interface {}"
            )
        if value:
            out.append(_as_go_reads(value))
    return out


def _json_kind(value: Any) -> str:
    if isinstance(value, str):
        return "string"
    if isinstance(value, bool):
        return "bool"
    return "array" if isinstance(value, list) else "number"


def _as_go_reads(value: Any) -> Any:
    # Numbers go through float64; where an integer is exact it may stay one.
    if type(value) is int:
        return value if -(2**53) <= value <= 2**53 else float(value)
    if isinstance(value, dict):
        return {name: _as_go_reads(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_as_go_reads(member) for member in value]
    return value


def objects_of(sources: Sequence[Source]) -> list[dict[str, Any]]:
    """Return all objects in order."""
    return [obj for source in sources for obj in source.objects]


def _identity(obj: Mapping[str, Any]) -> tuple[str, str, str, str]:
    named = gvk.gvk_of(obj)
    return named.group, named.kind, meta.name_of(obj), meta.namespace_of(obj)


def repeated(sources: Sequence[Source]) -> Iterator[str]:
    """Yield a remark for each object that is there already."""
    seen: dict[tuple[str, str, str, str], Source] = {}
    for source in sources:
        for obj in source.objects:
            key = _identity(obj)
            if key in seen:
                name = gotext.quote(key[2])
                yield (
                    f"Resource named {name} (from {source.shown}) is already defined "
                    f"in {seen[key].shown}"
                )
            seen[key] = source

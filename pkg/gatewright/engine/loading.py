"""Policies and base data from files and folders, as `opa` reads them.

A path is a file, a folder (read recursively), a `file://` URL, or one of those
behind a prefix that says where its data goes (`foo.bar:data.json`).  Of a folder,
`.rego`, `.json`, `.yaml` and `.yml` files count, data below the names of the
folders that hold it.  A bundle is a folder or a `.tar.gz`; its data files are
named data.json or data.yaml and stand where they belong.
"""

from __future__ import annotations

import fnmatch
import io
import os
import stat
import tarfile
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.jsontext import load_first
from gatewright.engine.manifest import Manifest, ManifestError
from gatewright.engine.values import Value
from gatewright.rego import ast
from gatewright.rego.errors import Error, RegoErrors
from gatewright.rego.parser import parse_module

if TYPE_CHECKING:
    from gatewright.builtins.capabilities import Capabilities
from gatewright.rego.printer import ref_text

__all__ = [
    "LoadErrors",
    "Loaded",
    "load_bundle",
    "load_paths",
    "load_schemas",
    "os_text",
    "read_value",
]

_YAML: Final = frozenset({".yaml", ".yml"})
_DATA_NAMES: Final = frozenset({"data.json", "data.yaml", "data.yml"})
_MANIFEST: Final = ".manifest"
_NONE: Final[Mapping[str, int]] = {}
#: Bytes of one archive's members together; more is refused.
_MAX_ARCHIVE: Final = 1 << 30
#: Bytes that a gzip file begins with; Go reads them before it looks at them.
_GZIP_HEADER: Final = 10


class BadArchive(Exception):
    """What is no `.tar.gz`, in Go's words."""


class LoadErrors(Exception):
    """What could not be read: errors of Rego, and texts for all else.

    `taken`: as in `Loaded`, up to there.
    """

    def __init__(
        self, errors: Iterable[Error | str], taken: Mapping[str, int] = _NONE
    ) -> None:
        self.errors: list[Error | str] = list(errors)
        self.taken = taken
        super().__init__(self.errors)

    def __str__(self) -> str:
        texts = [str(error) for error in self.errors]
        if len(texts) == 1:
            return f"1 error occurred during loading: {texts[0]}"
        return "\n".join([f"{len(texts)} errors occurred during loading:", *texts])


class _Refused(Exception):
    """One file cannot be loaded; the text names it."""


@dataclass(slots=True)
class Loaded:
    """Modules by file name, and the merged base data.

    `taken`: ns that steps took, `module_parse` and `data_parse`.
    `roots`: what bundles own, by their path.
    """

    modules: dict[str, ast.Module] = field(default_factory=dict)
    documents: dict[str, Value] = field(default_factory=dict)
    taken: dict[str, int] = field(default_factory=dict)
    roots: dict[str, Sequence[str]] = field(default_factory=dict)
    _origins: dict[str, Any] = field(default_factory=dict)

    def has_path(self, keys: Sequence[str]) -> bool:
        """Tell whether base data holds something at a path below `data`."""
        node: Value = self.documents
        for key in keys:
            if not isinstance(node, dict) or key not in node:
                return False
            node = node[key]
        return True

    def add(self, name: str, documents: Value) -> None:
        """Merge data in.  Raises LoadErrors."""
        try:
            self.merge(name, (), documents)
        except _Refused as error:
            raise LoadErrors([str(error)]) from error

    def merge(self, name: str, place: Sequence[str], value: Value) -> None:
        """Add a document; raises for what is no object or contradicts."""
        for key in reversed(place):
            value = {key: value}
        if not isinstance(value, dict):
            raise _Refused(f"{name}: document must be of type object")
        clash = _clash(self.documents, value, ())
        if clash is not None:
            where = ref_text([ast.Var("data"), *map(ast.String, clash)])
            origin = self._origin(clash)
            raise _Refused(
                f"{name}: merge error: conflicting values at {where},"
                f" also defined in {origin}"
            )
        _merge(self.documents, value)
        _mark(self._origins, value, name)

    def _origin(self, path: Sequence[str]) -> str:
        node: Any = self._origins
        for key in path:
            if isinstance(node, str):
                break
            node = node[key]
        while isinstance(node, dict):
            node = next(iter(node.values()))
        return str(node)


def _clash(
    left: dict[str, Value], right: dict[str, Value], path: tuple[str, ...]
) -> tuple[str, ...] | None:
    """The first path at which two documents both have a value that is no object."""
    for key in sorted(left.keys() & right.keys()):
        one, other = left[key], right[key]
        here = (*path, key)
        if not isinstance(one, dict) or not isinstance(other, dict):
            return here
        found = _clash(one, other, here)
        if found is not None:
            return found
    return None


def _merge(left: dict[str, Value], right: dict[str, Value]) -> None:
    for key, value in right.items():
        known = left.get(key)
        if isinstance(known, dict) and isinstance(value, dict):
            _merge(known, value)
        else:
            left[key] = value


def _mark(origins: dict[str, Any], value: dict[str, Value], name: str) -> None:
    """Note, beside each value, the file that it came from."""
    for key, item in value.items():
        if isinstance(item, dict) and item:
            below = origins.setdefault(key, {})
            if isinstance(below, str):
                below = origins[key] = {}
            _mark(below, item, name)
        else:
            origins.setdefault(key, name)


class _Loader:
    """One run over paths; errors are collected."""

    def __init__(
        self,
        *,
        version: int,
        ignore: Sequence[str],
        only_rego: bool,
        capabilities: Capabilities | None,
        v0_v1: bool,
    ) -> None:
        self.version = version
        self.capabilities = capabilities
        self.v0_v1 = v0_v1
        self.ignore = ignore
        self.only_rego = only_rego
        self.loaded = Loaded()
        self.errors: list[Error | str] = []
        self.seen: set[str] = set()

    def attempt(self, load: Callable[[], None]) -> None:
        try:
            load()
        except RegoErrors as error:
            self.errors += error.errors
        except _Refused as error:
            self.errors.append(str(error))
        except OSError as error:
            self.errors.append(os_text(error))

    def finish(self) -> Loaded:
        if self.errors:
            raise LoadErrors(self.errors, self.loaded.taken)
        return self.loaded

    def path(self, argument: str) -> None:
        if argument in self.seen:
            return
        self.seen.add(argument)
        place, path = _split_prefix(argument)
        self.walk(_clean(path), place, 0)

    def walk(self, path: str, place: tuple[str, ...], depth: int) -> None:
        if path[:2] in ("//", "\\\\"):
            self.errors.append(f"UNC path read is not allowed: {path}")
            return
        try:
            mode = os.stat(path).st_mode
        except OSError as error:
            self.errors.append(os_text(error, "stat"))
            return
        if depth and self.ignored(os.path.basename(path)):
            return
        if not stat.S_ISDIR(mode):
            if not (self.only_rego and not path.endswith(".rego")):
                self.attempt(lambda: self.file(path, place, depth))
            return
        if depth:
            place = (*place, os.path.basename(path))
        try:
            names = sorted(os.listdir(path), key=os.fsencode)
        except OSError as error:
            self.errors.append(os_text(error))
            return
        for name in names:
            child = os.path.normpath(os.path.join(path, name))
            self.walk(child, place, depth + 1)

    def ignored(self, name: str) -> bool:
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in self.ignore)

    def file(self, path: str, place: tuple[str, ...], depth: int) -> None:
        extension = os.path.splitext(path)[1]
        if path.endswith(".tar.gz"):
            bundle = load_bundle(
                path,
                version=self.version,
                capabilities=self.capabilities,
                v0_v1=self.v0_v1,
            )
            self.loaded.modules.update(bundle.modules)
            self.loaded.merge(path, place, bundle.documents)
            return
        known = extension in (".rego", ".json", *_YAML)
        if not known and depth:
            return
        with open(path, "rb") as stream:
            data = stream.read()
        if extension == ".rego":
            self.module(path, data)
        elif known:
            self.loaded.merge(path, place, self.document(path, data))
        else:
            self.guess(path, data, place)

    def guess(self, path: str, data: bytes, place: tuple[str, ...]) -> None:
        try:
            self.module(path, data)
        except RegoErrors:
            try:
                value = load_first(data)
            except ValueError:
                try:
                    value = self.document(path, data)
                except _Refused:
                    message = f"{path}: can't recognize file type"
                    raise _Refused(message) from None
            self.loaded.merge(path, place, value)

    def module(self, path: str, data: bytes) -> None:
        text = data.decode("utf-8", "surrogateescape")
        with self.timed("module_parse"):
            self.loaded.modules[path] = parse_module(
                path,
                text,
                version=self.version,
                process_annotations=True,
                capabilities=self.capabilities,
                v0_v1=self.v0_v1,
            )

    def document(self, path: str, data: bytes) -> Value:
        with self.timed("data_parse"):
            return _document(path, data)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        start = time.perf_counter_ns()
        try:
            yield
        finally:
            taken = time.perf_counter_ns() - start
            self.loaded.taken[name] = self.loaded.taken.get(name, 0) + taken


def _document(path: str, data: bytes) -> Value:
    try:
        if os.path.splitext(path)[1] == ".json":
            return load_first(data)
        from gatewright.engine.library.yamls import read_yaml

        return read_yaml(data.decode("utf-8", "replace"))
    except BuiltinError as error:
        message = f"{path}: error converting YAML to JSON: {error}"
        raise _Refused(message) from error
    except ValueError as error:
        raise _Refused(f"{path}: {error}") from error


def _split_prefix(argument: str) -> tuple[tuple[str, ...], str]:
    if argument.find("://") == argument.find(":"):
        return (), argument
    prefix, _, path = argument.partition(":")
    return (tuple(prefix.split(".")), path) if prefix else ((), argument)


def _clean(path: str) -> str:
    if "://" not in path:
        return path
    parts = urlsplit(path)
    if parts.scheme != "file":
        return path
    return unquote(parts.path)


def os_text(error: OSError, doing: str = "open") -> str:
    """An error of the system in Go's words: `stat x: no such file or directory`."""
    return f"{doing} {error.filename}: {(error.strerror or str(error)).lower()}"


def load_schemas(path: str) -> dict[str, Value]:
    """Read a JSON schema for `input`, or a folder of schemas that metadata names.

    The keys are those of `CompileOptions.schemas`.  Raises LoadErrors, ValueError.
    """
    path = _clean(path)
    try:
        if not stat.S_ISDIR(os.stat(path).st_mode):
            return {"schema": _schema(path)}
        out = {}
        for folder, folders, names in os.walk(path):
            folders.sort()
            for name in sorted(names):
                full = os.path.join(folder, name)
                parts = os.path.splitext(os.path.relpath(full, path))[0].split(os.sep)
                ref = ref_text([ast.Var("schema"), *map(ast.String, parts)])
                out[ref] = _schema(full)
    except OSError as error:
        raise LoadErrors([os_text(error, "stat")]) from error
    return out


def _schema(path: str) -> Value:
    with open(path, "rb") as stream:
        data = stream.read()
    try:
        return read_value(data)
    except ValueError as error:
        raise LoadErrors([f"{path}: {error}"]) from error


def read_value(data: bytes) -> Value:
    """Read a text that is JSON or YAML.  Raises ValueError in the words of the
    YAML reader."""
    try:
        return load_first(data)
    except ValueError as failure:
        if "max depth" in str(failure):
            raise ValueError("yaml: exceeded max depth of 10000") from failure
        from gatewright.engine.library.yamls import read_yaml

        try:
            return read_yaml(data.decode("utf-8", "replace"))
        except BuiltinError as error:
            raise ValueError(str(error)) from error


def load_paths(
    paths: Iterable[str],
    *,
    version: int = 1,
    ignore: Sequence[str] = (),
    only_rego: bool = False,
    capabilities: Capabilities | None = None,
    v0_v1: bool = False,
) -> Loaded:
    """Load files and folders.

    `version` is that of the Rego; `ignore` holds shell patterns for names of files
    and folders; `only_rego` leaves data out; `capabilities` limit the language,
    `v0_v1`: as in `parse_module`.
    Raises LoadErrors with all mistakes.
    """
    loader = _Loader(
        version=version,
        ignore=ignore,
        only_rego=only_rego,
        capabilities=capabilities,
        v0_v1=v0_v1,
    )
    for path in paths:
        loader.path(path)
    return loader.finish()


def load_bundle(
    path: str,
    *,
    version: int = 1,
    ignore: Sequence[str] = (),
    capabilities: Capabilities | None = None,
    v0_v1: bool = False,
) -> Loaded:
    """Load a bundle: a folder, or a `.tar.gz` archive.  Raises LoadErrors."""
    path = _clean(path)
    loader = _Loader(
        version=version,
        ignore=ignore,
        only_rego=False,
        capabilities=capabilities,
        v0_v1=v0_v1,
    )
    try:
        files = list(_folder(path) if os.path.isdir(path) else _archive(path))
    except OSError as error:
        message = f'error reading "{path}": {os_text(error, "stat")}'
        raise LoadErrors([message]) from error
    except BadArchive as error:
        raise LoadErrors([f"bundle {path}: bundle read failed: {error}"]) from error
    base = path if os.path.isdir(path) else ""
    files = [
        (name, data)
        for name, data in files
        if not any(loader.ignored(part) for part in name.split("/"))
    ]
    try:
        manifest = _manifest(files)
        for name, data in files:
            shown = os.path.join(base, name) if base else f"{path}:{name}"
            if name.endswith(".rego"):
                loader.version = manifest.version_of(name, version)
            loader.attempt(lambda n=name, s=shown, d=data: _member(loader, n, s, d))  # type: ignore[misc]
        if not loader.errors:
            manifest.check(loader.loaded.modules, loader.loaded.documents)
    except ManifestError as error:
        raise LoadErrors([f"bundle {path}: {error}"]) from error
    if loader.errors:
        raise LoadErrors([f"bundle {path}: {text}" for text in _texts(loader.errors)])
    loader.loaded.roots[path] = manifest.roots
    return loader.loaded


def _manifest(files: Sequence[tuple[str, bytes]]) -> Manifest:
    found = [(name, data) for name, data in files if name.endswith(_MANIFEST)]
    if len(found) > 1:
        names = " and ".join(f'"/{name}"' for name, _ in found[:2])
        raise ManifestError(f"bundle contains multiple manifest files: {names}")
    return Manifest.read(found[0][1]) if found else Manifest()


def _texts(found: Sequence[Error | str]) -> list[str]:
    """What is wrong in a bundle: its documents, or else what its first bad module has.

    OPA reads the modules at the same time, and says what it finds first.
    """
    texts = [error for error in found if isinstance(error, str)]
    if texts:
        return texts
    errors = [error for error in found if not isinstance(error, str)]
    file = _file(errors[0])
    return [str(RegoErrors([error for error in errors if _file(error) == file]))]


def _file(error: Error) -> str:
    return error.loc.file if error.loc is not None else ""


def _member(loader: _Loader, name: str, shown: str, data: bytes) -> None:
    base = os.path.basename(name)
    if base.endswith(".rego"):
        loader.module(shown, data)
    elif base in _DATA_NAMES:
        place = tuple(part for part in os.path.dirname(name).split("/") if part)
        loader.loaded.merge(shown, place, loader.document(shown, data))


def _folder(path: str) -> Iterator[tuple[str, bytes]]:
    for folder, folders, names in os.walk(path):
        folders.sort()
        for name in sorted(names):
            full = os.path.join(folder, name)
            if name.endswith((".rego", _MANIFEST)) or name in _DATA_NAMES:
                with open(full, "rb") as stream:
                    yield os.path.relpath(full, path), stream.read()


def _archive(path: str) -> Iterator[tuple[str, bytes]]:
    with open(path, "rb") as stream:
        packed = stream.read()
    if len(packed) < _GZIP_HEADER:
        raise BadArchive(f"archive read failed: {'unexpected ' if packed else ''}EOF")
    if packed[:3] != b"\x1f\x8b\x08":
        raise BadArchive("archive read failed: gzip: invalid header")
    try:
        yield from _members(io.BytesIO(packed))
    except tarfile.ReadError as error:
        if str(error) == "empty file":
            return
        whole = "truncated" not in str(error) and "end of data" not in str(error)
        text = "archive/tar: invalid tar header" if whole else "unexpected EOF"
        raise BadArchive(text) from error
    except EOFError as error:
        raise BadArchive("unexpected EOF") from error
    except (tarfile.TarError, zlib.error) as error:
        raise BadArchive(str(error)) from error


def _members(raw: io.BytesIO) -> Iterator[tuple[str, bytes]]:
    total = 0
    with tarfile.open(fileobj=raw, mode="r:gz") as archive:
        for member in archive:
            name = member.name.removeprefix("./").lstrip("/")
            wanted = name.endswith((".rego", _MANIFEST))
            wanted |= os.path.basename(name) in _DATA_NAMES
            if not member.isfile() or not wanted:
                continue
            total += member.size
            if total > _MAX_ARCHIVE:
                raise tarfile.TarError("archive is too large")
            content = archive.extractfile(member)
            if content is not None:
                yield name, content.read()

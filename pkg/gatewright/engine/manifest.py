"""The manifest of a bundle: what it may hold, and which Rego its files are in.

`.manifest` is JSON: `roots` (paths of `data` that the bundle owns; all of it without
them), `rego_version`, `file_rego_versions` (by glob).  Signatures are not looked at,
as `opa` looks at none in the commands that are here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.values import Value
from gatewright.rego import ast
from gatewright.rego.printer import ref_text

__all__ = ["Manifest", "ManifestError", "contains", "overlap"]

#: The versions that `rego_version` may be; 2 is read as 1 is.
_VERSIONS: Final = (0, 1, 2)


class ManifestError(Exception):
    """A manifest is wrong, or does not permit what the bundle holds."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """`roots` without slashes at their ends; `version` None: that of the command."""

    roots: tuple[str, ...] = ("",)
    version: int | None = None
    file_versions: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, data: bytes) -> Manifest:
        """Read a `.manifest`.  Raises ManifestError."""
        decode = "bundle load failed on manifest decode"
        try:
            found = json.loads(data)
        except ValueError as error:
            short = getattr(error, "pos", 0) >= len(data.rstrip())
            text = "unexpected EOF" if short else str(error)
            raise ManifestError(f"{decode}: {text}") from error
        if not isinstance(found, dict):
            raise ManifestError(f"{decode}: {_mismatch(found, '', 'bundle.Manifest')}")
        roots = found.get("roots")
        if roots is not None and not isinstance(roots, list):
            raise ManifestError(f"{decode}: {_mismatch(roots, 'roots', '[]string')}")
        for root in roots or ():
            if not isinstance(root, str):
                raise ManifestError(f"{decode}: {_mismatch(root, 'roots', 'string')}")
        version = found.get("rego_version")
        files = found.get("file_rego_versions") or {}
        for name, value in (("rego_version", version), *_items(files)):
            if value is not None and type(value) is not int:
                raise ManifestError(f"{decode}: {_mismatch(value, name, 'int')}")
        return cls(
            ("",) if roots is None else tuple(root.strip("/") for root in roots),
            version,
            files,
        )

    def version_of(self, path: str, default: int) -> int:
        """The Rego that a file of the bundle (`p/q.rego`) is in.

        Raises ManifestError.
        """
        from gatewright.engine.library.glob import match

        found = default if self.version is None else self.version
        for pattern in sorted(self.file_versions):
            try:
                if match(pattern, None, f"/{path}"):
                    found = self.file_versions[pattern]
                    break
            except BuiltinError as error:
                text = f"failed to compile glob pattern {pattern}: {error}"
                raise ManifestError(text) from error
        if found not in _VERSIONS:
            text = f"unknown bundle rego-version {found} for file '/{path}'"
            raise ManifestError(text)
        return found

    def check(self, modules: Mapping[str, ast.Module], documents: Value) -> None:
        """Hold what the bundle has against it.  Raises ManifestError."""
        for place, root in enumerate(self.roots):
            for other in self.roots[place + 1 :]:
                if contains(root, other) or contains(other, root):
                    text = f"manifest has overlapped roots: '{root}' and '{other}'"
                    raise ManifestError(text)
        if self.version is not None and self.version not in _VERSIONS:
            raise ManifestError(f"manifest has unknown rego-version {self.version}")
        for pattern, version in sorted(self.file_versions.items()):
            if version not in _VERSIONS:
                text = f"unknown rego-version {version} for file '{pattern}'"
                raise ManifestError(f"manifest has {text}")
        shown = f"[{' '.join(self.roots)}]"
        for name, module in modules.items():
            path = [
                getattr(term, "value", "") for term in module.package.path.terms[1:]
            ]
            if not self._permits(path):
                package = f"package {ref_text(module.package.path)[len('data.') :]}"
                raise ManifestError(
                    f"manifest roots {shown} do not permit '{package}' in module '{name}'"
                )
        self._check_data(documents, [], shown)

    def _permits(self, path: Sequence[str]) -> bool:
        return any(contains(root, "/".join(path)) for root in self.roots)

    def _check_data(self, node: Value, path: list[str], shown: str) -> None:
        if self._permits(path):
            return
        whole = "/".join(path)
        if isinstance(node, dict) and any(contains(whole, root) for root in self.roots):
            for key in sorted(node):
                self._check_data(node[key], [*path, key], shown)
        elif path or node:
            raise ManifestError(
                f"manifest roots {shown} do not permit data at path '/{whole}'"
                " (hint: check bundle directory structure)"
            )


def contains(root: str, path: str) -> bool:
    """Whether a path lies at or below a root."""
    return not root or path == root or path.startswith(f"{root}/")


def _items(files: Any) -> list[tuple[str, Any]]:
    if not isinstance(files, dict):
        return [("file_rego_versions", files)]
    return [(f"file_rego_versions.{name}", value) for name, value in files.items()]


def _mismatch(value: Any, name: str, wanted: str) -> str:
    """Go's words for JSON of another type."""
    kind = {dict: "object", list: "array", str: "string", bool: "bool"}
    found = kind.get(type(value), "number")
    where = f"Go struct field Manifest.{name}" if name else "Go value"
    return f"json: cannot unmarshal {found} into {where} of type {wanted}"


def overlap(bundles: Mapping[str, Sequence[str]]) -> str:
    """What is wrong with the roots of several bundles (by name); empty if nothing."""
    entries = sorted((root, name) for name, roots in bundles.items() for root in roots)
    names: set[str] = set()
    conflicts: set[str] = set()
    for place, (root, name) in enumerate(entries):
        for other, second in entries[place + 1 :]:
            if name == second or not contains(root, other):
                continue
            names |= {name, second}
            same = f"root {root} is in multiple bundles"
            conflicts.add(same if root == other else f"{root} overlaps {other}")
    if not names:
        return ""
    whole = sorted(name for name, roots in bundles.items() if "" in roots)
    if whole:
        return (
            f"bundles [{', '.join(sorted(names))}] have overlapping roots and cannot be"
            f" activated simultaneously because bundle(s) [{', '.join(whole)}] specify"
            " empty root paths ('') which overlap with any other bundle root"
        )
    return (
        "detected overlapping roots in manifests for these bundles:"
        f" [{', '.join(sorted(names))}] ({', '.join(sorted(conflicts))})"
    )

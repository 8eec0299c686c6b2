"""References within a JSON Schema: `$ref`, and the `$id`s that they may name."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urljoin

from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.urls import read_url, unescape
from gatewright.engine.values import Value

__all__ = ["References"]

MAX_DEPTH: Final = 300
#: Keywords whose members are schemas, whatever their names.
_NAMED: Final = ("properties", "dependencies", "patternProperties")
_INDEX: Final = re.compile(r"[+-]?[0-9]+")


def _joined(base: str, reference: str) -> str | None:
    """A reference as seen from a place; None where it is no URL."""
    try:
        read_url(reference)
        joined = urljoin(base.partition("#")[0], reference)
    except (BuiltinError, ValueError):
        return None
    head, hash_sign, fragment = joined.partition("#")
    if head and ":" not in head and not head.startswith("/"):
        head = f"/{head}"
    return f"{head}{hash_sign}{fragment}" if fragment else head


class References:
    """The places of one schema document; BuiltinError where two have one name."""

    def __init__(self, root: Value) -> None:
        #: Documents by their absolute names, and absolute names of references.
        self.documents: dict[str, Value] = {}
        self.absolute: dict[int, str] = {}
        self._collect(root, "", 0)
        self.documents[""] = root

    def _collect(self, node: Value, base: str, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise BuiltinError("schema is nested too deep")
        if isinstance(node, list):
            for entry in node:
                self._collect(entry, base, depth + 1)
        if not isinstance(node, dict):
            return
        name = node.get("id" if "id" in node else "$id")
        joined = _joined(base, name) if isinstance(name, str) else None
        if joined is not None:
            base = joined
            if base in self.documents:
                raise BuiltinError(f'Reference already exists: "{base}"')
            self.documents[base] = node
        reference = node.get("$ref")
        if isinstance(reference, str):
            joined = _joined(base, reference)
            self.absolute[id(node)] = reference if joined is None else joined
        for key, entry in node.items():
            if key in ("const", "enum"):
                continue
            inner = [entry]
            if key in _NAMED:
                inner = list(entry.values()) if isinstance(entry, dict) else []
            for each in inner:
                self._collect(each, base, depth + 1)

    def key(self, node: dict[str, Value]) -> str:
        """Return the absolute name that a schema refers to."""
        return self.absolute.get(id(node), str(node["$ref"]))

    def resolve(self, node: dict[str, Value]) -> Value:
        """Return the schema that a `$ref` names."""
        reference = self.key(node)
        if reference in self.documents:
            return self.documents[reference]
        base, _, fragment = reference.partition("#")
        if base not in self.documents:
            if "://" not in base:
                raise BuiltinError(f"Reference {reference} must be canonical")
            raise BuiltinError(
                f"reference {reference} is outside of the schema: "
                "remote schemas are not fetched"
            )
        found = self.documents[base]
        pointer = unescape(fragment)
        if not pointer.startswith("/"):
            return found
        for step in pointer[1:].split("/"):
            found = _member(found, step)
        return found


def _member(node: Value, step: str) -> Value:
    if isinstance(node, dict):
        key = step.replace("~1", "/").replace("~0", "~")
        if key not in node:
            raise BuiltinError(f"Object has no key '{key}'")
        return node[key]
    if isinstance(node, list):
        if not _INDEX.fullmatch(step):
            raise BuiltinError(f"Invalid array index '{step}'")
        at = int(step)
        if not 0 <= at < len(node):
            raise BuiltinError(f"Out of bound array[0,{len(node)}] index '{at}'")
        return node[at]
    raise BuiltinError(f"Invalid token reference '{step}'")

"""What makes a JSON Schema invalid, in the order and words of OPA's Go library."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.re2 import compile_pattern
from gatewright.engine.library.schema_numbers import integer, marshalled
from gatewright.engine.library.schema_references import References
from gatewright.engine.library.urls import read_url
from gatewright.engine.values import Value, compare, is_number

__all__ = ["HYBRID", "check", "draft_of"]

#: What is no draft in particular: newer than all, with what the old ones had.
HYBRID: Final = 99
MAX_DEPTH: Final = 200
TYPES: Final = ("array", "boolean", "integer", "number", "null", "object", "string")
_DRAFTS: Final = {
    f"http://json-schema.org/draft-0{number}/schema": number for number in (4, 6, 7)
}


def draft_of(root: Value) -> int:
    """Return the draft that a schema names, or `HYBRID`."""
    if isinstance(root, bool):
        return HYBRID
    if not isinstance(root, dict):
        raise BuiltinError("schema is invalid")
    named = root.get("$schema", "")
    if not isinstance(named, str):
        raise BuiltinError("$schema must be of type string")
    read_url(named)
    return _DRAFTS.get(named.removesuffix("#"), HYBRID)


def check(root: Value, references: References) -> None:
    """Raise BuiltinError where a schema is wrong."""
    _Check(references, draft_of(root)).schema(root, 0)


def _invalid(given: str, expected: str = "string") -> BuiltinError:
    return BuiltinError(f"Invalid type. Expected: {expected}, given: {given}")


def _text(node: dict[str, Value], name: str) -> str | None:
    if name not in node:
        return None
    if not isinstance(node[name], str):
        raise _invalid(name)
    text: str = node[name]
    return text


def _list(node: dict[str, Value], name: str) -> list[Value]:
    found = node.get(name, [])
    if not isinstance(found, list):
        raise BuiltinError(f"{name} must be of an array")
    return found


def _is_schema(value: Value) -> bool:
    return isinstance(value, (dict, bool))


class _Check:
    def __init__(self, references: References, draft: int) -> None:
        self.references = references
        self.draft = draft
        self.seen: set[str] = set()

    def schema(self, node: Value, depth: int) -> None:
        if isinstance(node, bool) and self.draft >= 6:
            return
        if not isinstance(node, dict):
            raise BuiltinError("Expected: Valid Schema, given: Invalid JSON")
        if depth > MAX_DEPTH:
            raise BuiltinError("schema is nested too deep")

        def inner(entry: Value) -> None:
            self.schema(entry, depth + 1)

        old = self.draft == 4 or (self.draft == HYBRID and "id" in node)
        name = _text(node, "id" if old else "$id")
        if name is not None:
            read_url(name)
        self.definitions(node, inner)
        _text(node, "title")
        _text(node, "description")
        reference = _text(node, "$ref")
        if reference is not None:
            read_url(reference)
            key = self.references.key(node)
            if key not in self.seen:
                self.seen.add(key)
                target = self.references.resolve(node)
                if not _is_schema(target):
                    raise BuiltinError("Valid Schema must be of type object")
                inner(target)
                return
        self.keywords(node, inner)

    def definitions(
        self, node: dict[str, Value], inner: Callable[[Value], None]
    ) -> None:
        found = node.get("definitions", {})
        if not isinstance(found, dict):
            raise _invalid("definitions", "Array Of Schemas")
        for entry in found.values():
            if not _is_schema(entry):
                raise _invalid("definitions", "Array Of Schemas")
            inner(entry)

    def keywords(self, node: dict[str, Value], inner: Callable[[Value], None]) -> None:
        _types(node)
        properties = node.get("properties", {})
        if not isinstance(properties, dict):
            raise BuiltinError("Properties must be of type object")
        for entry in properties.values():
            inner(entry)
        _additional(node, "additionalProperties", inner)
        _patterns(node, inner)
        if "propertyNames" in node and self.draft >= 6:
            if not _is_schema(node["propertyNames"]):
                raise _invalid("patternProperties", "Valid Schema")
            inner(node["propertyNames"])
        _dependencies(node, inner)
        items = node.get("items", True)
        if not _is_schema(items) and not isinstance(items, list):
            raise _invalid("items", "Valid Schema/Array Of Schemas")
        if "items" in node:
            for entry in items if isinstance(items, list) else [items]:
                if not _is_schema(entry):
                    raise _invalid("items", "Valid Schema/Array Of Schemas")
                inner(entry)
        _additional(node, "additionalItems", inner)
        self.numbers(node)
        self.sizes(node)
        if "contains" in node and self.draft >= 6:
            inner(node["contains"])
        if "const" in node and self.draft >= 6:
            marshalled(node["const"])
        _unique("enum", [marshalled(entry) for entry in _list(node, "enum")])
        for name in ("oneOf", "anyOf", "allOf"):
            for entry in _list(node, name):
                inner(entry)
        branches = ("not", "if", "then", "else") if self.draft >= 7 else ("not",)
        for name in branches:
            if name in node:
                if not _is_schema(node[name]):
                    raise BuiltinError(f"{name} must be of an object")
                inner(node[name])

    def numbers(self, node: dict[str, Value]) -> None:
        if "multipleOf" in node:
            if not is_number(node["multipleOf"]):
                raise _invalid("multipleOf", "Number")
            if compare(node["multipleOf"], 0) <= 0:
                raise BuiltinError("multipleOf must be strictly greater than 0")
        for base in ("minimum", "maximum"):
            if base in node and not is_number(node[base]):
                raise BuiltinError(f"{base} must be of a Number")
            name = f"exclusive{base.capitalize()}"
            if name not in node:
                continue
            limit = node[name]
            if isinstance(limit, bool) and self.draft in (4, HYBRID):
                if base not in node:
                    raise BuiltinError(f"{name} cannot be used without {base}")
            elif self.draft == 4:
                raise _invalid(name, "boolean")
            elif not is_number(limit):
                kinds = "boolean/number" if self.draft == HYBRID else "number"
                raise _invalid(name, kinds)

    def sizes(self, node: dict[str, Value]) -> None:
        _range(node, "Length")
        pattern = _text(node, "pattern")
        if pattern is not None:
            try:
                compile_pattern(pattern)
            except BuiltinError:
                raise BuiltinError("pattern must be a valid regex") from None
        _text(node, "format")
        _range(node, "Properties")
        required: list[str] = []
        for name in _list(node, "required"):
            if not isinstance(name, str):
                raise _invalid("required")
            _unique("required", [*required, name])
            required.append(name)
        _range(node, "Items", ordered=False)
        if not isinstance(node.get("uniqueItems", True), bool):
            raise BuiltinError("uniqueItems must be of a boolean")


def _types(node: dict[str, Value]) -> None:
    if "type" not in node:
        return
    found = node["type"]
    seen: list[str] = []
    for kind in found if isinstance(found, list) else [found]:
        if not isinstance(kind, str):
            raise _invalid("string/Array Of Strings", "type")
        if kind not in TYPES:
            raise BuiltinError(
                f"has a primitive type that is NOT VALID -- given: /{kind}/ "
                f"Expected valid values are:[{' '.join(TYPES)}]"
            )
        if kind in seen:
            raise BuiltinError(f"{kind} type is duplicated")
        seen.append(kind)


def _unique(name: str, texts: list[str]) -> None:
    if len(set(texts)) < len(texts):
        raise BuiltinError(f"{name} items must be unique")


def _additional(
    node: dict[str, Value], name: str, inner: Callable[[Value], None]
) -> None:
    found: Any = node.get(name, True)
    if isinstance(found, dict):
        inner(found)
    elif not isinstance(found, bool):
        raise _invalid(name, "boolean/Valid Schema")


def _patterns(node: dict[str, Value], inner: Callable[[Value], None]) -> None:
    found = node.get("patternProperties", {})
    if not isinstance(found, dict):
        raise _invalid("patternProperties", "Valid Schema")
    for pattern, entry in found.items():
        try:
            compile_pattern(pattern)
        except BuiltinError:
            raise BuiltinError(f"Invalid regex pattern '{pattern}'") from None
        inner(entry)


def _dependencies(node: dict[str, Value], inner: Callable[[Value], None]) -> None:
    found = node.get("dependencies", {})
    if not isinstance(found, dict):
        raise BuiltinError("dependencies must be of type object")
    for entry in found.values():
        if _is_schema(entry):
            inner(entry)
        elif not isinstance(entry, list) or not all(
            isinstance(item, str) for item in entry
        ):
            text = "Dependency must be of type Schema Or Array Of Strings"
            raise BuiltinError(text)


def _range(node: dict[str, Value], what: str, *, ordered: bool = True) -> None:
    sizes: list[int] = []
    for name in (f"min{what}", f"max{what}"):
        if name not in node:
            continue
        size = integer(node[name])
        if size is None:
            raise BuiltinError(f"{name} must be of an integer")
        if size < 0:
            raise BuiltinError(f"{name} must be greater than or equal to 0")
        sizes.append(size)
    if ordered and len(sizes) > 1 and sizes[0] > sizes[1]:
        raise BuiltinError(f"min{what} cannot be greater than max{what}")

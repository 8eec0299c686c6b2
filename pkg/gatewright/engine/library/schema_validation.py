"""Checks a JSON value against a JSON Schema and says what does not fit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from gatewright.engine.library.budget import LINE, charge
from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.formats import fits
from gatewright.engine.library.gotext import quote
from gatewright.engine.library.jsontext import dump
from gatewright.engine.library.keys import key_of
from gatewright.engine.library.operands import utf8, whole
from gatewright.engine.library.re2 import compile_pattern
from gatewright.engine.library.urls import unescape
from gatewright.engine.values import (
    Number,
    Value,
    compare,
    equal,
    is_number,
    type_name,
)

__all__ = ["Finding", "Schema", "validate"]

MAX_DEPTH: Final = 300


@dataclass(frozen=True, slots=True)
class Finding:
    """`kind` is the Go library's name of it; `field` is where, dotted."""

    kind: str
    field: str
    text: str


class Schema:
    """A schema document: its root, and the places that references name."""

    def __init__(self, root: Value) -> None:
        self.root = root
        self._named: dict[str, Value] = {}
        self._collect(root, 0)

    def _collect(self, node: Value, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise BuiltinError("schema is nested too deep")
        if isinstance(node, dict):
            for name in ("$id", "id"):
                if isinstance(node.get(name), str):
                    self._named.setdefault(node[name].rstrip("#"), node)
            for entry in node.values():
                self._collect(entry, depth + 1)
        elif isinstance(node, list):
            for entry in node:
                self._collect(entry, depth + 1)

    def resolve(self, reference: str) -> Value:
        """Return the schema that a `$ref` names."""
        base, _, pointer = reference.partition("#")
        node = self.root
        if base:
            found = [name for name in self._named if name in (base, reference)]
            found += [n for n in self._named if n.endswith("/" + base)]
            if not found:
                raise BuiltinError(
                    f"reference {reference} is outside of the schema: "
                    "remote schemas are not fetched"
                )
            node = self._named[found[0]]
        elif f"#{pointer}" in self._named:
            return self._named[f"#{pointer}"]
        if not pointer:
            return node
        for step in unescape(pointer).removeprefix("/").split("/"):
            key = step.replace("~1", "/").replace("~0", "~")
            if isinstance(node, list) and key.isdigit() and int(key) < len(node):
                node = node[int(key)]
            elif isinstance(node, dict) and key in node:
                node = node[key]
            elif isinstance(node, list):
                raise BuiltinError(f"Out of bound array[0,{len(node)}] index '{key}'")
            else:
                raise BuiltinError(f"Object has no key '{key}'")
        return node


@dataclass(slots=True)
class _Result:
    """Findings, and a score by which the nearest alternative is chosen."""

    findings: list[Finding] = field(default_factory=list)
    score: int = 0

    def merge(self, other: _Result) -> None:
        self.findings += other.findings
        self.score += other.score


def validate(schema: Schema, value: Value) -> list[Finding]:
    """Return what does not fit; nothing when all does."""
    return _Validator(schema).check(schema.root, value, ()).findings


def _fraction(value: Value) -> Fraction:
    if isinstance(value, int):
        return Fraction(value)
    text = value.text
    _, _, exponent = text.lower().partition("e")
    if len(exponent) > 5:
        raise BuiltinError("number is too large for a schema")
    return Fraction(text)


def _given(value: Value) -> str:
    if is_number(value):
        return "integer" if whole(value) is not None else "number"
    return type_name(value)


def _text(value: Value) -> str:
    return value.text if isinstance(value, Number) else dump(value)


Path = tuple[str, ...]


class _Validator:
    def __init__(self, schema: Schema) -> None:
        self.schema = schema

    def check(self, node: Value, value: Value, path: Path, depth: int = 0) -> _Result:
        """Check a value; `path` leads to it from the root."""
        charge(40 * LINE)
        if depth > MAX_DEPTH:
            raise BuiltinError("schema or document is nested too deep")
        result = _Result()

        def add(kind: str, text: str) -> None:
            result.findings.append(Finding(kind, ".".join(path) or "(Root)", text))

        if isinstance(node, bool):
            if not node:
                add("false", "False always fails validation")
            return result
        if "$ref" in node:
            target = self.schema.resolve(node["$ref"])
            return self.check(target, value, path, depth + 1)
        if "type" in node:
            kinds = node["type"] if isinstance(node["type"], list) else [node["type"]]
            given = _given(value)
            if given not in kinds and not (given == "integer" and "number" in kinds):
                shown = kinds[0] if len(kinds) == 1 else f"[{','.join(kinds)}]"
                add("invalid_type", f"Invalid type. Expected: {shown}, given: {given}")
                return result
        steps = _Steps(self, node, value, path, depth, result)
        steps.combined()
        if isinstance(value, list):
            steps.array()
        elif isinstance(value, dict):
            steps.object()
        elif isinstance(value, str):
            steps.string()
        elif is_number(value):
            steps.number()
        steps.common()
        if isinstance(value, dict):
            steps.properties()
        result.score += 1
        return result


@dataclass(slots=True)
class _Steps:
    """The keywords of one schema on one value."""

    validator: _Validator
    node: dict[str, Value]
    value: Value
    path: Path
    depth: int
    result: _Result

    def add(self, kind: str, text: str) -> None:
        where = ".".join(self.path) or "(Root)"
        self.result.findings.append(Finding(kind, where, text))

    def sub(self, node: Value, value: Value, *steps: str) -> _Result:
        path = (*self.path, *steps)
        return self.validator.check(node, value, path, self.depth + 1)

    def alternatives(self, nodes: Iterable[Value]) -> tuple[int, _Result | None]:
        """Return how many fit, and the nearest of those that do not."""
        count, best = 0, None
        for node in nodes:
            tried = self.sub(node, self.value)
            if not tried.findings:
                count += 1
            elif best is None or tried.score > best.score:
                best = tried
        return count, best

    def combined(self) -> None:
        node = self.node
        if "anyOf" in node:
            count, best = self.alternatives(node["anyOf"])
            if node["anyOf"] and not count:
                self.add("number_any_of", "Must validate at least one schema (anyOf)")
                self.merge(best)
        if "oneOf" in node:
            count, best = self.alternatives(node["oneOf"])
            if node["oneOf"] and count != 1:
                text = "Must validate one and only one schema (oneOf)"
                self.add("number_one_of", text)
                if not count:
                    self.merge(best)
        if node.get("allOf"):
            tried = [self.sub(entry, self.value) for entry in node["allOf"]]
            for entry in tried:
                self.merge(entry)
            if any(entry.findings for entry in tried):
                self.add("number_all_of", "Must validate all the schemas (allOf)")
        if "not" in node and not self.sub(node["not"], self.value).findings:
            self.add("number_not", "Must not validate the schema (not)")
        if "dependencies" in node and isinstance(self.value, dict):
            self.dependencies(node["dependencies"])
        if "if" in node:
            self.condition()

    def merge(self, other: _Result | None) -> None:
        if other is not None:
            self.result.merge(other)

    def dependencies(self, wanted: dict[str, Value]) -> None:
        for name in self.value:
            if name not in wanted:
                continue
            if isinstance(wanted[name], list):
                for other in wanted[name]:
                    if other not in self.value:
                        self.add("missing_dependency", f"Has a dependency on {other}")
            else:
                self.merge(self.sub(wanted[name], self.value))

    def condition(self) -> None:
        holds = not self.sub(self.node["if"], self.value).findings
        branch = "then" if holds else "else"
        if branch not in self.node:
            return
        tried = self.sub(self.node[branch], self.value)
        if tried.findings:
            was = "was valid" if holds else "was not valid"
            text = f'Must validate "{branch}" as "if" {was}'
            self.add(f"condition_{branch}", text)
            self.merge(tried)

    def array(self) -> None:
        node, value = self.node, self.value
        items = node.get("items")
        if isinstance(items, list):
            for i, (entry, item) in enumerate(zip(items, value, strict=False)):
                self.merge(self.sub(entry, item, str(i)))
            more = node.get("additionalItems", True)
            if len(value) > len(items):
                if more is False:
                    text = "No additional items allowed on array"
                    self.add("array_no_additional_items", text)
                elif more is not True:
                    for i in range(len(items), len(value)):
                        self.merge(self.sub(more, value[i], str(i)))
        elif items is not None:
            for i, item in enumerate(value):
                self.merge(self.sub(items, item, str(i)))
        self.sizes("Items", len(value), "array", "Array must have", "items")
        if node.get("uniqueItems"):
            seen: dict[object, int] = {}
            for i, item in enumerate(value):
                charge(8 * LINE)
                first = seen.setdefault(key_of(item), i)
                if first != i:
                    self.add("unique", f"array items[{first},{i}] must be unique")
        if "contains" in node:
            best = None
            for i, item in enumerate(value):
                tried = self.sub(node["contains"], item, str(i))
                if not tried.findings:
                    return
                if best is None or tried.score > best.score:
                    best = tried
            self.add("contains", "At least one of the items must match")
            self.merge(best)

    def sizes(self, what: str, size: int, kind: str, start: str, unit: str) -> None:
        least, most = self.node.get(f"min{what}"), self.node.get(f"max{what}")
        if least is not None and compare(size, least) < 0:
            text = f"{start} at least {_text(least)} {unit}"
            self.add(f"{kind}_min_{unit}", text)
        if most is not None and compare(size, most) > 0:
            text = f"{start} at most {_text(most)} {unit}"
            self.add(f"{kind}_max_{unit}", text)

    def object(self) -> None:
        node, value = self.node, self.value
        self.sizes("Properties", len(value), "array", "Must have", "properties")
        for name in node.get("required", ()):
            if name not in value:
                self.add("required", f"{name} is required")
        patterns = {
            compile_pattern(pattern): entry
            for pattern, entry in node.get("patternProperties", {}).items()
        }
        more = node.get("additionalProperties", True)
        for name in sorted(value):
            charge(LINE * (1 + 20 * len(patterns)))
            known = name in node.get("properties", {})
            for pattern, entry in patterns.items():
                if pattern.test(utf8(name)):
                    known = True
                    self.merge(self.sub(entry, value[name], name))
            if known or more is True:
                continue
            if more is False:
                text = f"Additional property {name} is not allowed"
                self.add("additional_property_not_allowed", text)
            else:
                self.merge(self.sub(more, value[name], name))
        if "propertyNames" in node:
            for name in sorted(value):
                tried = self.sub(node["propertyNames"], name)
                if tried.findings:
                    text = f"Property name of {quote(name)} does not match"
                    self.add("invalid_property_name", text)
                    self.merge(tried)

    def properties(self) -> None:
        for name, entry in self.node.get("properties", {}).items():
            if name in self.value:
                self.merge(self.sub(entry, self.value[name], name))

    def string(self) -> None:
        node, value = self.node, self.value
        least, most = node.get("minLength"), node.get("maxLength")
        if least is not None and compare(len(value), least) < 0:
            text = f"String length must be greater than or equal to {_text(least)}"
            self.add("string_gte", text)
        if most is not None and compare(len(value), most) > 0:
            text = f"String length must be less than or equal to {_text(most)}"
            self.add("string_lte", text)
        pattern = node.get("pattern")
        if pattern is not None and not compile_pattern(pattern).test(utf8(value)):
            self.add("pattern", f"Does not match pattern '{pattern}'")

    def number(self) -> None:
        node, value = self.node, self.value
        factor = node.get("multipleOf")
        if factor is not None:
            ratio = _fraction(value) / _fraction(factor)
            if ratio.denominator != 1:
                self.add("multiple_of", f"Must be a multiple of {_text(factor)}")
        for name, word, sign in (
            ("maximum", "less than", 1),
            ("minimum", "greater than", -1),
        ):
            limit = node.get(name)
            exclusive = node.get(f"exclusive{name.capitalize()}")
            kind = "number_lt" if sign > 0 else "number_gt"
            if limit is not None:
                order = compare(value, limit) * sign
                if exclusive is True and order >= 0:
                    self.add(kind, f"Must be {word} {_text(limit)}")
                elif order > 0:
                    text = f"Must be {word} or equal to {_text(limit)}"
                    self.add(f"{kind}e", text)
            strict = is_number(exclusive)
            if strict and compare(value, exclusive) * sign >= 0:
                self.add(kind, f"Must be {word} {_text(exclusive)}")

    def common(self) -> None:
        node, value = self.node, self.value
        where = ".".join(self.path) or "(Root)"
        if "const" in node and not equal(node["const"], value):
            self.add("const", f"{where} does not match: {dump(node['const'])}")
        charge(8 * LINE * len(node.get("enum", ())))
        if "enum" in node and not any(equal(entry, value) for entry in node["enum"]):
            shown = ", ".join(map(dump, node["enum"]))
            self.add("enum", f"{where} must be one of the following: {shown}")
        name = node.get("format")
        if name and isinstance(value, str) and not fits(name, value):
            self.add("format", f"Does not match format '{name}'")

"""Checks a JSON value against a JSON Schema and says what does not fit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from gatewright.engine.library.budget import LINE, charge, older
from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.formats import fits
from gatewright.engine.library.jsontext import dump
from gatewright.engine.library.operands import utf8, whole
from gatewright.engine.library.re2 import compile_pattern
from gatewright.engine.library.schema_numbers import marshalled, shortest
from gatewright.engine.library.schema_references import References
from gatewright.engine.values import (
    Number,
    Value,
    compare,
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
    """A schema document: its root, its draft, and the places that references name."""

    def __init__(self, root: Value, draft: int) -> None:
        self.root = root
        self.draft = draft
        self.references = References(root)


Path = tuple[str, ...]


@dataclass(slots=True)
class _Result:
    """Findings, and a score by which the nearest alternative is chosen."""

    findings: list[Finding] = field(default_factory=list)
    score: int = 0

    def add(self, kind: str, path: Path, text: str) -> None:
        self.findings.append(Finding(kind, ".".join(path) or "(Root)", text))
        self.score -= 2

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


class _Validator:
    def __init__(self, schema: Schema) -> None:
        self.schema = schema

    def check(self, node: Value, value: Value, path: Path, depth: int = 0) -> _Result:
        """Check a value; `path` leads to it from the root."""
        charge(40 * LINE)
        if depth > MAX_DEPTH:
            raise BuiltinError("schema or document is nested too deep")
        result = _Result()

        if isinstance(node, bool):
            if not node:
                result.add("false", path, "False always fails validation")
            return result
        if "$ref" in node:
            target = self.schema.references.resolve(node)
            return self.check(target, value, path, depth + 1)
        if node.get("type"):
            kinds = node["type"] if isinstance(node["type"], list) else [node["type"]]
            given = _given(value)
            if given not in kinds and not (given == "integer" and "number" in kinds):
                shown = kinds[0] if len(kinds) == 1 else f"[{','.join(kinds)}]"
                text = f"Invalid type. Expected: {shown}, given: {given}"
                result.add("invalid_type", path, text)
                return result
        steps = _Steps(self, node, value, path, depth, result)
        steps.combined()
        if isinstance(value, list):
            steps.array()
        elif isinstance(value, dict):
            steps.object()
        elif is_number(value):
            steps.number()
        steps.common()
        if isinstance(value, str):
            steps.string()
        # One for each group of keywords, and one for the whole, as the library has it.
        plain = value is None or isinstance(value, bool)
        result.score += 3 if plain else 4
        if isinstance(value, dict):
            steps.properties()
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
        self.result.add(kind, self.path, text)

    def has(self, name: str) -> bool:
        """Tell whether the keyword is there, and one of the schema's draft."""
        since = 6 if name in ("propertyNames", "contains", "const") else 7
        return name in self.node and self.validator.schema.draft >= since

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
            elif count:
                continue
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
        if self.has("if"):
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
            if items and len(value) > len(items):
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
            seen: dict[str, int] = {}
            for i, item in enumerate(value):
                charge(8 * LINE)
                text = marshalled(item)
                if text in seen:
                    shown = f"array items[{seen[text]},{i}] must be unique"
                    self.add("unique", shown)
                seen[text] = i
        if self.has("contains"):
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
            if name in value:
                self.result.score += 1
            else:
                self.add("required", f"{name} is required")
        patterns = {
            compile_pattern(pattern): entry
            for pattern, entry in node.get("patternProperties", {}).items()
        }
        more = node.get("additionalProperties", True)
        for name in sorted(value):
            charge(LINE * (1 + 20 * len(patterns)))
            known = name in node.get("properties", {})
            matched = False
            for pattern, entry in patterns.items():
                if pattern.test(utf8(name)):
                    known = matched = True
                    self.merge(self.sub(entry, value[name], name))
            self.result.score += matched
            if known or more is True:
                continue
            if more is False:
                text = f"Additional property {name} is not allowed"
                self.add("additional_property_not_allowed", text)
            else:
                self.merge(self.sub(more, value[name], name))
        if self.has("propertyNames"):
            for name in sorted(value):
                tried = self.sub(node["propertyNames"], name)
                if tried.findings:
                    text = f'Property name of "{name}" does not match'
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
                self.add("multiple_of", f"Must be a multiple of {shortest(factor)}")
        for name, word, sign in (
            ("maximum", "less than", 1),
            ("minimum", "greater than", -1),
        ):
            limit = node.get(name)
            strict = node.get(f"exclusive{name.capitalize()}")
            if isinstance(strict, bool):
                limit, strict = (None, limit) if strict else (limit, None)
            kind = "number_lt" if sign > 0 else "number_gt"
            if limit is not None and compare(value, limit) * sign > 0:
                text = f"Must be {word} or equal to {shortest(limit)}"
                self.add(f"{kind}e", text)
            if strict is not None and compare(value, strict) * sign >= 0:
                self.add(kind, f"Must be {word} {shortest(strict)}")

    def common(self) -> None:
        node, value = self.node, self.value
        where = ".".join(self.path) or "(Root)"
        if self.has("const"):
            wanted = marshalled(node["const"])
            if marshalled(value) != wanted:
                self.add("const", f"{where} does not match: {wanted}")
        # Before OPA 1.18 an empty list was none
        if "enum" in node and (node["enum"] or not older()):
            charge(8 * LINE * len(node["enum"]))
            known = [marshalled(entry) for entry in node["enum"]]
            if marshalled(value) not in known:
                shown = ", ".join(known)
                self.add("enum", f"{where} must be one of the following: {shown}")
        name = node.get("format")
        if name and isinstance(value, str) and not fits(name, value):
            self.add("format", f"Does not match format '{name}'")

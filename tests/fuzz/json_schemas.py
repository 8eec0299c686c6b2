"""JSON Schemas, right and wrong, and documents that nearly fit them.

Keys come in no order to OPA, so a schema has one thing wrong at a time, mostly, and
findings are compared as a set.
"""

from __future__ import annotations

import json
import random
from typing import Any

__all__ = ["BUILTINS", "call"]

BUILTINS = {"json.match_schema": 2, "json.verify_schema": 1}
TYPES = ("string", "number", "integer", "boolean", "null", "array", "object")
NAMES = ("a", "b", "c")
PATTERNS = ("^a", "b$", "[0-9]+", "", "a{2}", "\\d", "^.$")
BAD_PATTERNS = ("[", "(", "a{9999999999}", "*", "(?=a)", "\\", "(?P<a>x", "a**")
FORMATS = [
    "date",
    "time",
    "date-time",
    "hostname",
    "email",
    "idn-email",
    "ipv4",
    "ipv6",
    "uri",
    "uri-reference",
    "iri",
    "iri-reference",
    "uri-template",
    "uuid",
    "regex",
    "json-pointer",
    "relative-json-pointer",
    "x",
]
TEXTS = (
    "", "a", "aa", "ab", "b1", "2020-01-02", "2020-13-02", "10:11:12", "25:11:12",
    "10:11:12Z", "10:11:12+01:00", "2020-01-02T10:11:12Z", "2020-01-02T10:11:12.5+01:00",
    "2020-01-02 10:11:12Z", "a.b", "-a.b", "a..b", "a@b", "a b <a@b>", "@b", "a@b@c",
    "1.2.3.4", "1.2.3", "::1", "1::2::3", "::ffff:1.2.3.4", "http://a/b", "//a", "a:b",
    "http://[::1", "a\\b", "%zz", "{a}", "http://a/{b}", "{", "a{b}c{", "[", "(a)", "/a",
    "/a~2", "/a~1b/~0", "1/a", "0#", "01", "00000000-0000-0000-0000-000000000000", "é",
    "00000000-0000-0000-0000-00000000000", "01.2.3.4", "a@b.c.", "A@[1.2.3.4]", "fe80::1%a",
)  # fmt: skip
NUMBERS = (
    0,
    1,
    2,
    3,
    -1,
    1.5,
    2.0,
    0.1,
    1e3,
    1e30,
    10,
    4.5,
    -0.5,
    100000000000000000000,
)
DRAFTS = tuple(f"http://json-schema.org/draft-0{n}/schema#" for n in (4, 6, 7, 9))


def value(rng: random.Random, depth: int = 2) -> Any:
    """A document."""
    kind = rng.randrange(8 if depth else 6)
    if kind < 2:
        return rng.choice(TEXTS)
    if kind < 4:
        return rng.choice(NUMBERS)
    if kind < 6:
        return rng.choice((True, False, None))
    if kind == 6:
        return [value(rng, depth - 1) for _ in range(rng.randint(0, 3))]
    return {name: value(rng, depth - 1) for name in NAMES if rng.random() < 0.5}


class _Writer:
    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        #: Things to get wrong.
        self.wrong = rng.random() < 0.3

    def bad(self) -> bool:
        """Now is the time to get something wrong."""
        if self.wrong and self.rng.random() < 0.1:
            self.wrong = False
            return True
        return False

    def size(self) -> Any:
        if self.bad():
            return self.rng.choice((-1, 1.5, "a", None, True, [], 1e30, "1"))
        return self.rng.choice((0, 1, 2, 3, 2.0))

    def number(self) -> Any:
        if self.bad():
            return self.rng.choice(("a", None, True, [], "1", {}))
        return self.rng.choice(NUMBERS)

    def schemas(self, depth: int) -> list[Any]:
        return [self.schema(depth) for _ in range(self.rng.randint(1, 3))]

    def members(self, depth: int) -> dict[str, Any]:
        chosen = self.rng.sample(NAMES, self.rng.randint(0, 2))
        return {name: self.schema(depth) for name in chosen}

    def keyword(self, depth: int) -> dict[str, Any]:
        rng = self.rng
        deep = depth - 1
        other: tuple[Any, ...] = (None, 1, "a", [], [1], True, {})
        kind = rng.randrange(24 if depth else 13)
        if kind == 0:
            types: Any = rng.choice(TYPES)
            if rng.random() < 0.3:
                types = rng.sample(TYPES, rng.randint(0, 3))
            if self.bad():
                types = rng.choice(
                    (*other, "nope", ["string", 1], ["string", "string"])
                )
            return {"type": types}
        if kind == 1:
            enum: Any = [value(rng, 1) for _ in range(rng.randint(0, 3))]
            return {"enum": rng.choice((*other, [1, 1])) if self.bad() else enum}
        if kind == 2:
            return {"const": value(rng, 1)}
        if kind == 3:
            factor: Any = rng.choice((1, 2, 0.5, 0.1, 3))
            if self.bad():
                factor = rng.choice((0, -1, "a", None))
            return {"multipleOf": factor}
        if kind == 4:
            word = rng.choice(("maximum", "minimum"))
            out = {word: self.number()}
            if rng.random() < 0.3:
                out["exclusive" + word.capitalize()] = rng.choice((True, False))
            return out
        if kind == 5:
            word = rng.choice(("exclusiveMaximum", "exclusiveMinimum"))
            return {word: True if self.bad() else self.number()}
        if kind == 6:
            word = rng.choice(("Length", "Items", "Properties"))
            out = {f"min{word}": self.size()}
            if rng.random() < 0.5:
                out = {f"max{word}": self.size()}
            if rng.random() < 0.2:
                out |= {f"min{word}": 1, f"max{word}": rng.choice((1, 0, 2))}
            return out
        if kind == 7:
            return {"pattern": rng.choice(BAD_PATTERNS if self.bad() else PATTERNS)}
        if kind in (8, 9):
            return {"format": rng.choice(other) if self.bad() else rng.choice(FORMATS)}
        if kind == 10:
            required: Any = rng.sample(NAMES, rng.randint(0, 3))
            if self.bad():
                required = rng.choice((*other, ["a", "a"], [None]))
            return {"required": required}
        if kind == 11:
            return {"uniqueItems": rng.choice(other) if self.bad() else True}
        if kind == 12:
            word = rng.choice(
                ("title", "description", "$id", "id", "$schema", "default")
            )
            chosen: Any = rng.choice(("a", "http://x.test/y", "#a"))
            if word == "$schema":
                chosen = rng.choice(DRAFTS)
            return {word: rng.choice(other) if self.bad() else chosen}
        if kind in (13, 14):
            return {
                "properties": rng.choice(other) if self.bad() else self.members(deep)
            }
        if kind == 15:
            inner: Any = self.schema(deep)
            return {"additionalProperties": rng.choice(other) if self.bad() else inner}
        if kind == 16:
            made: Any = {rng.choice(PATTERNS): self.schema(deep)}
            if self.bad():
                made = rng.choice((*other, {rng.choice(BAD_PATTERNS): {}}, {"a": 1}))
            return {"patternProperties": made}
        if kind == 17:
            word = rng.choice(("propertyNames", "contains", "not", "additionalItems"))
            return {word: rng.choice(other) if self.bad() else self.schema(deep)}
        if kind == 18:
            made = {"a": rng.sample(NAMES, rng.randint(0, 2))}
            if rng.random() < 0.5:
                made = {"b": self.schema(deep)}
            if self.bad():
                made = rng.choice((*other, {"a": 1}, {"a": [1]}))
            return {"dependencies": made}
        if kind == 19:
            made = self.schema(deep) if rng.random() < 0.5 else self.schemas(deep)
            return {"items": rng.choice(other) if self.bad() else made}
        if kind == 20:
            word = rng.choice(("anyOf", "oneOf", "allOf"))
            return {word: rng.choice(other) if self.bad() else self.schemas(deep)}
        if kind == 21:
            words = rng.sample(("then", "else"), rng.randint(0, 2))
            out = {word: self.schema(deep) for word in ("if", *words)}
            if self.bad():
                out[rng.choice(("if", "then", "else"))] = rng.choice(other)
            return out
        if kind == 22:
            made = rng.choice(other) if self.bad() else self.members(deep)
            return {"definitions": made}
        places: tuple[str, ...] = (
            "#",
            "#/definitions/a",
            "#/properties/a",
            "#/items",
            "#/allOf/0",
        )
        if self.bad():
            places = (
                "#/nope",
                "#/definitions/nope",
                "#nope",
                "%",
                "#/allOf/9",
                "#/type",
            )
        return {"$ref": rng.choice(places)}

    def schema(self, depth: int) -> Any:
        rng = self.rng
        if rng.random() < 0.07:
            return rng.choice((True, False))
        out: dict[str, Any] = {}
        for _ in range(rng.choice((0, 1, 1, 1, 2, 2, 3))):
            out |= self.keyword(depth)
        return out


def call(rng: random.Random) -> tuple[str, list[Any]]:
    """A call of one of the two builtins."""
    writer = _Writer(rng)
    schema = writer.schema(3)
    if isinstance(schema, dict) and rng.random() < 0.3:
        schema |= {"definitions": {"a": writer.schema(1)}, "properties": {"a": {}}}
    if isinstance(schema, bool) or rng.random() < 0.2:
        schema = json.dumps(schema)
    if rng.random() < 0.3:
        return "json.verify_schema", [schema]
    document = value(rng)
    if not isinstance(document, dict | list) and rng.random() < 0.9:
        document = json.dumps(document)
    return "json.match_schema", [document, schema]

"""GraphQL schemas and queries, right, wrong and mutilated."""

from __future__ import annotations

import random
from typing import Any

from tests.fuzz.mutations import mutated

__all__ = ["BUILTINS", "call"]

BUILTINS = {
    "graphql.parse": 2,
    "graphql.is_valid": 2,
    "graphql.parse_and_verify": 2,
    "graphql.parse_query": 1,
    "graphql.parse_schema": 1,
    "graphql.schema_is_valid": 1,
}
OBJECTS = ("Query", "A", "B", "C")
INPUTS = ("In", "One")
SCALARS = ("Int", "Float", "String", "Boolean", "ID", "Date", "E")
FIELDS = ("a", "b", "ab", "name", "__typename")
VALUES = [
    "1",
    "-0",
    "99999999999",
    "99999999999999999999",
    "-9223372036854775809",
    "1.5",
    "1e999",
    "-1E5",
    '"x"',
    '""',
    '"99999999999"',
    "true",
    "false",
    "null",
    "RED",
    "BLUE",
    "red",
    "[1]",
    "[]",
    "[[1]]",
    '["a"]',
    "{}",
    "{a:1}",
    '{b:"x"}',
    "{a:1,a:2}",
    "{c:{a:1}}",
    "[{a:1}]",
    "$v",
    "$w",
    "{a:$v}",
    "[$v]",
    '"""b\n',
    "",
    'c"""',
    '"\\u00e9\\n"',
    '"\\q"',
    "00",
    "1.",
    "0xF",
    "[99999999999999999999]",
    "{a:1e999}",
]
WORDS = (
    *["type", "query", "mutation", "subscription", "fragment", "on", "extend", "schema", "directive"],
    *["enum", "union", "input", "interface", "implements", "scalar", "repeatable"],
    *["{", "}", "(", ")", "[", "]", ":", "=", "!", "|", "&", "@", "$", "...", "#", '"""', '"', ",", "@skip(if:true)", "@d", "__schema"],
    *OBJECTS, *INPUTS, *SCALARS, *FIELDS,
)  # fmt: skip


class _Writer:
    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        #: How often something is not as it should be.
        self.wrong = rng.choice((0.0, 0.02, 0.1))

    def chance(self, odds: float) -> bool:
        return self.rng.random() < odds

    def pick(self, right: tuple[str, ...], wrong: tuple[str, ...]) -> str:
        return self.rng.choice(wrong if self.chance(self.wrong) else right)

    # Schemas -----------------------------------------------------------------

    def type(self, *, inputs: bool) -> str:
        rng = self.rng
        name = self.pick(
            (*SCALARS, *INPUTS) if inputs else (*SCALARS, *OBJECTS, "I", "U"),
            ("Nope", "In", "A", "U", "I"),
        )
        if inputs and name in INPUTS:
            return name if self.chance(0.8) else f"{name}!"
        text = name + rng.choice(("", "", "!"))
        if self.chance(0.25):
            text = f"[{text}]" + rng.choice(("", "!"))
        return text

    def described(self) -> str:
        texts = ('"d" ', '"""\n  long\n    text\n""" ', "# c\n", '"""a \\""" b""" ')
        return self.rng.choice(texts) if self.chance(0.1) else ""

    def directives(self, where: str) -> str:
        rng, out = self.rng, []
        while self.chance(0.12):
            out.append(
                self.pick(
                    ("@deprecated", '@deprecated(reason: "x")', "@d", "@d(n: 1)", "@r")
                    if where == "schema"
                    else (
                        "@skip(if: true)",
                        "@include(if: $v)",
                        "@q",
                        "@q(n: 2)",
                        "@r",
                    ),
                    ("@no", "@d(m: 1)", "@skip", "@oneOf", "@d(n: null)", "@q(n: a)"),
                )
            )
        rng.shuffle(out)
        return "".join(f" {one}" for one in out)

    def input_field(self) -> str:
        name = self.pick(("a", "b", "c", "d"), ("a", "__x", "a"))
        default = f" = {self.rng.choice(VALUES[:24])}" if self.chance(0.2) else ""
        of = self.type(inputs=True)
        return f"{self.described()}{name}: {of}{default}{self.directives('schema')}"

    def field(self, name: str = "") -> str:
        rng = self.rng
        name = name or self.pick(("a", "b", "ab", "name"), ("a", "__x", "a"))
        args = ""
        if self.chance(0.4):
            inner = ", ".join(self.input_field() for _ in range(rng.randint(1, 3)))
            args = f"({inner})"
        of = self.type(inputs=False)
        return f"{self.described()}{name}{args}: {of}{self.directives('schema')}"

    def fields(self, names: tuple[str, ...] = ()) -> str:
        rng = self.rng
        chosen = [*names, *rng.sample(("a", "b", "ab", "name"), rng.randint(1, 4))]
        return " ".join(self.field(name) for name in dict.fromkeys(chosen))

    def schema(self) -> str:
        rng = self.rng
        out = ["scalar Date", "enum E { RED BLUE GREEN @deprecated }"]
        out.append(
            "directive @d(n: Int) repeatable on FIELD_DEFINITION | OBJECT | ENUM_VALUE | ARGUMENT_DEFINITION"
        )
        out.append(
            "directive @q(n: Int = 1) on FIELD | QUERY | FRAGMENT_SPREAD | VARIABLE_DEFINITION"
        )
        out.append(
            "directive @r repeatable on FIELD | INLINE_FRAGMENT | FRAGMENT_DEFINITION"
        )
        shared = self.field("i")
        out.append(f"interface I {{ {shared} }}")
        for name in OBJECTS:
            head = f"{self.described()}type {name}"
            inner = self.fields()
            if self.chance(0.4):
                head += " implements I"
                inner += f" {shared}" if not self.chance(self.wrong) else ""
            out.append(f"{head}{self.directives('schema')} {{ {inner} }}")
        out.append("union U = " + " | ".join(rng.sample(OBJECTS, rng.randint(1, 3))))
        for name in INPUTS:
            entries = [self.input_field() for _ in range(rng.randint(1, 3))]
            head = " @oneOf" if name == "One" and self.chance(0.7) else ""
            out.append(f"input {name}{head} {{ {' '.join(entries)} }}")
        if self.chance(0.3):
            out.append("type Mutation { a: Int } type Subscription { a: Int b: A }")
        if self.chance(0.2):
            out.append(rng.choice((
                "schema { query: A }", "schema { query: Query mutation: B }",
                "extend type A { zz: Int }", "extend enum E { PINK }",
                "extend union U = C", "extend input In { z: Int }", "extend schema @d",
                "extend interface I { k: Int }", "extend type New { a: Int }",
                "extend scalar Date @d", "interface J implements I { i: Int }",
                "type A { a: Int }", "enum F {}", "enum F { true }", "union V = Int",
                "input L { l: L! }", "directive @x(a: Int @x) on FIELD", "schema { query: No }",
                "extend schema { subscription: B }", "type Z implements I & I { i: Int }",
                "directive @skip(a: Int) on FIELD", "type __T { a: Int }", "enum F { A A }",
                "union W = A | A", "type Y { f(a: A): Int }", "input K { a: A }",
            )))  # fmt: skip
        rng.shuffle(out)
        return rng.choice(("\n", " ", "\r\n")).join(out)

    # Queries -----------------------------------------------------------------

    def value(self) -> str:
        return self.rng.choice(VALUES)

    def arguments(self) -> str:
        count = self.rng.randint(1, 3)
        names = [self.pick(("a", "b", "c", "d"), ("z", "a")) for _ in range(count)]
        inner = ", ".join(f"{name}: {self.value()}" for name in dict.fromkeys(names))
        return f"({inner})"

    def selections(self, depth: int) -> str:
        count = self.rng.choice((1, 1, 2, 2, 3))
        return f"{{ {' '.join(self.selection(depth) for _ in range(count))} }}"

    def selection(self, depth: int) -> str:
        rng = self.rng
        kind = rng.randrange(10)
        directives = self.directives("query")
        if kind == 0 and depth:
            on = self.pick((*OBJECTS, "I", "U"), ("Nope", "Int", "In"))
            on = f" on {on}" if self.chance(0.8) else ""
            return f"...{on}{directives} {self.selections(depth - 1)}"
        if kind == 1:
            return f"...{self.pick(('F', 'G'), ('H', 'F'))}{directives}"
        if kind == 2 and self.chance(0.2):
            return (
                '__schema { types { fields { type { fields { name } } } } }'
                if self.chance(0.5) else '__type(name: "A") { name kind }'
            )  # fmt: skip
        name = self.pick(FIELDS, ("nope", "nam", "i"))
        alias = rng.choice(("", "", "", "x: ", "a: ", "name: "))
        args = self.arguments() if self.chance(0.25) else ""
        inner = f" {self.selections(depth - 1)}" if depth and self.chance(0.4) else ""
        return f"{alias}{name}{args}{directives}{inner}"

    def operation(self) -> str:
        rng = self.rng
        if self.chance(0.4):
            return self.selections(2)
        kind = rng.choice(("query", "query", "query", "mutation", "subscription"))
        variables = ""
        if self.chance(0.5):
            names = [rng.choice(("v", "w")) for _ in range(rng.randint(1, 2))]
            inner = ", ".join(
                f"${name}: {self.type(inputs=True)}"
                + (f" = {rng.choice(VALUES[:30])}" if self.chance(0.3) else "")
                + self.directives("query")
                for name in names
            )
            variables = f"({inner})"
        name = rng.choice(("", " Q", " R"))
        return f"{kind}{name}{variables}{self.directives('query')} {self.selections(2)}"

    def query(self) -> str:
        rng = self.rng
        out = [self.operation() for _ in range(rng.choice((1, 1, 1, 2)))]
        for name in ("F", "G", "F")[: rng.choice((0, 1, 2, 2, 3))]:
            on = self.pick((*OBJECTS, "I", "U"), ("Nope", "Int", "Querry"))
            directives = self.directives("query")
            out.append(f"fragment {name} on {on}{directives} {self.selections(1)}")
        return rng.choice(("\n", " ")).join(out)


#: A schema that queries often fit.
PLAIN = """
type Query { a(a: Int, b: In, c: One, d: [E!]): A b: [B!]! ab: U name: String i(x: Int! = 1): I }
type A implements I { a: A b: B ab(a: Float, b: String!, c: ID, d: Boolean): Int name: String i: Int }
type B implements I { a: A b: Int ab: [U] name: String! i: Int }
type C { name: [String] a: Int b: String }
union U = A | B | C
interface I { i: Int name: String }
input In { a: Int! b: String c: In d: E = RED }
input One @oneOf { a: Int b: String }
enum E { RED BLUE GREEN }
scalar Date
directive @q(n: Int = 1) on FIELD | QUERY | FRAGMENT_SPREAD | VARIABLE_DEFINITION
directive @r repeatable on FIELD | INLINE_FRAGMENT | FRAGMENT_DEFINITION
type Mutation { a: Int }
type Subscription { a: Int b: A name: String }
"""


def call(rng: random.Random) -> tuple[str, list[Any]]:
    """A call of one of `graphql.*`."""
    writer = _Writer(rng)
    name = rng.choice(("graphql.parse", "graphql.parse", *BUILTINS))
    query = writer.query()
    schema = PLAIN if rng.random() < 0.6 else writer.schema()
    if name in ("graphql.parse_schema", "graphql.schema_is_valid"):
        schema = writer.schema()
    if rng.random() < 0.2:
        query = mutated(query, rng, WORDS)
    if schema != PLAIN and rng.random() < 0.3:
        schema = mutated(schema, rng, WORDS)
    if BUILTINS[name] == 2:
        return name, [query, schema]
    return name, [query if name == "graphql.parse_query" else schema]

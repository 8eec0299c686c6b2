"""Templates of Go's text/template, right and wrong, with what they are filled with."""

from __future__ import annotations

import json
import random
from typing import Any

from tests.fuzz.mutations import mutated

__all__ = ["call"]

FIELDS = ("a", "b", "c", "d", "e", "missing")
NUMBERS = [
    "0",
    "1",
    "2",
    "3",
    "-1",
    "+2",
    "017",
    "08",
    "0x1F",
    "0b11",
    "0o7",
    "1_000",
    "1__0",
    "1_",
    "0x_f",
    "1.5",
    "-0.0",
    "1e3",
    "1e-7",
    "1.e2",
    ".5",
    "1E21",
    "1e30",
    "12345678.9",
    "0x1p4",
    "0x1.8p-1",
    "0x1e4",
    "1i",
    "1+2i",
    "0i",
    "-1.5e3i",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "-9223372036854775808",
    "1e999",
    "1x",
    "0xg",
    "1.",
    "'a'",
    "'\\n'",
    "'\\x41'",
    "'\\''",
    "'\\u00e9'",
    "'é'",
    "'ab'",
    "''",
    "'\\777'",
    "100000",
    "1e20",
    "1e-5",
    "0.1",
    "00",
]
STRINGS = (
    '""', '"a"', '"b"', '"x y"', '"é%d"', '"<&\'=>"', '`raw\\n`', '"\\n\\t\\x41\\u00e9"',
    '"\\q"', '"\\""', '"a.b"', '"%!"', '"\\xff"', '"\\000"', '"\\u2028"',
)  # fmt: skip
FUNCTIONS = [
    "and",
    "or",
    "not",
    "len",
    "index",
    "slice",
    "print",
    "printf",
    "println",
    "html",
    "js",
    "urlquery",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "call",
]
#: Those that take nearly anything.
TAME = [
    "and",
    "or",
    "not",
    "print",
    "printf",
    "printf",
    "println",
    "html",
    "js",
    "urlquery",
]
VERBS = "vdsqxXobcUtTeEfFgG%wOvvvdsq!yé"
WORDS = (
    *["if", "else", "end", "range", "with", "define", "template", "block", "break", "continue", "nil", "true", "false"],
    *(f".{name}" for name in FIELDS), "{{", "}}", "{{-", "-}}", "{{end}}", "{{else}}",
    "|", ":=", "=", "$", "$x", ",", "/*", "*/", *FUNCTIONS[:8],
)  # fmt: skip


def data(rng: random.Random, depth: int = 2) -> Any:
    """A value that may be filled in."""
    kind = rng.randrange(9 if depth else 7)
    if kind == 7:
        return [data(rng, depth - 1) for _ in range(rng.randint(0, 4))]
    if kind == 8:
        names = rng.sample(("a", "b", "c", "x y", "é", "1"), rng.randint(0, 3))
        return {name: data(rng, depth - 1) for name in names}
    if kind < 2:
        return rng.choice((0, 1, 2, -1, 1.5, 1e30, 100, -0.25))
    if kind < 4:
        return rng.choice(("", "a", "b", "abc", "é<", 'q"', "2", "a b&c", "\u2028\x01"))
    return rng.choice((True, False, None))


class _Writer:
    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        #: Keep to what mostly gives a value.
        self.tame = rng.random() < 0.5
        self.variables = ["$"]
        self.loops = 0
        self.names: list[str] = []

    def space(self) -> str:
        return self.rng.choice((" ", " ", " ", "  ", "\t", "\n"))

    def reference(self) -> str:
        rng = self.rng
        start = rng.choice(("", "", "", rng.choice(self.variables)))
        names = [rng.choice(FIELDS) for _ in range(rng.choice((0, 1, 1, 1, 2, 3)))]
        if not names:
            return start or "."
        return start + "".join(f".{name}" for name in names)

    def operand(self, depth: int) -> str:
        rng = self.rng
        kind = rng.randrange(12)
        if self.tame and kind > 8:
            kind = rng.randrange(8)
        if kind < 5:
            return self.reference()
        if kind < 7:
            return rng.choice(STRINGS)
        if kind < 9:
            wild = not self.tame and rng.random() < 0.4
            return rng.choice(NUMBERS if wild else ("0", "1", "2", "1.5"))
        if kind == 9 or not depth:  # nil and functions without operands
            return rng.choice(("true", "false", "nil", "nil", *FUNCTIONS[:3]))
        inner = f"({self.pipeline(depth - 1)})"
        return inner + (f".{rng.choice(FIELDS)}" if rng.random() < 0.3 else "")

    def format(self) -> str:
        rng = self.rng
        out = []
        for _ in range(rng.randint(0, 4)):
            flags = "".join(rng.choices("#0+- ", k=rng.choice((0, 0, 1, 1, 2))))
            width = rng.choice(("", "", "", "5", "12", "*", "[1]", "[2]*"))
            precision = rng.choice(("", "", "", ".2", ".0", ".", ".*", ".[1]"))
            out.append(f"%{flags}{width}{precision}{rng.choice(VERBS)}")
            out.append(rng.choice(("", " ", "é|")))
        return json.dumps("".join(out), ensure_ascii=False)

    def command(self, depth: int) -> str:
        rng = self.rng
        if rng.random() < 0.45:
            return self.operand(depth)
        name = rng.choice(FUNCTIONS + ["printf"] * 4)
        count = rng.choice((0, 1, 1, 2, 2, 2, 3, 4))
        if self.tame:
            name = rng.choice(TAME)
            count = 1 if name in ("not", "len") else 2
        words = [self.operand(depth) for _ in range(count)]
        if name == "printf" and (self.tame or rng.random() < 0.9):
            words.insert(0, self.format())
        return self.space().join([name, *words])

    def pipeline(self, depth: int) -> str:
        rng = self.rng
        stages = [self.command(depth) for _ in range(rng.choice((1, 1, 1, 1, 2, 3)))]
        for at in range(1, len(stages)):
            if self.tame or rng.random() < 0.9:
                name = rng.choice(TAME if self.tame else FUNCTIONS)
                words = [self.operand(0) for _ in range(rng.choice((0, 0, 1)))]
                stages[at] = " ".join([name, *words])
        return rng.choice((" | ", "|", " |")).join(stages)

    def declared(self, depth: int, *, loop: bool = False) -> str:
        rng = self.rng
        inner = self.pipeline(depth)
        chance = rng.random()
        if chance < 0.75 and not (loop and chance > 0.3):
            return inner
        names = rng.sample(("$x", "$y", "$zé"), 2 if loop and rng.random() < 0.5 else 1)
        known = all(name in self.variables for name in names)
        sign = "=" if known and rng.random() < 0.5 else ":="
        self.variables += names
        return f"{', '.join(names)} {sign} {inner}"

    def action(self, inner: str) -> str:
        rng = self.rng
        left = rng.choice(("{{", "{{", "{{ ", "{{- ", "{{-\n"))
        right = rng.choice(("}}", "}}", " }}", " -}}", "\n-}}"))
        return f"{left}{inner}{right}"

    def node(self, depth: int) -> str:
        rng = self.rng
        kind = rng.randrange(16)
        if kind < 3 or not depth:
            return rng.choice(("text ", " \n ", "é", "<no value>", "{", "}}", "a\tb"))
        if kind < 9:
            return self.action(self.declared(2))
        if kind == 9:
            return rng.choice(("{{/* c */}}", "{{- /* c\n */ -}}", "{{/*c*/ }}"))
        if kind == 10 and self.loops:
            return self.action(rng.choice(("break", "continue")))
        if kind == 11:
            return self.template(depth)
        return self.control(depth)

    def template(self, depth: int) -> str:
        rng = self.rng
        name = rng.choice(('"t"', '"u"', "`t`", '"template"', '"no"'))
        if rng.random() < 0.4:
            given = f" {self.pipeline(1)}" if rng.random() < 0.7 else ""
            return self.action(f"template {name}{given}")
        kept, self.variables, loops = self.variables, ["$"], self.loops
        head = f"define {name}"
        if rng.random() < 0.4:
            head = f"block {name} {self.pipeline(1)}"
        self.loops = 0
        body = self.body(depth - 1)
        self.variables, self.loops = kept, loops
        return f"{self.action(head)}{body}{self.action('end')}"

    def control(self, depth: int) -> str:
        rng = self.rng
        kind = rng.choice(("if", "with", "range", "range"))
        mark = len(self.variables)
        head = self.declared(1, loop=kind == "range")
        self.loops += kind == "range"
        out = [self.action(f"{kind} {head}"), self.body(depth - 1)]
        self.loops -= kind == "range"
        while rng.random() < 0.3:
            follower = rng.choice(("if", "with", kind))
            out.append(self.action(f"else {follower} {self.pipeline(1)}"))
            out.append(self.body(depth - 1))
        if rng.random() < 0.4:
            out += [self.action("else"), self.body(depth - 1)]
        del self.variables[mark:]
        return "".join([*out, self.action("end")])

    def body(self, depth: int) -> str:
        count = self.rng.choice((0, 1, 1, 2, 3))
        return "".join(self.node(depth) for _ in range(count))


def call(rng: random.Random) -> tuple[str, list[Any]]:
    """A call of `strings.render_template`."""
    writer = _Writer(rng)
    text = "".join(writer.node(3) for _ in range(rng.choice((1, 1, 1, 2, 4))))
    if not writer.tame and rng.random() < 0.5:
        text = mutated(text, rng, WORDS)
    given = {name: data(rng) for name in FIELDS[:-1] if rng.random() < 0.9}
    return "strings.render_template", [text, given]

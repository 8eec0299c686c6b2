"""Typed generation of terms: each has a type wanted, and comes as source text."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from gatewright.builtins.declarations import TABLE, Builtin
from tests.fuzz.operands import KINDS, LEFT_OUT, operand
from tests.fuzz.shapes import (
    ANY,
    BOOL,
    NULL,
    NUM,
    STR,
    Shape,
    element,
    fits,
    from_declared,
    number,
    shape,
    text,
)

_PLAIN = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
_FIRST = ("0", "1")
_ORDERED = ("<", "<=", ">", ">=")
_NAMES = ('"a"', '"b"')
_KEYWORDS = frozenset({"if", "in", "every", "contains", "not", "as", "with", "some"})


@dataclass(slots=True)
class Known:
    """Something that later rules can refer to: its ref, type, operands' types."""

    ref: str
    of: Shape
    args: tuple[Shape, ...] | None = None


@dataclass(slots=True)
class Scope:
    """Variables in reach, and whether a fresh one may be bound here.

    `pending`: bound by the line that is being made; it cannot use them itself.
    """

    vars: list[tuple[str, Shape]] = field(default_factory=list)
    bind: bool = True
    pending: list[tuple[str, Shape]] = field(default_factory=list)

    def commit(self) -> None:
        """The line is done."""
        self.vars += self.pending
        self.pending.clear()

    def child(self, *, bind: bool | None = None) -> Scope:
        return Scope(list(self.vars), self.bind if bind is None else bind)


def callable_builtins(version: int) -> list[Builtin]:
    return [
        builtin
        for name, builtin in sorted(TABLE.items())
        if name not in LEFT_OUT
        and not name.startswith("internal.")
        and not (builtin.deprecated and version)
        and not builtin.void
    ]


class Terms:
    """Generates terms for one program.

    `bodies` makes the literals of a comprehension's body; the program's generator
    puts it in.
    """

    def __init__(
        self, rng: random.Random, version: int, roots: dict[str, Shape], *, member: bool
    ) -> None:
        self.rng = rng
        self.version = version
        self.roots = roots
        self.member = member
        self.known: list[Known] = []
        self.builtins = callable_builtins(version)
        self.count = 0
        self.bodies: Callable[[Scope, int], list[str]] = lambda _scope, _depth: ["true"]

    def fresh(self, prefix: str = "v") -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    # -- the choice

    def term(self, want: Shape, scope: Scope, depth: int = 3) -> str:
        """A term of a type."""
        rng = self.rng
        if want == ANY:
            want = shape(rng, 1)
        if rng.random() < 0.45:
            found = [name for name, of in scope.vars if fits(of, want)]
            if found:
                return rng.choice(found)
        if depth <= 0:
            return self.literal(want, scope, 0)
        ways: list[Callable[[], str | None]] = [
            lambda: self.literal(want, scope, depth - 1),
            lambda: self.ref(want, scope, depth - 1),
            lambda: self.ref(want, scope, depth - 1),
            lambda: self.rule(want, scope, depth - 1),
            lambda: self.rule(want, scope, depth - 1),
            lambda: self.operator(want, scope, depth - 1),
            lambda: self.builtin_of(want, scope, depth - 1),
            lambda: self.comprehension(want, scope, depth - 1),
            lambda: self.picked(want, scope, depth - 1),
        ]
        for _ in range(4):
            made = rng.choice(ways)()
            if made is not None:
                return made
        return self.literal(want, scope, depth - 1)

    def literal(self, want: Shape, scope: Scope, depth: int) -> str:
        """A scalar, or a composite whose parts are terms."""
        rng = self.rng
        kind = want[0]
        if kind == "any":
            return self.literal(rng.choice((NUM, STR, BOOL, NULL)), scope, depth)
        if kind == "num":
            return number(rng)
        if kind == "str":
            if depth > 0 and rng.random() < (0.1 if self.version else 0.01):
                part = self.term(ANY, scope.child(bind=False), depth - 1)
                if "\n" not in part and not part.startswith("{"):
                    return f'$"t{{{part}}}-"' if '"' not in part else text(rng)
            return text(rng)
        if kind == "bool":
            return rng.choice(("true", "false"))
        if kind == "null":
            return "null"
        size = rng.randint(0, 3)
        if kind == "arr":
            size = rng.choice((0, 1, 2, 2, 3, 3))
            items = [self.term(want[1], scope, depth - 1) for _ in range(size)]
            return f"[{', '.join(items)}]"
        if kind == "tup":
            items = [self.term(item, scope, depth - 1) for item in want[1]]
            return f"[{', '.join(items)}]"
        if kind == "set":
            if size == 0:
                return "set()"
            items = [self.term(want[1], scope, depth - 1) for _ in range(size)]
            return f"{{{', '.join(items)}}}"
        if kind == "map":
            pairs = [
                f"{self.term(want[1], scope, depth - 1)}:"
                f" {self.term(want[2], scope, depth - 1)}"
                for _ in range(size)
            ]
            return f"{{{', '.join(pairs)}}}"
        pairs = [
            f"{json.dumps(name, ensure_ascii=False)}: {self.term(item, scope, depth - 1)}"
            for name, item in want[1]
        ]
        return f"{{{', '.join(pairs)}}}"

    # -- refs

    def ref(self, want: Shape, scope: Scope, depth: int) -> str | None:
        """A ref into a base document that leads to a value of the type."""
        rng = self.rng
        best = None
        for _ in range(6):
            mark = len(scope.pending)
            root = rng.choice(list(self.roots))
            path, of = self.walk(root, self.roots[root], want, scope, depth)
            if fits(of, want) or rng.random() < 0.03:
                return path
            best = path
            del scope.pending[mark:]
        return best if rng.random() < 0.05 else None

    def walk(
        self, path: str, of: Shape, want: Shape, scope: Scope, depth: int
    ) -> tuple[str, Shape]:
        """Walk down from a document until the type is met, or nothing is below."""
        rng = self.rng
        while of[0] in ("arr", "tup", "map", "obj", "set"):
            if (
                fits(of, want)
                and path not in ("input", "data.d")
                and rng.random() < 0.8
            ):
                break
            if of[0] == "map" and depth < 0 and not scope.bind and rng.random() < 0.8:
                # A rule's keys are what its literals have, hardly these.
                break
            if of[0] == "obj":
                name, below = rng.choice(of[1])
                if rng.random() < 0.1 and scope.bind and path != "data.d":
                    path += f"[{self.index(STR, scope, depth)}]"
                elif _PLAIN.match(name) and name not in _KEYWORDS:
                    path += f".{name}"
                else:
                    path += f"[{json.dumps(name, ensure_ascii=False)}]"
                of = below
            elif of[0] == "tup":
                at = rng.randrange(len(of[1]))
                path += f"[{at}]"
                of = of[1][at]
            else:
                key, below = element(of, rng)
                path += f"[{self.index(key, scope, depth)}]"
                of = below
        return path, of

    def index(self, key: Shape, scope: Scope, depth: int) -> str:
        """What stands in brackets: a term, a fresh variable or a wildcard."""
        rng = self.rng
        chance = rng.random()
        if scope.bind and chance < (0.35 if depth > -1 else 0.75):
            name = self.fresh("i")
            scope.pending.append((name, key))
            return name
        if scope.bind and chance < (0.45 if depth > -1 else 0.95):
            return "_"
        if chance < 0.6 and depth > 0 and key != ANY:
            return self.term(key, scope.child(bind=False), 1)
        found = [name for name, of in scope.vars if fits(of, key)]
        if found and rng.random() < 0.7:
            return rng.choice(found)
        if key == NUM:
            return str(rng.choice((0, 0, 0, 0, 1, 2)))
        if key == STR:
            return f'"{rng.choice("abcd")}"'
        return self.literal(key, scope, 0)

    def rule(self, want: Shape, scope: Scope, depth: int) -> str | None:
        """A ref to an earlier rule, or a call of an earlier function."""
        rng = self.rng
        if not self.known:
            return None
        for _ in range(6):
            item = rng.choice(self.known)
            if item.args is not None:
                if fits(item.of, want) or rng.random() < 0.02:
                    return self.call(item, scope, depth)
                continue
            mark = len(scope.pending)
            path, of = self.walk(item.ref, item.of, want, scope, -1)
            if fits(of, want) or rng.random() < 0.02:
                return path
            del scope.pending[mark:]
        return None

    def call(self, item: Known, scope: Scope, depth: int) -> str:
        args = [self.term(of, scope, depth - 1) for of in item.args or ()]
        return f"{item.ref}({', '.join(args)})"

    # -- operators and builtins

    def operator(self, want: Shape, scope: Scope, depth: int) -> str | None:
        rng = self.rng
        if want == NUM:
            sign = rng.choice(("+", "-", "*", "/", "%", "+", "-"))
            left, right = (self.term(NUM, scope, depth - 1) for _ in range(2))
            return f"({left} {sign} {right})"
        if want == BOOL:
            return f"({self.condition(scope, depth)})"
        if want[0] == "set":
            sign = rng.choice(("|", "&", "-"))
            left, right = (self.term(want, scope, depth - 1) for _ in range(2))
            return f"({left} {sign} {right})"
        return None

    def condition(self, scope: Scope, depth: int) -> str:
        """A comparison or a test of membership."""
        rng = self.rng
        of = shape(rng, 1 if rng.random() < 0.3 else 0)
        if self.member and rng.random() < 0.25:
            of = rng.choice((("arr", of), ("set", of), ("map", STR, of)))
            key, value = element(of, rng)
            left = self.term(value, scope, depth - 1)
            if rng.random() < 0.3:
                left = f"{self.term(key, scope, depth - 1)}, {left}"
            return f"{left} in {self.term(of, scope, depth - 1)}"
        # Literals of one type can be of types that never are equal.
        fixed = of[0] in ("arr", "map", "set", "tup") and rng.random() < 0.8
        sign = rng.choice(_ORDERED if fixed else ("==", "!=", "==", *_ORDERED))
        left = self.term(of, scope, depth - 1)
        if " in " in left and not left.startswith(("(", "[", "{")):
            left = f"({left})"
        other = of if rng.random() < 0.98 else shape(rng, 1)
        return f"{left} {sign} {self.term(other, scope, depth - 1)}"

    def builtin_of(self, want: Shape, scope: Scope, depth: int) -> str | None:
        """A call of a builtin whose declared result does."""
        rng = self.rng
        for _ in range(12):
            builtin = rng.choice(self.builtins)
            assert builtin.result is not None
            if fits(from_declared(builtin.result, rng), want):
                return self.builtin(builtin, scope, depth)
        return None

    def builtin(self, builtin: Builtin, scope: Scope, depth: int) -> str:
        """A call of a builtin with operands of the right kinds, mostly."""
        rng = self.rng
        kinds = KINDS.get(builtin.name, ())
        args = []
        for position, declared in enumerate(builtin.args):
            kind = kinds[position] if position < len(kinds) else ""
            chance = rng.random()
            made = operand(rng, kind) if kind and chance < 0.8 else None
            if chance > 0.985 and scope.bind:
                made = self.ref(shape(rng, 2), scope, 1)
            elif kind == "anys" and chance < 0.9:
                parts = [
                    self.term(rng.choice((NUM, STR, ANY)), scope, depth - 1)
                    for _ in range(rng.choice((0, 1, 1, 1, 2, 3)))
                ]
                made = f"[{', '.join(parts)}]"
            if made is None:
                if builtin.name.startswith(("numbers.range", "bits.")):
                    made = str(rng.randint(-3, 9))
                else:
                    made = self.term(from_declared(declared, rng), scope, depth - 1)
            args.append(made)
        for _ in range(rng.randint(0, 2) if builtin.variadic is not None else 0):
            args.append(self.term(ANY, scope, depth - 1))
        return f"{builtin.name}({', '.join(args)})"

    # -- comprehensions, parts

    def comprehension(self, want: Shape, scope: Scope, depth: int) -> str | None:
        if want[0] not in ("arr", "set", "map") or depth < 1:
            return None
        inner = scope.child(bind=True)
        body = self.bodies(inner, depth - 1)
        inner.bind = False
        lines = "; ".join(body)
        if want[0] == "map":
            key = self.term(want[1], inner, 1)
            return f"{{{key}: {self.term(want[2], inner, 1)} | {lines}}}"
        value = self.term(want[1], inner, 1)
        if want[0] == "arr":
            return f"[{value} | {lines}]"
        return f"{{{value} | {lines}}}"

    def picked(self, want: Shape, scope: Scope, depth: int) -> str | None:
        """A part of a composite: `[1, 2][i]`, `{"a": 1}.a`, `object.get(...)`."""
        rng = self.rng
        if depth < 1:
            return None
        if rng.random() < 0.5:
            holder = self.literal(("tup", (want, want)), scope, depth - 1)
            return f"{holder}[{self.inside(NUM, scope, _FIRST)}]"
        holder = self.literal(("obj", (("a", want), ("b", want))), scope, depth - 1)
        return f"{holder}[{self.inside(STR, scope, _NAMES)}]"

    def inside(self, key: Shape, scope: Scope, keys: tuple[str, ...]) -> str:
        """An index that the type checker finds in the keys of a literal."""
        rng = self.rng
        if scope.bind and rng.random() < 0.4:
            name = self.fresh("i")
            scope.pending.append((name, key))
            return name
        found = [name for name, of in scope.vars if of == key and name[0] == "i"]
        return rng.choice(found) if found and rng.random() < 0.3 else rng.choice(keys)

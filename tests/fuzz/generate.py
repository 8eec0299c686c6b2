"""Whole programs, by seed: modules, base documents and input.

A `Program` is kept as statements of lines, so that a failing one can be cut down
line by line.  The same seed and version give the same program.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from typing import TypeAlias

from tests.fuzz.shapes import (
    ANY,
    BOOL,
    NUM,
    STR,
    Shape,
    document,
    element,
    fits,
    from_declared,
    shape,
)
from tests.fuzz.terms import Known, Scope, Terms

#: A head with the literals below it.
Part: TypeAlias = tuple[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A statement: heads with bodies.  `parts`: head and the literals below it."""

    parts: tuple[Part, ...]

    def text(self) -> str:
        out = []
        for head, body in self.parts:
            if not body:
                out.append(head)
                continue
            lines = "\n".join(f"\t{line}" for line in body)
            out.append(f"{head} {{\n{lines}\n}}")
        return " ".join(out)


@dataclass(frozen=True, slots=True)
class Program:
    """`rules` by package, each with the lines of its head."""

    seed: int
    version: int
    packages: tuple[tuple[str, tuple[str, ...], tuple[Rule, ...]], ...]
    data: str
    input: str

    def modules(self) -> dict[str, str]:
        out = {}
        for package, imports, rules in self.packages:
            text = [f"package {package}", *imports, *(rule.text() for rule in rules)]
            out[f"{package}.rego"] = "\n\n".join(text) + "\n"
        return out


@dataclass(slots=True)
class Generator:
    """Makes one program."""

    seed: int
    version: int = 1
    size: int = 5
    rng: random.Random = field(init=False)
    terms: Terms = field(init=False)
    logic: bool = field(init=False)
    keywords: bool = field(init=False)
    imports: list[str] = field(init=False)
    #: Heads as in v1: `if` and `contains` have to be there.
    modern: bool = field(init=False)
    names: int = 0

    def __post_init__(self) -> None:
        self.rng = random.Random(f"{self.version}:{self.seed}")  # noqa: S311
        rng = self.rng
        fields = rng.sample(("a", "b", "c", "d", "e", "f-1", "x"), rng.randint(2, 5))
        roots = {
            root: ("obj", tuple((n, shape(rng, 3, json_only=True)) for n in fields))
            for root in ("input", "data.d")
        }
        self.keywords = self.version == 1 or rng.random() < 0.5
        self.logic = rng.random() < 0.15 and self.version == 1
        self.imports = self.keyword_imports()
        self.modern = self.version == 1 or "import rego.v1" in self.imports
        self.terms = Terms(rng, int(self.modern), roots, member=self.keywords)
        self.terms.bodies = lambda scope, depth: self.body(scope, depth, few=True)

    def program(self) -> Program:
        rng, terms = self.rng, self.terms
        imports = self.imports
        packages = []
        names = ["u", "d.virt"] if rng.random() < 0.4 else ["u"]
        for package in reversed(names):
            rules = [self.rule() for _ in range(rng.randint(2, self.size))]
            if rng.random() < 0.015:
                rules += self.circle()
            here = list(imports)
            if rng.random() < 0.2:
                here.append("import input.a as ia")
            if package == "u" and len(names) > 1 and rng.random() < 0.5:
                here.append("import data.d.virt as w")
                for item in terms.known:
                    item.ref = item.ref.replace("data.d.virt", "w", 1)
            packages.append((package, tuple(here), tuple(rules)))
            prefix = f"data.{package}"
            for item in terms.known:
                if not item.ref.startswith(("data.", "w.")):
                    item.ref = f"{prefix}.{item.ref}"
            if package == "u":
                break
        data = document(rng, terms.roots["data.d"], top=True)
        given = document(rng, terms.roots["input"], wrong=0.03)
        return Program(
            self.seed, self.version, tuple(packages), f'{{"d": {data}}}', given
        )

    def keyword_imports(self) -> list[str]:
        """What brings the keywords, where they have to be brought."""
        rng, out = self.rng, []
        if self.version == 1:
            if rng.random() < 0.1:
                out = rng.choice((["import rego.v1"], ["import future.keywords"]))
        elif self.keywords:
            each = [f"import future.keywords.{k}" for k in ("contains", "every")]
            each += [f"import future.keywords.{k}" for k in ("if", "in")]
            ways = (["import future.keywords"], each, ["import rego.v1"])
            out = rng.choice(ways)
        if self.logic:
            out = [*out, *(f"import future.keywords.{k}" for k in ("and", "or", "not"))]
        return out

    # -- rules

    def circle(self) -> list[Rule]:
        """Rules that depend on themselves."""
        self.names += 1
        names = [f"c{self.names}{end}" for end in "abc"[: self.rng.randint(1, 3)]]
        out = []
        for name, other in zip(names, [*names[1:], names[0]], strict=True):
            form = self.rng.randrange(3)
            if form == 0:
                part: Part = (self.head(f"{name} := v"), (f"v := {other}",))
            elif form == 1:
                part = (self.head(f"{name} := 1"), (f"not {other}.a",))
            else:
                part = (f"{name} := [x | x = {other}[_]]", ())
            out.append(Rule((part,)))
        return out

    def rule(self) -> Rule:
        rng = self.rng
        self.names += 1
        kinds = (
            self.complete, self.complete, self.partial_set, self.partial_object,
            self.function, self.function, self.chain, self.general, self.constant,
            self.builtin_rule, self.builtin_rule, self.builtin_rule,
        )  # fmt: skip
        return _without_unused(rng.choice(kinds)())

    def head(self, text: str, *, body: bool = True) -> str:
        """The head, with `if` where the version (or the taste) wants it."""
        plain = not self.modern and not (self.keywords and self.names % 2)
        if not body or plain:
            return text
        return f"{text} if"

    def eq(self) -> str:
        return ":=" if self.modern else self.rng.choice((":=", "="))

    def add(self, ref: str, of: Shape, args: tuple[Shape, ...] | None = None) -> None:
        self.terms.known.append(Known(ref, of, args))

    def value(self, want: Shape, scope: Scope) -> str:
        scope = scope.child(bind=False)
        return self.terms.term(want, scope, 2)

    def complete(self) -> Rule:
        rng, name = self.rng, f"p{self.names}"
        of = shape(rng, 2)
        parts: list[Part] = []
        if rng.random() < 0.3:
            default = self.terms.literal(of, Scope(bind=False), 0)
            parts.append((f"default {name} := {default}\n", ()))
        for _ in range(rng.choice((1, 1, 1, 2))):
            scope = Scope()
            body = self.body(scope, 3)
            value = self.value(of, scope)
            parts.append((self.head(f"\n{name} {self.eq()} {value}"), tuple(body)))
        self.add(name, of)
        return Rule(tuple(parts))

    def constant(self) -> Rule:
        name, of = f"k{self.names}", shape(self.rng, 3)
        value = self.terms.term(of, Scope(bind=self.rng.random() < 0.2), 3)
        self.add(name, of)
        return Rule(((f"{name} := {value}", ()),))

    def partial_set(self) -> Rule:
        rng, name, of = self.rng, f"s{self.names}", shape(self.rng, 1)
        parts: list[Part] = []
        for _ in range(rng.choice((1, 1, 2))):
            scope = Scope()
            body = self.body(scope, 3)
            value = self.value(of, scope)
            if not self.modern and not (self.keywords and rng.random() < 0.5):
                parts.append((f"\n{name}[{value}]", tuple(body)))
            else:
                parts.append((self.head(f"\n{name} contains {value}"), tuple(body)))
        self.add(name, ("set", of))
        return Rule(tuple(parts))

    def partial_object(self) -> Rule:
        rng, name, of = self.rng, f"o{self.names}", shape(self.rng, 1)
        key = rng.choice((STR, STR, NUM, ("tup", (NUM, STR))))
        parts: list[Part] = []
        for _ in range(rng.choice((1, 1, 2))):
            scope = Scope()
            body = self.body(scope, 3)
            at, value = self.value(key, scope), self.value(of, scope)
            parts.append(
                (self.head(f"\n{name}[{at}] {self.eq()} {value}"), tuple(body))
            )
        self.add(name, ("map", key, of))
        return Rule(tuple(parts))

    def general(self) -> Rule:
        """Refs of several parts in the head."""
        rng, name, of = self.rng, f"g{self.names}", shape(self.rng, 1)
        parts: list[Part] = []
        forms = [0, 1, 2, 3, 4]
        if self.modern or self.keywords:
            forms = [0, 1, 2, 3, 4, 5, 6, 7]
        usual = rng.choice(forms)
        for _ in range(rng.choice((1, 2, 2))):
            scope = Scope()
            body = self.body(scope, 3)
            first, second = self.value(STR, scope), self.value(STR, scope)
            value = self.value(of, scope)
            third = self.value(NUM, scope)
            heads = (
                f"{name}[{first}][{second}] := {value}",
                f"{name}.a[{first}] := {value}",
                f"{name}.b.c := {value}",
                f"{name}[{first}].x[{second}] := {value}",
                f"{name}[{first}][{second}][{third}] := {value}",
                f"{name}[{first}] contains {value}",
                f"{name}.s[{first}].t contains {value}",
                f"{name}.q[{first}][{third}] contains {value}",
            )
            head = heads[usual if rng.random() < 0.85 else rng.choice(forms)]
            parts.append((self.head(f"\n{head}"), tuple(body)))
        below: Shape = ("map", STR, of)
        shapes: tuple[Shape, ...] = (
            ("map", STR, below),
            ("obj", (("a", below),)),
            ("obj", (("b", ("obj", (("c", of),))),)),
            ("map", STR, ("obj", (("x", below),))),
            ("map", STR, ("map", STR, ("map", NUM, of))),
            ("map", STR, ("set", of)),
            ("obj", (("s", ("map", STR, ("obj", (("t", ("set", of)),)))),)),
            ("obj", (("q", ("map", STR, ("map", NUM, ("set", of)))),)),
        )
        self.add(name, shapes[usual])
        return Rule(tuple(parts))

    def chain(self) -> Rule:
        rng, name, of = self.rng, f"e{self.names}", shape(self.rng, 1)
        parts: list[Part] = []
        for index in range(rng.randint(2, 4)):
            scope = Scope()
            body = self.body(scope, 2)
            value = self.value(of, scope)
            head = f"{name} {self.eq()} {value}" if not index else f"else := {value}"
            parts.append((self.head(head), tuple(body)))
        if rng.random() < 0.4:
            parts.append((f"else := {self.value(of, Scope())}", ()))
        self.add(name, of)
        return Rule(tuple(parts))

    def function(self) -> Rule:
        rng, name, of = self.rng, f"f{self.names}", shape(self.rng, 1)
        args = tuple(shape(rng, 2) for _ in range(rng.choice((1, 1, 2, 2, 3))))
        parts: list[Part] = []
        if rng.random() < 0.2:
            value = self.terms.literal(of, Scope(bind=False), 0)
            blanks = ", ".join("_" for _ in args)
            parts.append((f"default {name}({blanks}) := {value}\n", ()))
        for _ in range(rng.choice((1, 1, 2, 3))):
            scope = Scope()
            patterns = [self.pattern(arg, scope, 2) for arg in args]
            given = scope.child()
            body = self.body(scope, 2)
            value = self.value(of, scope)
            head = f"\n{name}({', '.join(patterns)}) {self.eq()} {value}"
            parts.append((self.head(head), tuple(body)))
            if rng.random() < 0.3:
                parts.append((f"else := {self.value(of, given)}", ()))
        self.add(name, of, args)
        return Rule(tuple(parts))

    def builtin_rule(self) -> Rule:
        """A set of what builtins make of operands."""
        rng, name = self.rng, f"b{self.names}"
        scope = Scope()
        body = self.body(scope, 2, few=True) if rng.random() < 0.4 else []
        builtin = rng.choice(self.terms.builtins)
        call = self.terms.builtin(builtin, scope, 2)
        assert builtin.result is not None
        self.add(name, from_declared(builtin.result, rng))
        return Rule(((self.head(f"{name} := v"), (*body, f"v := {call}")),))

    # -- bodies

    def body(self, scope: Scope, depth: int, *, few: bool = False) -> list[str]:
        count = self.rng.choice((1, 1, 2)) if few else self.rng.choice((1, 2, 2, 3, 4))
        out = []
        for _ in range(count):
            out.append(self.line(scope, depth))
            scope.commit()
        return out

    def line(self, scope: Scope, depth: int) -> str:
        rng = self.rng
        ways = [
            self.assign, self.assign, self.unify, self.unify, self.compare, self.some_in,
            self.some_in, self.some_ref, self.some_ref, self.every, self.negate, self.mocked,
            self.walks, self.matches,
        ]  # fmt: skip
        if self.logic:
            ways += [self.logical, self.logical]
        return rng.choice(ways)(scope, depth)

    def assign(self, scope: Scope, depth: int) -> str:
        of = shape(self.rng, 2)
        value = self.terms.term(of, scope, depth)
        name = self.terms.fresh()
        scope.vars.append((name, of))
        return f"{name} := {value}"

    def unify(self, scope: Scope, depth: int) -> str:
        of = shape(self.rng, 2)
        value = self.terms.term(of, scope, depth)
        sides = [self.pattern(of, scope, 2), value]
        self.rng.shuffle(sides)
        return " = ".join(sides)

    def matches(self, scope: Scope, depth: int) -> str:
        """Patterns on both sides of a unification."""
        of = shape(self.rng, 2)
        value = self.terms.literal(of, scope, depth)
        return f"{self.pattern(of, scope, 3)} = {value}"

    def pattern(self, of: Shape, scope: Scope, depth: int) -> str:
        """A term with fresh variables for parts of a type."""
        rng = self.rng
        open_ended = of[0] == "arr" and rng.random() < 0.96
        if (
            depth <= 0
            or open_ended
            or of[0] not in ("tup", "obj", "arr")
            or rng.random() < 0.4
        ):
            chance = rng.random()
            if chance < 0.6:
                name = self.terms.fresh()
                scope.vars.append((name, of))
                return name
            if chance < 0.7:
                return "_"
            if chance < 0.85:
                found = [name for name, have in scope.vars if fits(have, of)]
                if found:
                    return rng.choice(found)
            if of[0] in ("num", "str", "bool", "null"):
                return self.terms.literal(of, Scope(bind=False), 0)
            return "_"
        if of[0] == "obj":
            pairs = [
                f'"{name}": {self.pattern(item, scope, depth - 1)}'
                for name, item in of[1]
            ]
            return f"{{{', '.join(pairs)}}}"
        items = of[1] if of[0] == "tup" else [of[1]] * rng.randint(1, 3)
        return f"[{', '.join(self.pattern(item, scope, depth - 1) for item in items)}]"

    def compare(self, scope: Scope, depth: int) -> str:
        if self.rng.random() < 0.3:
            return self.terms.term(BOOL, scope, depth)
        return self.terms.condition(scope, depth)

    def collection(self, scope: Scope, depth: int) -> tuple[str, Shape]:
        rng = self.rng
        of = shape(rng, 1)
        of = rng.choice((("arr", of), ("set", of), ("map", STR, of), ("arr", of)))
        return self.terms.term(of, scope, depth), of

    def some_in(self, scope: Scope, depth: int) -> str:
        if not self.keywords:
            return self.some_ref(scope, depth)
        rng = self.rng
        made, of = self.collection(scope, depth)
        key, value = element(of, rng)
        if rng.random() < 0.25 and value[0] in ("tup", "obj"):
            right = self.pattern(value, scope, 1)
        else:
            right = self.terms.fresh()
            scope.vars.append((right, value))
        if rng.random() < 0.4:
            name = self.terms.fresh()
            scope.vars.append((name, key))
            return f"some {name}, {right} in {made}"
        return f"some {right} in {made}"

    def some_ref(self, scope: Scope, depth: int) -> str:
        """A ref with a fresh variable in it, alone or compared."""
        made, of = self.collection(scope, depth)
        name = made if made.replace("_", "a").isalnum() else self.terms.fresh()
        first = "" if name == made else f"{name} := {made}; "
        key, value = element(of, self.rng)
        index, into = self.terms.fresh(), self.terms.fresh()
        scope.vars += [(index, key), (into, value)]
        declare = f"some {index}; " if self.rng.random() < 0.3 else ""
        sign = self.rng.choice(("=", ":="))
        return f"{first}{declare}{into} {sign} {name}[{index}]"

    def every(self, scope: Scope, depth: int) -> str:
        if not self.keywords or depth < 1:
            return self.compare(scope, depth)
        outer = scope.child(bind=False)
        made, of = self.collection(outer, depth - 1)
        key, value = element(of, self.rng)
        inner = scope.child(bind=True)
        name = self.terms.fresh()
        inner.vars.append((name, value))
        names = name
        if self.rng.random() < 0.4:
            at = self.terms.fresh()
            inner.vars.append((at, key))
            names = f"{at}, {name}"
        lines = self.body(inner, depth - 1, few=True)
        if not any(re.search(rf"\b{name}\b", line) for line in lines):
            sign = self.rng.choice(("!=", ">=", "=="))
            lines.append(
                f"{name} {sign} {self.terms.term(value, inner.child(bind=False), 1)}"
            )
        body = "; ".join(lines)
        return f"every {names} in {made} {{ {body} }}"

    def negate(self, scope: Scope, depth: int) -> str:
        inner = scope.child(bind=False)
        if self.rng.random() < 0.4:
            test = self.terms.term(BOOL, inner, depth)
        else:
            test = self.terms.condition(inner, depth)
        return f"not ({test})" if test.startswith("{") else f"not {test}"

    def mocked(self, scope: Scope, depth: int) -> str:
        """A literal with replaced documents or functions."""
        rng, terms = self.rng, self.terms
        outer = scope.child(bind=False)
        line = (
            self.assign(scope, depth)
            if rng.random() < 0.7
            else self.compare(scope, depth)
        )
        for _ in range(rng.choice((1, 1, 2))):
            choice = rng.randrange(5)
            made = [item for item in terms.known if item.args is None]
            functions = [item for item in terms.known if item.args is not None]
            if choice == 0:
                line += f" with input as {terms.term(ANY, outer, 1)}"
            elif choice == 1:
                root = rng.choice(("input", "data.d"))
                name, of = rng.choice(terms.roots[root][1])
                part = f".{name}" if "-" not in name else f'["{name}"]'
                line += f" with {root}{part} as {terms.term(of, outer, 1)}"
            elif choice == 2 and made:
                item = rng.choice(made)
                ref = item.ref if item.ref.startswith(("data.", "w.")) else None
                if ref is not None:
                    line += f" with {ref} as {terms.term(item.of, outer, 1)}"
            elif choice == 3 and functions:
                item = rng.choice(functions)
                line += f" with {item.ref} as {terms.term(item.of, outer, 1)}"
            else:
                builtin = rng.choice(terms.builtins)
                if builtin.name in ("plus", "minus", "eq") or builtin.infix:
                    continue
                of = from_declared(builtin.result, rng) if builtin.result else ANY
                same = [
                    item.ref
                    for item in functions
                    if item.args and len(item.args) == builtin.arity
                ]
                value = rng.choice(same) if same and rng.random() < 0.5 else None
                line += f" with {builtin.name} as {value or terms.term(of, outer, 1)}"
        return line

    def walks(self, scope: Scope, depth: int) -> str:
        if self.rng.random() < 0.6:
            return self.compare(scope, depth)
        made, _ = self.collection(scope, depth - 1)
        path, value = self.terms.fresh(), self.terms.fresh()
        scope.vars += [(path, ("arr", ANY)), (value, ANY)]
        if self.rng.random() < 0.3:
            return f"walk({made}, [[_, {path}], {value}])"
        return f"walk({made}, [{path}, {value}])"

    def logical(self, scope: Scope, depth: int) -> str:
        inner = scope.child(bind=False)
        sides = []
        for _ in range(self.rng.randint(2, 3)):
            side = self.terms.condition(inner, depth - 1)
            if side.startswith("{"):
                side = f"({side})"
            if self.rng.random() < 0.3:
                side = f"not {side}"
            elif self.rng.random() < 0.3:
                side = (
                    f"{{ {'; '.join(self.body(scope.child(), depth - 1, few=True))} }}"
                )
            sides.append(side)
        return f" {self.rng.choice(('and', 'or'))} ".join(sides)


_DECLARED = re.compile(r"\b(?:some|every) ([^;\n]*? in )")


def _without_unused(rule: Rule) -> Rule:
    """The rule with a wildcard for each variable that is declared but not used."""
    text = rule.text()
    unused = set()
    for declared in _DECLARED.findall(text):
        for name in re.findall(r"\bv\d+\b", declared):
            if len(re.findall(rf"\b{name}\b", text)) == 1:
                unused.add(name)
    if not unused:
        return rule
    names = re.compile(rf"\b(?:{'|'.join(sorted(unused))})\b")
    return Rule(
        tuple(
            (names.sub("_", head), tuple(names.sub("_", line) for line in body))
            for head, body in rule.parts
        )
    )


def generate(seed: int, version: int = 1) -> Program:
    """The program of a seed."""
    return Generator(seed, version).program()

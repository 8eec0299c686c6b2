"""Types that the generator thinks in, and random documents of them.

A type is a tuple whose first item names it:

    ("num",) ("str",) ("bool",) ("null",) ("any",)
    ("arr", T)  ("set", T)  ("tup", (T, ...))  ("map", K, V)  ("obj", ((name, T), ...))

Documents are JSON texts, so that the spelling of numbers is part of them.
"""

from __future__ import annotations

import json
import random
from typing import Any, Final, TypeAlias

from gatewright.builtins import types as declared
from tests.fuzz.operands import POOLS

Shape: TypeAlias = tuple[Any, ...]

NUM: Final[Shape] = ("num",)
STR: Final[Shape] = ("str",)
BOOL: Final[Shape] = ("bool",)
NULL: Final[Shape] = ("null",)
ANY: Final[Shape] = ("any",)
SCALARS: Final = (NUM, NUM, NUM, STR, STR, STR, BOOL, NULL)

NUMBERS: Final = (
    "0", "1", "1", "2", "2", "3", "4", "5", "7", "-1", "-2", "10", "1.0", "2.0", "1e0",
    "1e2", "1E2", "0.5", "1.5", "2.50", "-0.5", "0.1", "0.2", "1e-7", "100", "1000000",
    "1000000.5", "9007199254740993", "18446744073709551615", "18446744073709551616",
    "100000000000000000000", "-9223372036854775808", "9223372036854775807", "1e19", "0.0",
    "-0", "3.14159265358979323846", "1e21", "12345678901234567890.5", "123456789.125",
)  # fmt: skip
FIELDS: Final = ("a", "b", "c", "d", "name", "k-1", "x y", "é", "1", "if")


def number(rng: random.Random) -> str:
    """A number; small ones mostly, so that values meet."""
    if rng.random() < 0.6:
        return str(rng.randint(0, 4))
    return rng.choice(NUMBERS)


def text(rng: random.Random) -> str:
    """A string as source text, quotes included (also good as JSON)."""
    if rng.random() < 0.6:
        return json.dumps(rng.choice(("a", "b", "c", "foo", "1", "")))
    return f'"{rng.choice(POOLS["text"])}"'


def shape(rng: random.Random, depth: int, *, json_only: bool = False) -> Shape:
    """A random type."""
    if depth <= 0 or rng.random() < 0.3:
        return rng.choice(SCALARS)
    kind = rng.choice(("arr", "arr", "map", "obj", "obj", "tup", "set"))
    if json_only and kind == "set":
        kind = "arr"
    below = [shape(rng, depth - 1, json_only=json_only) for _ in range(3)]
    if kind == "map":
        if json_only or rng.random() < 0.7:
            return ("map", STR, below[0])
        return ("map", shape(rng, 1), below[0])
    if kind == "obj":
        names = rng.sample(FIELDS, rng.randint(1, 3))
        return ("obj", tuple(zip(names, below, strict=False)))
    if kind == "tup":
        return ("tup", tuple(below[: rng.randint(1, 3)]))
    return (kind, below[0])


def document(
    rng: random.Random, of: Shape, *, wrong: float = 0.04, top: bool = False
) -> str:
    """JSON text of a value of a type; now and then of another one, but not at `top`."""
    if not top and rng.random() < wrong:
        of = shape(rng, 1, json_only=True)
    kind = of[0]
    if kind == "num":
        return number(rng)
    if kind == "str":
        return text(rng)
    if kind == "bool":
        return rng.choice(("true", "false"))
    if kind == "null":
        return "null"
    if kind == "arr":
        items = [document(rng, of[1], wrong=wrong) for _ in range(rng.randint(0, 4))]
        return f"[{', '.join(items)}]"
    if kind == "tup":
        return f"[{', '.join(document(rng, item, wrong=wrong) for item in of[1])}]"
    if kind == "map":
        names = sorted({rng.choice(FIELDS) for _ in range(rng.randint(0, 4))})
        pairs = [f"{json.dumps(n)}: {document(rng, of[2], wrong=wrong)}" for n in names]
        return f"{{{', '.join(pairs)}}}"
    if kind == "obj":
        pairs = [
            f"{json.dumps(name)}: {document(rng, item, wrong=wrong)}"
            for name, item in of[1]
            if rng.random() > wrong
        ]
        return f"{{{', '.join(pairs)}}}"
    return document(rng, shape(rng, 1, json_only=True), wrong=wrong)


def fits(have: Shape, want: Shape) -> bool:
    """Whether a value of one type does where another is wanted."""
    if want == ANY or have == want:
        return True
    if have[0] == "tup" and want[0] == "arr":
        return all(fits(item, want[1]) for item in have[1])
    if have[0] == "obj" and want[0] == "map":
        return fits(STR, want[1]) and all(fits(item, want[2]) for _, item in have[1])
    if have[0] != want[0]:
        return False
    if have[0] in ("arr", "set"):
        return fits(have[1], want[1])
    if have[0] == "map":
        return fits(have[1], want[1]) and fits(have[2], want[2])
    return False


def element(of: Shape, rng: random.Random) -> tuple[Shape, Shape]:
    """Types of the keys and of the values of a collection."""
    kind = of[0]
    if kind == "arr":
        return NUM, of[1]
    if kind == "set":
        return of[1], of[1]
    if kind == "map":
        return of[1], of[2]
    if kind == "tup":
        return NUM, rng.choice(of[1])
    if kind == "obj":
        return STR, rng.choice(of[1])[1]
    return ANY, ANY


def from_declared(of: declared.Type, rng: random.Random) -> Shape:
    """The type for one of a builtin's declaration."""
    if isinstance(of, declared.ScalarType):
        return {"number": NUM, "string": STR, "boolean": BOOL}.get(of.name, NULL)
    if isinstance(of, declared.AnyType):
        return from_declared(rng.choice(of.of), rng) if of.of else ANY
    if isinstance(of, declared.ArrayType):
        if of.static:
            return ("tup", tuple(from_declared(item, rng) for item in of.static))
        return ("arr", ANY if of.dynamic is None else from_declared(of.dynamic, rng))
    if isinstance(of, declared.SetType):
        return ("set", from_declared(of.of, rng))
    if isinstance(of, declared.ObjectType):
        if of.static:
            return (
                "obj",
                tuple((str(key), from_declared(item, rng)) for key, item in of.static),
            )
        if of.dynamic is None:
            return ("map", ANY, ANY)
        key, value = of.dynamic
        return ("map", from_declared(key, rng), from_declared(value, rng))
    return ANY

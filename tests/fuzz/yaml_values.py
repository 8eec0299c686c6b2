"""Values to print as YAML: texts that need quotes, blocks or escapes, keys in odd
orders, numbers at the edges, empty things inside things."""

from __future__ import annotations

import random
from typing import Any

from tests.fuzz.mutations import mutated
from tests.fuzz.yaml_texts import document

__all__ = ["BUILTINS", "call"]

BUILTINS = {"yaml.marshal": 1}
_TEXTS = (
    "", "a", " ", "  a", "a ", "a\n", "\na", "a\n\n", "a\nb", "a\n b", " a\nb", "a\n\n\nb\n", "\n",
    "\n\n", "a\tb", "\ta", "a\t", "a\n\tb", "true", "Yes", "no", "null", "~", "1", "1.0", "0x1f",
    "1e3", "1_0", ".5", "-", "--", "---", "...", "- a", "-a", "?", "? a", "?a", ":", ": a", ":a",
    "a:", "a: b", "a:b", "#", "# a", "a #b", "a#b", "&a", "*a", "!a", "|", ">", "'", '"', "'a'",
    '"a"', "it's", 'a"b', "%a", "@a", "`a", "[", "]", "{", "}", ",", "[a]", "{a: b}", "a,b", "a, b",
    "\\", "a\\b", "\x00", "\x07", "\x1b", "\x7f", "\x85", "\xa0", "\u2028", "\u2029", "\ufeff",
    "\ufffe", "\uffff", "😀", "é", "日本", "a\u2028b", "a\x85b", "a\r", "a\rb", "a\r\nb", "=", "<<",
    "2020-01-02", "2020-01-02T03:04:05Z", "12:30", "12:30:45", "1:2", "0o7", "07", "08", "0b1",
    "+1", "+.inf", ".nan", ".NaN", "1e", "e1", "1,000", "a  b", "a " + "b" * 100, "ab " * 40,
    "x" * 90, "ab " * 40 + "\n" + "cd " * 40, "'" + "ab " * 40, ": " + "ab " * 40, " " * 90,
    "18446744073709551616", "-9223372036854775809", "123456789012345678901234567890", "-0", "_1",
    "a: |", "key:\n  - x", "on", "OFF", "y", "N", "NULL", "True", "\u0301", "a\u0301", "  ", "\n ",
)  # fmt: skip
_NUMBERS = (
    0, 1, -1, 1.5, -0.0, 1e3, 1e6, 999999.0, 1234567.5, 1e20, 1e21, 1e22, 1.5e-7, 0.0001, 0.00001,
    2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63), -(2**63) - 1, 10**25, 1e308, 5e-324,
    123456789.125, 100000.0, 0.1, 3.0,
)  # fmt: skip
_KEYS = (
    "a",
    "b",
    "a1",
    "a2",
    "a10",
    "A",
    "_",
    "1",
    "10",
    "9",
    "a-b",
    "a.b",
    "é",
    "",
    "a b",
    "true",
)


def _text(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.75:
        return rng.choice(_TEXTS)
    if kind < 0.9:
        return mutated(
            rng.choice(_TEXTS) + rng.choice(("", "\n", " ")) + rng.choice(_TEXTS), rng
        )
    return document(rng)


def _key(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.6:
        return rng.choice(_KEYS)
    if kind < 0.8:
        return (
            rng.choice(("a", "b", "-", "x"))
            + str(rng.randint(0, 120))
            + rng.choice(("", "b", "-"))
        )
    return _text(rng)


def _value(rng: random.Random, depth: int) -> Any:
    kind = rng.random()
    if depth and kind < 0.2:
        return [_value(rng, depth - 1) for _ in range(rng.randint(0, 3))]
    if depth and kind < 0.5:
        return {_key(rng): _value(rng, depth - 1) for _ in range(rng.randint(0, 4))}
    if kind < 0.6:
        return rng.choice((None, True, False, [], {}))
    if kind < 0.7:
        return rng.choice(_NUMBERS)
    return _text(rng)


def call(rng: random.Random) -> tuple[str, list[Any]]:
    """A call of `yaml.marshal`."""
    return "yaml.marshal", [_value(rng, 3)]

"""`regex.match` matches what RE2 says it matches."""

from __future__ import annotations

import random

import pytest
import re2

from gatewright.engine.policy import compile_policy

PIECES = (
    *"abc01-_./: ",
    *(".", r"\d", r"\w", r"\s", r"\.", r"\D", r"\W", r"\S", r"\n", r"\-", r"\/"),
    *("[a-c]", "[^a]", "[0-9a]", "[]a]", "[^]b]", "[a-]", "[-b]", "[.]", r"[\d_]"),
    *(r"[^\w]", r"[a\-c]", r"[\s\S]", "[+._-]", "[^^]", "[a^]"),
)
REPEATS = (
    *("*", "+", "?", "{2}", "{0,2}", "{1,3}", "{2,}", "{0}", "{0,}", "{,2}", "*?"),
    *("{3,2}", "{1,1}", "+*"),
)


def atom(choose: random.Random, depth: int) -> str:
    if choose.random() < 0.65 or depth > 3:
        return choose.choice(PIECES)
    group = choose.choice(("", "?:", ""))
    return f"({group}{alternatives(choose, depth + 1)})"


def sequence(choose: random.Random, depth: int) -> str:
    parts = []
    for _ in range(choose.randrange(4)):
        parts.append(atom(choose, depth))
        if choose.random() < 0.4:
            parts.append(choose.choice(REPEATS))
    return "".join(parts)


def alternatives(choose: random.Random, depth: int) -> str:
    return "|".join(
        sequence(choose, depth) for _ in range(choose.choice((1, 1, 1, 2, 3)))
    )


def whole(choose: random.Random) -> str:
    return "|".join(
        choose.choice(("", "^", "^"))
        + sequence(choose, 0)
        + choose.choice(("", "$", "$"))
        for _ in range(choose.choice((1, 1, 1, 2)))
    )


@pytest.mark.parametrize("seed", range(4))
def test_random_patterns_agree_with_re2(seed: int) -> None:
    choose = random.Random(seed)  # noqa: S311 - repeatable
    options = re2.Options()
    options.log_errors = False
    pairs = []
    wanted = []
    for _ in range(400):
        pattern = whole(choose)
        try:
            compiled = re2.compile(pattern, options)
        except re2.error:
            continue
        for _ in range(4):
            size = choose.randrange(9)
            text = "".join(choose.choice("aabbc01-_./: \né") for _ in range(size))
            pairs.append([pattern, text])
            wanted.append(compiled.search(text) is not None)
    policy = compile_policy(
        {"p.rego": "package p\na := [regex.match(x[0], x[1]) | some x in input]"}
    )
    found = policy.evaluate("data.p.a", input=pairs)

    wrong = [p for p, f, w in zip(pairs, found, wanted, strict=True) if f is not w]
    assert wrong == []
    assert len(pairs) > 800

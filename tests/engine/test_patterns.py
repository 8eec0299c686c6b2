"""Patterns that need no library: they match what RE2 says they match."""

from __future__ import annotations

import random

import pytest
import re2

from gatewright._native.pattern import matches
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


@pytest.mark.parametrize("seed", range(8))
def test_random_patterns_agree_with_re2(seed: int) -> None:
    choose = random.Random(seed)  # noqa: S311 - repeatable
    options = re2.Options()
    options.log_errors = False
    ours = 0
    for _ in range(1500):
        pattern = whole(choose)
        for _ in range(4):
            size = choose.randrange(9)
            text = "".join(choose.choice("aabbc01-_./: \n") for _ in range(size))
            found = matches(pattern.encode(), text.encode())
            if found is None:
                continue
            ours += 1
            wanted = re2.compile(pattern, options).search(text) is not None
            assert found is wanted, f"{pattern!r} on {text!r}"

    assert ours > 4000


@pytest.mark.parametrize(
    "pattern",
    ["(?i)a", r"\bword", "[[:alpha:]]", "é", "a**", "(", ")", "a{1001}", "[b-a]",
     r"\pL", "a$b", "x*^", "[a", "a{2", r"\Qa\E", "(?P<n>a)", "\\", "a{300}"],
)  # fmt: skip
def test_what_is_left_to_re2(pattern: str) -> None:
    assert matches(pattern.encode(), b"a") is None


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"^[0-9]+(\.[0-9]+)?(m|Mi|Gi)?$", "128Mi", True),
        (r"^[0-9]+(\.[0-9]+)?(m|Mi|Gi)?$", "128Mib", False),
        ("^a{100}b{100}$", "a" * 100 + "b" * 100, True),
        ("^a{100}b{100}$", "a" * 100 + "b" * 99, False),
        ("(a|b)*c$", "ab" * 500 + "c", True),
        ("(a*)*b", "a" * 5000, False),
        ("", "", True),
        ("^$", "", True),
        ("^$", "a", False),
        ("$", "a", True),
    ],
)
def test_cases(pattern: str, text: str, found: bool) -> None:
    assert matches(pattern.encode(), text.encode()) is found


def test_both_ways_in_one_policy() -> None:
    """Patterns of the policy and of its input, of ASCII and beyond."""
    policy = compile_policy(
        {
            "p.rego": r"""package p
            a := [regex.match(`^[a-z]+$`, x) | some x in input.texts]
            b := [regex.match(`^.$`, x) | some x in input.texts]
            c := [regex.match(y, "abc") | some y in input.patterns]
            d := regex.match(`(`, "abc")
            """
        }
    )
    given = {"texts": ["abc", "aé", "é", "", "A"], "patterns": ["^a", "^b", "("]}

    assert policy.evaluate("data.p", input=given) == {
        "a": [True, False, False, False, False],
        "b": [False, False, True, False, True],
        "c": [True, False],
    }

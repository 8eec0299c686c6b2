"""Patterns as automata: what they match is what RE2 matches."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright.engine.library.dfa import (
    AT_END,
    DEAD,
    NOW,
    Tables,
    Unsupported,
    compile_tables,
)
from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.re2 import compile_pattern
from gatewright.engine.policy import compile_policy

CASES = yaml.safe_load((Path(__file__).parent / "dfa.yaml").read_text())
ATOMS = (
    *("a", "b", "ab", ".", "[ab]", "[^a]", r"\d", r"\w", r"\W", "^", "$", "(a|b)"),
    *("(?:ab|b)", "é", "[a-é]", r"\.", "(?i:aB)", "(?i)k", "[[:alpha:]]", "x{2}"),
    *("[^é]", r"\s", "(?s:.)", r"\x41", r"\A", r"\z", "[0-9a-f]{2,}", r"\Qa.b\E", ""),
    *("|", "(", ")", "😀", "[😀-😂]", r"\/", "{", "a{,2}", "[^[:^digit:]]", "(?P<n>a)"),
)
REPEATS = ("", "", "", "*", "+", "?", "*?", "{2}", "{0,3}")
PATTERNS = st.lists(
    st.tuples(st.sampled_from(ATOMS), st.sampled_from(REPEATS)).map("".join), max_size=5
).map("".join)
TEXTS = st.text("abxAB1.é😀k\u212a\n /{-", max_size=8)


def matches(tables: Tables, text: bytes) -> bool:
    """Run an automaton as the native evaluator does."""
    following = struct.unpack(f"<{len(tables.next) // 2}H", tables.next)
    state = 0
    for byte in text:
        if tables.flags[state] & (NOW | DEAD):
            return bool(tables.flags[state] & NOW)
        state = following[state * tables.width + tables.classes[byte]]
    return bool(tables.flags[state] & (NOW | AT_END))


@settings(max_examples=400, deadline=None)
@given(pattern=PATTERNS, texts=st.lists(TEXTS, min_size=3, max_size=6))
def test_agrees_with_re2(pattern: str, texts: list[str]) -> None:
    """An automaton is made of good patterns only, and matches what RE2 matches."""
    try:
        tables = compile_tables(pattern)
    except Unsupported:
        return
    try:
        real = compile_pattern(pattern)
    except BuiltinError:
        assert pattern.count("(?P<n>") > 1, "refused by RE2, though not for its groups"
        return
    for text in texts:
        assert real.test(text.encode()) == matches(tables, text.encode()), text


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["pattern"])
def test_left_to_re2(case: dict[str, Any]) -> None:
    """What the automaton does not handle, or is too much work, is given up."""
    with pytest.raises(Unsupported, match=case["why"]):
        compile_tables(case["pattern"])


def test_native_answers() -> None:
    """By automaton, by RE2, and with errors: `regex.match` in a policy."""
    policy = compile_policy(
        {
            "a.rego": r"""package p
            plain := regex.match("^a+$", input.x)
            boundary := regex.match(`\bfoo`, "a foo")
            twice := [regex.match("b", "abc"), regex.match("b", "ac")]
            bad := regex.match("(", "x")
            """
        }
    )
    collected: list[Any] = []

    got = policy.evaluate("data.p", input={"x": "aaa"}, collected=collected)

    assert {"plain": True, "boundary": True, "twice": [True, False]} == got
    assert [
        "a.rego:5: eval_builtin_error: regex.match: error parsing regexp: missing closing ): `(`"
    ] == [str(error) for error in collected]


FOLDING = (r"\w", r"[\w]", r"\W", r"[^\w]", r"[\W]", "[[:word:]]", "[[:^alpha:]]", "s")


@pytest.mark.parametrize("atom", FOLDING)
def test_classes_fold_as_in_re2(atom: str) -> None:
    """Kelvin and long s are letters where case does not count, in classes too."""
    pattern = f"(?i)^{atom}$"
    real = compile_pattern(pattern)
    try:
        tables = compile_tables(pattern)
    except Unsupported:
        return
    for text in ("\u212a", "\u017f", "k", "é", "-"):
        assert real.test(text.encode()) == matches(tables, text.encode()), text

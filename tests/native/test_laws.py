"""Laws of values, on random ones: round trips, order, sets, arithmetic."""

from __future__ import annotations

import functools
import itertools
import json
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright._native import builtin
from gatewright._native.core import UNDEFINED, Doc, Number, Set, compare_python

INTS = st.one_of(st.integers(-30, 30), st.integers(), st.integers(-(2**61), 2**61))
NUMBERS = st.one_of(
    INTS,
    st.builds(
        lambda a, b, e: Number(f"{a}.{b}e{e}"),
        st.integers(-20, 20),
        st.integers(0, 100),
        st.integers(-6, 6),
    ),
)
TEXTS = st.one_of(
    st.sampled_from(["", "a", "b", "ab", "é", "😀"]), st.text(max_size=40)
)
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), INTS, TEXTS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=20)
    ),
    max_leaves=30,
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(TEXTS, inner, max_size=4),
        st.builds(Set, st.lists(inner, max_size=4)),
    ),
    max_leaves=20,
)
few = settings(max_examples=150, deadline=None)


@few
@given(JSON)
def test_json_reads_and_writes_as_pythons(value: object) -> None:
    data = json.dumps(value).encode()

    assert Doc.parse(data).python() == value
    assert json.loads(Doc.from_python(value).json()) == value
    assert Doc.parse(json.dumps(value, ensure_ascii=False).encode()).python() == value


@few
@given(VALUES)
def test_terms_read_as_written(value: object) -> None:
    doc = Doc.from_python(value)
    again = Doc.parse(doc.term_text(), term=True)

    assert again == doc
    assert again.term_text() == doc.term_text()
    assert Doc.from_python(doc.python()).term_text() == doc.term_text()


@few
@given(st.lists(VALUES, max_size=6))
def test_the_order_is_total(values: list[object]) -> None:
    for a in values:
        assert compare_python(a, a) == 0
        for b in values:
            assert compare_python(a, b) == -compare_python(b, a)
    ordered = sorted(values, key=functools.cmp_to_key(compare_python))
    for i, a in enumerate(ordered):
        assert all(compare_python(a, b) <= 0 for b in ordered[i:])

    assert builtin.call("sort", values) == ordered


@few
@given(st.lists(VALUES, max_size=30))
def test_a_set_has_each_member_once(values: list[object]) -> None:
    members = list(Set(values))

    assert all(compare_python(a, b) < 0 for a, b in itertools.pairwise(members))
    assert all(
        builtin.call("internal.member_2", value, Set(values)) for value in values
    )


@few
@given(st.lists(st.tuples(TEXTS, INTS), max_size=40), TEXTS)
def test_objects_are_found_in_as_dicts(pairs: list[tuple[str, int]], key: str) -> None:
    text = "{" + ",".join(f"{json.dumps(k)}:{v}" for k, v in pairs) + "}"
    doc = Doc.parse(text.encode())
    want = dict(pairs)

    assert doc.get_python(key) == want.get(key, UNDEFINED)
    assert {k: doc.get_python(k) for k in want} == want
    assert doc.python() == want


@few
@given(NUMBERS, NUMBERS)
def test_numbers_compare_by_value(a: int | Number, b: int | Number) -> None:
    x, y = (Fraction(n.text if isinstance(n, Number) else n) for n in (a, b))

    assert compare_python(a, b) == (x > y) - (x < y)


@few
@given(INTS, INTS)
def test_integers_are_exact(a: int, b: int) -> None:
    assert builtin.call("plus", a, b) == a + b
    assert builtin.call("minus", a, b) == a - b
    assert builtin.call("mul", a, b) == a * b
    assert builtin.call("sum", [a, b, a]) == a + b + a
    if b:
        assert builtin.call("rem", a, b) == (abs(a) % abs(b)) * (-1 if a < 0 else 1)
        if abs(a) < 2**40:
            assert builtin.call("div", a * b, b) == a or abs(a * b) >= 2**63


@few
@given(st.lists(VALUES, max_size=5), st.lists(VALUES, max_size=5))
def test_sets_combine(a: list[object], b: list[object]) -> None:
    x, y = Set(a), Set(b)
    both = builtin.call("and", x, y)
    either = builtin.call("or", x, y)

    assert either == Set(a + b)
    assert builtin.call("minus", either, y) == builtin.call("minus", x, y)
    assert len(both) + len(either) == len(x) + len(y)
    assert builtin.call("union", Set([x, y])) == either
    assert builtin.call("intersection", Set([x, y])) == (
        both if len(Set([x, y])) else x
    )


@few
@given(TEXTS, TEXTS, st.integers(0, 20), st.integers(0, 20))
def test_strings_are_code_points(text: str, part: str, start: int, size: int) -> None:
    assert builtin.call("count", text) == len(text)
    assert builtin.call("contains", text, part) == (part in text)
    assert builtin.call("startswith", text, part) == text.startswith(part)
    assert builtin.call("substring", text, start, size) == text[start : start + size]
    assert builtin.call("strings.reverse", text) == text[::-1]
    if part:
        assert builtin.call("split", text, part) == text.split(part)
        assert builtin.call("replace", text, part, "x") == text.replace(part, "x")
        assert builtin.call("indexof", text, part) == text.find(part)
        assert builtin.call("concat", part, text.split(part)) == text

"""Queries, terms and refs read on their own; the texts of errors."""

from __future__ import annotations

import pytest

from gatewright.rego import errors, order, parser, printer
from gatewright.rego.errors import RegoErrors


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("x := 1", "assign(x, 1)"),
        ("x = 1", "x = 1"),
        ("data.a.p; not q\nr", "data.a.p; not q; r"),
        ("x = data.a[_]", "x = data.a[_]"),
        ("1 + 2 == 3", "equal(plus(1, 2), 3)"),
        ("some x in xs; x", "some x in xs; x"),
        ("every k, v in xs { k }", "every k, v in xs { k }"),
        ("x with input as 1", "x with input as 1"),
        ("p := 1; p", "assign(p, 1); p"),
    ],
)
def test_query(text, want):
    """A query is a body; its text is OPA's."""
    assert printer.body_text(parser.parse_body(text)) == want


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ('{"b": 2, "a": [1, {3, 2.0}]}', '{"a": [1, {2.0, 3}], "b": 2}'),
        ("set()", "set()"),
        ('data.a["b-c"][x].d', 'data.a["b-c"][x].d'),
        ('data["a"]["if"]', 'data.a["if"]'),
        ('["\\u00e9\\n\\u0007"]', '["é\\n\\a"]'),
        ("[x | x := 1; x > 0]", "[x | assign(x, 1); gt(x, 0)]"),
        ("{(x + 1): y | y := 1}", "{(x + 1): y | assign(y, 1)}"),
        ('$"a{x}\\{"', '$"a{x}\\{"'),
        ("f(1, g(x))", "f(1, g(x))"),
    ],
)
def test_term(text, want):
    """A term prints in OPA's form."""
    assert printer.term_text(parser.parse_term(text)) == want


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1; 2", "expected exactly one term but got: 1; 2"),
        ("x = 1", "expected term but got x = 1"),
        ("", "expected exactly one term but got: "),
    ],
)
def test_what_is_no_term(text, message):
    """Anything but one term is refused."""
    with pytest.raises(parser.NotOneTerm, match="expected") as caught:
        parser.parse_term(text)

    assert str(caught.value) == message


def test_ref():
    """A lone name counts as a ref, a number does not."""
    assert printer.ref_text(parser.parse_ref("x")) == "x"
    with pytest.raises(parser.NotOneTerm, match="expected ref but got 1"):
        parser.parse_ref("1")


def test_keywords_of_a_query():
    """A v0 query knows `in` only when it is asked to; else it is a name."""
    body = parser.parse_body("some x in xs", version=0, future_keywords=["in"])
    plain = parser.parse_body("some x in xs", version=0)

    assert printer.body_text(body) == "some x in xs"
    assert printer.body_text(plain) == "some x; in; xs"


def test_error_texts():
    """One error, several, without a file, and the limit."""
    with pytest.raises(RegoErrors) as caught:
        parser.parse_module("a.rego", "package a\n\tp := }\n")

    assert str(caught.value) == (
        "2 errors occurred:\n"
        "a.rego:2: rego_parse_error: unexpected } token\n"
        "\tp := }\n\t     ^\n"
        "a.rego:2: rego_parse_error: unexpected } token: expected rule value term"
        " (e.g., p := <VALUE> { ... })\n"
        "\tp := }\n\t     ^"
    )
    with pytest.raises(RegoErrors) as caught:
        parser.parse_body("x +")

    assert str(caught.value) == (
        "1 error occurred: 1:3: rego_parse_error: unexpected eof token\n\tx +\n\t  ^"
    )
    one = errors.Error(errors.COMPILE_ERROR, "no")
    kept = errors.limited([one] * 12)

    assert len(kept) == 11
    assert kept[-1].format() == "rego_compile_error: error limit reached"


def test_order_of_terms():
    """Kinds come in OPA's order; numbers compare by value."""
    texts = ["null", "false", "true", "1", "1.5", "2", '"a"', "x", "data.x", "[]"]
    texts += ["[1]", "{}", "set()", "{1}", "[x | x]", "{x: x | x}", "{x | x}", "f(1)"]
    terms = [parser.parse_term(text) for text in texts]

    assert order.sorted_terms(reversed(terms)) == terms
    one, same = parser.parse_term("1"), parser.parse_term("1.0e0")
    assert order.compare(one, same) == 0

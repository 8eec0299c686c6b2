"""Odd and hostile text: an error with a place, never a crash, never silence."""

from __future__ import annotations

import pytest

from gatewright.rego import parser
from gatewright.rego.errors import RegoErrors
from gatewright.rego.source import decode

DEEP = 100_000
TOO_DEEP = "max parsing recursion depth exceeded"

_DEEP = {
    "arrays": "x := " + "[" * DEEP + "]" * DEEP,
    "open arrays": "x := " + "[" * DEEP,
    "parentheses": "x := " + "(" * DEEP + "1" + ")" * DEEP,
    "objects": "x := " + '{"a":' * DEEP + "1" + "}" * DEEP,
    "sets": "x := " + "{" * DEEP,
    "bodies": "x if " + "every a in b {" * DEEP,
    "comprehensions": "x := " + "[1|" * DEEP,
    "calls": "x := " + "f(" * DEEP + ")" * DEEP,
    "indices": "x := " + "a[" * DEEP + "]" * DEEP,
    "templates": "x := " + '$"{' * DEEP,
    "sums": "x := " + "+".join(["1"] * DEEP),
    "memberships": "x := " + " in ".join(["a"] * DEEP),
    "chained calls": "x := f" + "(1).g" * DEEP,
    "negated bodies": "import future.keywords\nx if " + "not {" * DEEP,
    "conjunctions": "import future.keywords\nx if " + " and ".join(["a"] * DEEP),
    "groups": "import future.keywords\nx if " + "(" * DEEP,
}


@pytest.mark.parametrize("text", _DEEP.values(), ids=_DEEP.keys())
def test_nesting_too_deep_is_one_error(text):
    """A hundred thousand levels are refused with OPA's words, and quickly."""
    with pytest.raises(RegoErrors) as caught:
        parser.parse_module("deep.rego", "package a\n" + text)

    assert [error.message for error in caught.value.errors] == [TOO_DEEP]


_FINE = {
    "nested arrays": "x := " + "[" * 900 + "]" * 900,
    "nested objects": "x := " + '{"a":' * 900 + "1" + "}" * 900,
    "ambiguous collections": "x := " + "[" * 100 + "1" + "+1]" * 100,
    "long sum": "x := " + "+".join(["1"] * 900),
    "long ref": "x := a" + ".b" * DEEP,
    "long else": "x := 1 if false" + " else := 2 if false" * 2_000,
    "long array": "x := [" + "1," * DEEP + "1]",
    "long set": "x := {" + ",".join(map(str, range(2_000))) + "}",
    "trailing blanks": "x := 1" + " " * DEEP,
    "long name": "x := " + "a" * DEEP,
    "raw string": "x := `" + "\n" * DEEP + "`",
}


@pytest.mark.parametrize("text", _FINE.values(), ids=_FINE.keys())
def test_long_text_is_fine(text):
    """Length alone is no reason to refuse anything."""
    module = parser.parse_module("long.rego", "package a\n" + text)

    assert module.rules[-1].head.name == "x"


_BYTES = [
    (b"package a\np := \x00\n", "2:5", "illegal null character"),
    (b"package a\np := \xff\n", "2:5", "illegal utf-8 character"),
    (b"package a\n# \xc3\n", "2:1", "illegal utf-8 character"),
    (b"package a\n\xef\xbb\xbfp := 1\n", "2:0", "illegal byte-order mark"),
    (b"package a\np := x\xc2\xa0\n", "2:7", "illegal non-breaking space"),
]


@pytest.mark.parametrize(("data", "place", "message"), _BYTES)
def test_bytes_that_may_not_be(data, place, message):
    """Wrong UTF-8 and characters that may stand nowhere are reported in place."""
    with pytest.raises(RegoErrors) as caught:
        parser.parse_module("", decode(data))
    first = caught.value.errors[0]

    assert first.loc is not None
    assert f"{first.loc.row}:{first.loc.col}" == place
    assert first.message.startswith(message)


def test_byte_order_mark_at_the_start_is_skipped():
    """A BOM is allowed as the first character, and only there."""
    module = parser.parse_module("", decode(b"\xef\xbb\xbfpackage a\n"))

    assert module.package.loc.col == 2

"""The reader's documents and its errors, and limits of depth and memory."""

from __future__ import annotations

import copy
import json
import pickle
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from gatewright._native.core import (
    UNDEFINED,
    Doc,
    JsonError,
    LimitError,
    Number,
    Object,
    Set,
)
from tests.needs import require_shared

CASES = yaml.safe_load((Path(__file__).parent / "documents.yaml").read_text("utf-8"))
DEPTH = 10_000


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_document(case: dict[str, Any]) -> None:
    mode = case.get("mode", "exact")
    options = {mode: True} if mode != "exact" else {}
    if "error" in case:
        with pytest.raises(JsonError) as caught:
            Doc.parse(case["text"].encode(), **options)

        assert (str(caught.value), caught.value.offset) == (
            case["error"],
            case["offset"],
        )
        return

    assert (
        Doc.parse(case["text"].encode(), **options).json(html=False).decode()
        == case["json"]
    )


def test_every_prefix_of_a_document_is_an_error_and_no_more() -> None:
    """A document cut short anywhere raises; it neither crashes nor reads on."""
    text = '{"a":[1,-2.5e3,true,null],"é":"\\u00e9\\ud83d\\ude00 and more","c":{}}'
    data = text.encode()
    for size in range(len(data)):
        with pytest.raises(JsonError, match=r"unexpected end|invalid character"):
            Doc.parse(bytearray(data[:size]))


def test_invalid_utf8_becomes_replacement_characters() -> None:
    assert Doc.parse(b'"a\xff\xe2\x82z"').python() == "a\ufffd\ufffd\ufffdz"
    assert Doc.parse(b'"\xed\xa0\x80"').python() == "\ufffd" * 3


def test_a_term_keeps_bytes_that_are_no_utf8() -> None:
    doc = Doc.from_python("a\udcff")

    assert Doc.parse(doc.term_text(), term=True) == doc
    assert doc.json() == b'"a\\ufffd"'
    assert doc.rego_text() == '"a\\xff"'


def test_a_review_reads_as_json_does() -> None:
    data = require_shared("bench", "review-pod.json").read_bytes()
    doc = Doc.parse(data)

    assert doc.python() == json.loads(data)
    assert json.loads(doc.json()) == json.loads(data)


def nested(depth: int) -> bytes:
    return b'[{"a":' * (depth // 2) + b"1" + b"}]" * (depth // 2)


def test_depth_has_gos_limit() -> None:
    Doc.parse(nested(DEPTH))
    with pytest.raises(JsonError, match="exceeded max depth"):
        Doc.parse(nested(DEPTH + 2))


def test_deep_documents_need_no_deep_stack() -> None:
    """Comparing, writing and copying do without recursion."""
    failures: list[BaseException] = []

    def work() -> None:
        try:
            a, b = Doc.parse(nested(DEPTH)), Doc.parse(nested(DEPTH))
            assert a == b
            assert a.json() == nested(DEPTH)
            assert Doc.from_python([a, b]).get(1) == a
        except BaseException as error:  # noqa: BLE001  # raised again below
            failures.append(error)

    before = threading.stack_size(256 * 1024)
    try:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)

    assert failures == []


@pytest.mark.usefixtures("shallow")
def test_python_forms_keep_pythons_limit_of_depth() -> None:
    with pytest.raises(RecursionError):
        Doc.parse(nested(DEPTH)).python()


def test_memory_has_a_limit() -> None:
    with pytest.raises(LimitError, match="memory limit exceeded"):
        Doc.parse(b"[" + b'"some text",' * 10_000 + b"1]", limit=64 * 1024)


def test_paths() -> None:
    doc = Doc.parse('{"a":[{"b":1},2],"c":<1>}', term=True)

    assert doc.get_python("a", 0, "b") == 1
    assert doc.get("a", 7) is UNDEFINED
    assert doc.get("a", "b") is UNDEFINED
    assert doc.get("z", "b") is UNDEFINED
    assert doc.get("a", Number("1.0")) == Doc.from_python(2)
    with pytest.raises(LookupError):
        doc.get("c", 1)


def test_a_part_outlives_its_document() -> None:
    text = b'{"a":{"b":["text that is long enough not to be a word"]}}'
    part = Doc.parse(text).get("a", "b")

    assert isinstance(part, Doc)
    assert part.python() == ["text that is long enough not to be a word"]


def test_large_objects_are_sorted_once_and_searched() -> None:
    pairs = {f"key{i * 7919 % 1000:04}": i for i in range(1000)}
    doc = Doc.parse(json.dumps(pairs).encode())

    assert all(doc.get_python(key) == value for key, value in pairs.items())
    assert doc.get("key") is UNDEFINED
    assert list(doc.python()) == sorted(pairs)


def test_undefined_is_neither_true_nor_false() -> None:
    with pytest.raises(TypeError):
        bool(UNDEFINED)
    assert copy.deepcopy(UNDEFINED) is UNDEFINED
    assert pickle.loads(pickle.dumps(UNDEFINED)) is UNDEFINED  # noqa: S301


def test_python_forms() -> None:
    value = [
        None, True, 1, -(2**70), Number("1.0"), "é", {"b": 1, "a": [2]},
        Object([(1, "x"), (Number("1.0"), "y"), ("a", None)]), Set([2, 1, True, "a"]),
    ]  # fmt: skip
    doc = Doc.from_python(value)

    assert doc.term_text() == (
        "[null,true,1,-1180591620717411303424,1.0,"
        '"é",{"a":[2],"b":1},{1:"y","a":null},<true,1,2,"a">]'
    )
    assert doc.python() == value
    assert pickle.loads(pickle.dumps(doc)) == doc  # noqa: S301
    assert copy.deepcopy(value) == value


def test_numbers_are_equal_by_value_and_hash_alike() -> None:
    assert Number("1.0") == 1
    assert hash(Number("1.0")) == hash(1)
    assert Number("1e2") == Number("100.0")
    assert hash(Number("1e2")) == hash(Number("100.0"))
    assert Number("0.5") < 1 < Number("1.5")
    assert Number("1.0") != True  # noqa: E712
    assert Set([1]) == Set([Number("1.0")])
    assert hash(Set([1])) == hash(Set([Number("1.0")]))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1, object()}])
def test_no_value_of_rego(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        Doc.from_python(value)


def test_fields_are_an_objects_keys() -> None:
    doc = Doc.parse(b'{"b": {"y": 1, "\xc3\xa4": 2}, "a": []}')
    inner = doc.get("b")
    assert isinstance(inner, Doc)
    assert sorted(doc.fields()) == ["a", "b"]
    assert sorted(inner.fields()) == ["y", "ä"]
    assert Doc.parse(b"{}").fields() == []
    for other in (b"[1]", b"1", b'"x"', b"null"):
        with pytest.raises(TypeError, match="no object"):
            Doc.parse(other).fields()

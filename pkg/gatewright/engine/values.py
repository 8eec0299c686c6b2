"""The Python form of Rego values, and its order.

null, booleans, integers, strings and arrays are None, bool, int, str and list; an
object whose keys are all strings is a dict. `Number` is every other number (its
decimal text kept), `Object` any other object, `Set` a set, `UNDEFINED` no value.
A str may hold invalid UTF-8 as surrogates (PEP 383).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cmp_to_key
from typing import Any, Final, TypeAlias

from gatewright._native.core import (
    UNDEFINED,
    Number,
    Object,
    Set,
    compare_python,
    integer_text,
)

__all__ = [
    "UNDEFINED",
    "Number",
    "Object",
    "Set",
    "Value",
    "compare",
    "equal",
    "integer_text",
    "is_number",
    "is_object",
    "make_object",
    "number_text",
    "pairs",
    "sort_key",
    "type_name",
]

#: Any of the forms above.
Value: TypeAlias = Any

_NULL, _FALSE, _TRUE, _NUMBER, _STRING, _ARRAY, _OBJECT, _SET = range(8)


def _rank(value: Value) -> int:
    if value is None:
        return _NULL
    if value is False:
        return _FALSE
    if value is True:
        return _TRUE
    if isinstance(value, (int, Number)):
        return _NUMBER
    if isinstance(value, str):
        return _STRING
    if isinstance(value, (list, tuple)):
        return _ARRAY
    if isinstance(value, (dict, Object)):
        return _OBJECT
    if isinstance(value, Set):
        return _SET
    raise TypeError(f"no Rego value: {type(value).__name__}")


_NAMES: Final = (
    "null",
    "boolean",
    "boolean",
    "number",
    "string",
    "array",
    "object",
    "set",
)


def type_name(value: Value) -> str:
    """Return OPA's name of the value's type."""
    return _NAMES[_rank(value)]


def number_text(value: int | Number) -> str:
    """A number as it is spelled."""
    return integer_text(value) if isinstance(value, int) else value.text


def is_number(value: Value) -> bool:
    """Tell whether the value is a number (a bool is none)."""
    return isinstance(value, (int, Number)) and not isinstance(value, bool)


def is_object(value: Value) -> bool:
    """Tell whether the value is an object in either form."""
    return isinstance(value, (dict, Object))


def pairs(value: Value) -> Iterator[tuple[Value, Value]]:
    """Yield an object's (key, value) pairs in Rego's order of keys."""
    if isinstance(value, dict):
        yield from sorted(value.items(), key=lambda pair: _text_key(pair[0]))
    else:
        yield from value.pairs


def make_object(items: Iterable[tuple[Value, Value]]) -> Value:
    """Build an object: a dict when all keys are strings; the last pair wins."""
    items = list(items)
    if all(isinstance(key, str) for key, _ in items):
        return dict(items)
    return Object(items)


def _text_key(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def compare(a: Value, b: Value) -> int:
    """Compare in Rego's total order: -1, 0 or 1.

    null, false, true, numbers by value, strings by bytes, arrays, objects, sets.
    """
    return compare_python(a, b)


def equal(a: Value, b: Value) -> bool:
    """Tell whether two values are equal in Rego (`1 == 1.0`, `true != 1`)."""
    return compare(a, b) == 0


#: Key function for `sorted`.
sort_key = cmp_to_key(compare)

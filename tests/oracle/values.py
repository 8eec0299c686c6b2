"""Rego values as nested tuples `(rank, payload)`, so that Python's own order,
equality and hash of tuples are those of Rego.

null `(0, 0)`, booleans `(1, bool)`, numbers `(2, Fraction)`, strings `(3, str)`,
arrays `(4, items)`, objects `(5, sorted pairs)`, sets `(6, sorted members)`.
The spelling of numbers is lost.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

Value = tuple[int, Any]

NULL: Value = (0, 0)
TRUE: Value = (1, True)
FALSE: Value = (1, False)
KINDS = ("null", "boolean", "number", "string", "array", "object", "set")


def number(value: int | str | Fraction) -> Value:
    return (2, Fraction(value))


def string(text: str) -> Value:
    return (3, text)


def boolean(truth: bool) -> Value:
    return TRUE if truth else FALSE


def array(items: Iterable[Value]) -> Value:
    return (4, tuple(items))


def obj(pairs: Iterable[tuple[Value, Value]]) -> Value:
    return (5, tuple(sorted(dict(pairs).items())))


def a_set(items: Iterable[Value]) -> Value:
    return (6, tuple(sorted(set(items))))


def from_json(data: Any) -> Value:
    """Plain JSON data (numbers parsed with `parse_float=Fraction`)."""
    match data:
        case None:
            return NULL
        case bool():
            return boolean(data)
        case int() | Fraction() | float():
            return (2, Fraction(data))
        case str():
            return string(data)
        case list():
            return array(map(from_json, data))
        case dict():
            return obj((string(k), from_json(v)) for k, v in data.items())
    raise TypeError(type(data).__name__)


def to_json(value: Value) -> Any:
    """As OPA turns values into JSON: sets become arrays."""
    rank, payload = value
    match rank:
        case 0:
            return None
        case 2:
            return int(payload) if payload.denominator == 1 else float(payload)
        case 4 | 6:
            return [to_json(item) for item in payload]
        case 5:
            return {
                key[1]
                if key[0] == 3
                else json.dumps(to_json(key), separators=(",", ":")): to_json(item)
                for key, item in payload
            }
    return payload


def text(value: Value, *, top: bool = False) -> str:
    """The Rego text of a value."""
    rank, payload = value
    match rank:
        case 0:
            return "null"
        case 1:
            return "true" if payload else "false"
        case 2:
            if payload.denominator == 1:
                return str(payload.numerator)
            return repr(float(payload))
        case 3:
            return payload if top else json.dumps(payload, ensure_ascii=False)
        case 4:
            return f"[{', '.join(map(text, payload))}]"
        case 5:
            return f"{{{', '.join(f'{text(k)}: {text(v)}' for k, v in payload)}}}"
    return f"{{{', '.join(map(text, payload))}}}" if payload else "set()"


def lookup(value: Value, key: Value) -> Value | None:
    """`value[key]`, None when undefined."""
    rank, payload = value
    if rank == 4:
        if key[0] == 2 and key[1].denominator == 1 and 0 <= key[1] < len(payload):
            item: Value = payload[int(key[1])]
            return item
        return None
    if rank == 5:
        return dict(payload).get(key)
    if rank == 6 and key in payload:
        return key
    return None


def stored(value: Value, key: Value) -> Value | None:
    """`value[key]` of a base document, where paths are texts."""
    found = lookup(value, key)
    if found is None and value[0] == 5 and key[0] == 2:
        found = lookup(value, string(str(key[1])))
    if found is None and value[0] == 4 and key[0] == 3:
        index = re.fullmatch(r"([+-]?[0-9]+)(\.0*)?", key[1])
        found = lookup(value, number(int(index[1]))) if index else None
    return found


def pairs(value: Value) -> list[tuple[Value, Value]] | None:
    """Keys and values in iteration order; None for what is no collection."""
    rank, payload = value
    if rank == 4:
        return [(number(i), item) for i, item in enumerate(payload)]
    if rank == 5:
        return list(payload)
    if rank == 6:
        return [(item, item) for item in payload]
    return None


_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")


def parse(source: str) -> Value:
    """Read term text: JSON with any keys, and sets `<1,2>`."""
    value, place = _parse(source, 0)
    if place != len(source):
        raise ValueError(f"left over: {source[place:]}")
    return value


def _parse(source: str, place: int) -> tuple[Value, int]:
    char = source[place]
    if char == '"':
        found, place = json.JSONDecoder(strict=False).raw_decode(source, place)
        return string(found), place
    for word, value in (("true", TRUE), ("false", FALSE), ("null", NULL)):
        if source.startswith(word, place):
            return value, place + len(word)
    if char in "[<{":
        close = {"[": "]", "<": ">", "{": "}"}[char]
        items: list[Any] = []
        place += 1
        while source[place] != close:
            item, place = _parse(source, place)
            if char == "{":
                value, place = _parse(source, place + 1)
                items.append((item, value))
            else:
                items.append(item)
            if source[place] == ",":
                place += 1
        make: Any = {"[": array, "<": a_set, "{": obj}[char]
        return make(items), place + 1
    matched = _NUMBER.match(source, place)
    if matched is None:
        raise ValueError(f"no term at {source[place:]}")
    return number(matched.group()), matched.end()

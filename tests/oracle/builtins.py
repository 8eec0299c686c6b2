"""The builtins that tests of the language use, in their simplest form.

A builtin takes values and gives a value, None for undefined, or raises
`BuiltinError`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from tests.oracle.values import (
    FALSE,
    KINDS,
    NULL,
    TRUE,
    Value,
    a_set,
    array,
    boolean,
    lookup,
    number,
    obj,
    pairs,
    string,
    text,
)

BUILTINS: dict[str, Callable[..., Value | None]] = {}


class BuiltinError(Exception):
    """A builtin's complaint; `code` as OPA classifies it."""

    def __init__(self, message: str, *, code: str = "eval_builtin_error") -> None:
        super().__init__(message)
        self.code = code


def builtin(*names: str) -> Callable[[Any], Any]:
    def register(function: Any) -> Any:
        for name in names:
            BUILTINS[name] = function
        return function

    return register


def _want(place: int, value: Value, *kinds: str) -> Any:
    kind = KINDS[value[0]]
    if kind not in kinds:
        wanted = kinds[0] if len(kinds) == 1 else f"one of {{{', '.join(kinds)}}}"
        raise BuiltinError(
            f"operand {place} must be {wanted} but got {kind}", code="eval_type_error"
        )
    return value[1]


def _numbers(a: Value, b: Value) -> tuple[Fraction, Fraction]:
    return _want(1, a, "number"), _want(2, b, "number")


def _matching(
    collection: Value, path: Value, wanted: Value
) -> list[tuple[Value, Value]]:
    """The pairs of a collection of which the part at a path equals a value."""
    found = []
    for key, element in pairs(collection) or ():
        part: Value | None = element
        for step in path[1]:
            part = None if part is None else lookup(part, step)
        if part == wanted:
            found.append((key, element))
    return found


BUILTINS |= {
    "equal": lambda a, b: boolean(a == b),
    "neq": lambda a, b: boolean(a != b),
    "lt": lambda a, b: boolean(a < b),
    "lte": lambda a, b: boolean(a <= b),
    "gt": lambda a, b: boolean(a > b),
    "gte": lambda a, b: boolean(a >= b),
    "plus": lambda a, b: number(sum(_numbers(a, b))),
    "mul": lambda a, b: number(math.prod(_numbers(a, b))),
    "abs": lambda a: number(abs(_want(1, a, "number"))),
    "round": lambda a: number(math.floor(_want(1, a, "number") + Fraction(1, 2))),
    "floor": lambda a: number(math.floor(_want(1, a, "number"))),
    "and": lambda a, b: a_set(set(_want(1, a, "set")) & set(_want(2, b, "set"))),
    "or": lambda a, b: a_set(set(_want(1, a, "set")) | set(_want(2, b, "set"))),
    "lower": lambda a: string(_want(1, a, "string").lower()),
    "upper": lambda a: string(_want(1, a, "string").upper()),
    "trim": lambda a, b: string(_want(1, a, "string").strip(_want(2, b, "string"))),
    "trim_space": lambda a: string(_want(1, a, "string").strip()),
    "startswith": lambda a, b: boolean(
        _want(1, a, "string").startswith(_want(2, b, "string"))
    ),
    "endswith": lambda a, b: boolean(
        _want(1, a, "string").endswith(_want(2, b, "string"))
    ),
    "contains": lambda a, b: boolean(_want(2, b, "string") in _want(1, a, "string")),
    "replace": lambda a, b, c: string(
        _want(1, a, "string").replace(_want(2, b, "string"), _want(3, c, "string"))
    ),
    "split": lambda a, b: array(
        map(string, _want(1, a, "string").split(_want(2, b, "string")))
    ),
    "type_name": lambda a: string(KINDS[a[0]]),
    "array.concat": lambda a, b: array(_want(1, a, "array") + _want(2, b, "array")),
    "object.keys": lambda a: a_set(key for key, _ in _want(1, a, "object")),
    "union": lambda a: a_set(m for s in _want(1, a, "set") for m in _want(1, s, "set")),
    "internal.member_2": lambda a, b: boolean(a in [v for _, v in pairs(b) or ()]),
    "internal.member_3": lambda k, v, c: boolean(
        (lookup(c, k) == v and c[0] in (4, 5)) or (c[0] == 6 and k == v and v in c[1])
    ),
    "internal.matching": lambda c, path, v: array(
        [x for _, x in _matching(c, path, v)]
    ),
    "internal.matching_keys": lambda c, path, v: array(
        array(pair) for pair in _matching(c, path, v)
    ),
    "print": lambda *_: TRUE,
    "internal.print": lambda *_: TRUE,
    "time.now_ns": lambda: number(1_700_000_000_000_000_000),
    "opa.runtime": lambda: obj([]),
    "net.lookup_ip_addr": lambda _: a_set([string("127.0.0.1")]),
}
for _kind in ("null", "boolean", "number", "string", "array", "object", "set"):
    BUILTINS[f"is_{_kind}"] = lambda a, kind=_kind: (
        TRUE if KINDS[a[0]] == kind else FALSE
    )


@builtin("http.send")
def http_send(request: Value) -> Value:
    _want(1, request, "object")
    raise BuiltinError("no network")


@builtin("minus")
def minus(a: Value, b: Value) -> Value:
    if a[0] == 6 and b[0] == 6:
        return a_set(set(a[1]) - set(b[1]))
    left, right = _want(1, a, "number", "set"), _want(2, b, "number", "set")
    if a[0] != b[0]:
        _want(2, b, KINDS[a[0]])
    return number(left - right)


@builtin("div")
def div(a: Value, b: Value) -> Value:
    left, right = _numbers(a, b)
    if right == 0:
        raise BuiltinError("divide by zero")
    return number(left / right)


@builtin("rem")
def rem(a: Value, b: Value) -> Value:
    left, right = _numbers(a, b)
    if right == 0:
        raise BuiltinError("modulo by zero")
    return number(left - right * int(left / right))


@builtin("count")
def count(a: Value) -> Value:
    _want(1, a, "array", "object", "set", "string")
    return number(len(a[1]))


@builtin("sum")
def total(a: Value) -> Value:
    items = _want(1, a, "array", "set")
    return number(sum((_want(1, item, "number") for item in items), Fraction(0)))


@builtin("product")
def product(a: Value) -> Value:
    return number(math.prod(_want(1, i, "number") for i in _want(1, a, "array", "set")))


@builtin("max")
def largest(a: Value) -> Value | None:
    return max(_want(1, a, "array", "set"), default=None)


@builtin("min")
def smallest(a: Value) -> Value | None:
    return min(_want(1, a, "array", "set"), default=None)


@builtin("sort")
def in_order(a: Value) -> Value:
    return array(sorted(_want(1, a, "array", "set")))


@builtin("concat")
def concat(a: Value, b: Value) -> Value:
    items = _want(2, b, "array", "set")
    return string(_want(1, a, "string").join(_want(2, i, "string") for i in items))


@builtin("sprintf")
def sprintf(form: Value, args: Value) -> Value:
    items = list(_want(2, args, "array"))

    def one(found: re.Match[str]) -> str:
        return "%" if found.group() == "%%" else text(items.pop(0), top=True)

    return string(re.sub(r"%[%vsdqf]", one, _want(1, form, "string")))


@builtin("to_number")
def to_number(a: Value) -> Value:
    match a[0]:
        case 0:
            return number(0)
        case 1:
            return number(int(a[1]))
        case 2:
            return a
    try:
        return number(_want(1, a, "string"))
    except ValueError:
        raise BuiltinError("strconv.ParseFloat: invalid syntax") from None


@builtin("format_int")
def format_int(a: Value, base: Value) -> Value:
    form = {2: "b", 8: "o", 10: "d", 16: "x"}[int(base[1])]
    return string(format(int(_want(1, a, "number")), form))


@builtin("json.marshal")
def marshal(a: Value) -> Value:
    import json

    from tests.oracle.values import to_json

    return string(json.dumps(to_json(a), separators=(",", ":")))


@builtin("json.unmarshal")
def unmarshal(a: Value) -> Value:
    import json

    from tests.oracle.values import from_json

    try:
        return from_json(json.loads(_want(1, a, "string"), parse_float=Fraction))
    except ValueError as error:
        raise BuiltinError(str(error)) from None


@builtin("indexof")
def indexof(a: Value, b: Value) -> Value:
    return number(_want(1, a, "string").find(_want(2, b, "string")))


@builtin("regex.match", "re_match")
def regex_match(a: Value, b: Value) -> Value:
    return boolean(re.search(_want(1, a, "string"), _want(2, b, "string")) is not None)


@builtin("numbers.range")
def numbers_range(a: Value, b: Value) -> Value:
    first, last = map(int, _numbers(a, b))
    step = 1 if first <= last else -1
    return array(number(i) for i in range(first, last + step, step))


@builtin("array.slice")
def array_slice(a: Value, b: Value, c: Value) -> Value:
    items = _want(1, a, "array")
    first = max(0, int(b[1]))
    last = min(len(items), max(0, int(c[1])))
    return array(items[first : max(first, last)])


@builtin("array.reverse")
def array_reverse(a: Value) -> Value:
    return array(reversed(_want(1, a, "array")))


@builtin("intersection")
def intersection(a: Value) -> Value:
    sets = [set(s[1]) for s in _want(1, a, "set")]
    return a_set(set.intersection(*sets) if sets else ())


@builtin("object.get")
def object_get(a: Value, key: Value, default: Value) -> Value:
    _want(1, a, "object")
    steps = key[1] if key[0] == 4 else (key,)
    value = a
    for step in steps:
        found = lookup(value, step)
        if found is None:
            return default
        value = found
    return value


@builtin("object.union")
def object_union(a: Value, b: Value) -> Value:
    left, right = dict(_want(1, a, "object")), dict(_want(2, b, "object"))
    for key, value in right.items():
        there = left.get(key)
        if there is not None and there[0] == 5 and value[0] == 5:
            left[key] = object_union(there, value)
        else:
            left[key] = value
    return obj(left.items())


@builtin("object.union_n")
def object_union_n(a: Value) -> Value:
    out = obj([])
    for item in _want(1, a, "array"):
        out = object_union(out, item)
    return out


@builtin("object.remove")
def object_remove(a: Value, keys: Value) -> Value:
    _want(2, keys, "object", "array", "set")
    gone = [k for k, _ in keys[1]] if keys[0] == 5 else keys[1]
    return obj((k, v) for k, v in _want(1, a, "object") if k not in gone)


@builtin("walk")
def walk(a: Value) -> Value:
    found = []

    def visit(path: tuple[Value, ...], value: Value) -> None:
        found.append(array([array(path), value]))
        for key, item in pairs(value) or ():
            visit((*path, key), item)

    visit((), a)
    return array(found)


@builtin("internal.template_string")
def template(parts: Value) -> Value:
    out = []
    for part in parts[1]:
        if part[0] == 6:
            if len(part[1]) > 1:
                raise BuiltinError(
                    "template-strings must not produce multiple outputs",
                    code="eval_conflict_error",
                )
            out.append(text(part[1][0], top=True) if part[1] else "<undefined>")
        else:
            out.append(text(part, top=True))
    return string("".join(out))


@builtin("cast_null")
def cast_null(a: Value) -> Value:
    _want(1, a, "null")
    return NULL

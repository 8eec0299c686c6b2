"""Values in a template, and its functions.

A value is what Go's reflect.Value holds there: `NOTHING` (none), an element of a list
or map, which is an `Any` (an interface, nil or not), or one of those that gofmt prints.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any as Anything
from typing import Final

from gatewright.engine.library.gofmt import (
    Byte,
    printed,
    sprint,
    sprintf,
    type_of,
)
from gatewright.engine.library.urls import escape_query

__all__ = [
    "FUNCTIONS",
    "NOTHING",
    "Any",
    "Function",
    "Wrong",
    "kind_of",
    "open_value",
    "plain",
    "truth",
]

_HTML: Final = str.maketrans(
    {
        "<": "&lt;",
        ">": "&gt;",
        "&": "&amp;",
        '"': "&#34;",
        "'": "&#39;",
        "\0": "\ufffd",
    }
)
_JS: Final = {
    "\\": "\\\\",
    "'": "\\'",
    '"': '\\"',
    "<": "\\u003C",
    ">": "\\u003E",
    "&": "\\u0026",
    "=": "\\u003D",
}


class _Nothing:
    """No value at all: a key that is not there, or nil as such."""

    __slots__ = ()


NOTHING: Final = _Nothing()


@dataclass(frozen=True, slots=True)
class Any:
    """An interface; None is nil."""

    value: Anything


class Wrong(Exception):
    """A function failed."""


def open_value(value: Anything) -> Anything:
    """What an interface holds: `NOTHING` where it is nil."""
    if isinstance(value, Any):
        return NOTHING if value.value is None else value.value
    return value


def plain(value: Anything) -> Anything:
    """The value as fmt gets it: None is nil."""
    if isinstance(value, Any):
        return value.value
    return None if value is NOTHING else value


def kind_of(value: Anything) -> str:
    """Go's name of a value's type."""
    return "interface {}" if isinstance(value, Any) else type_of(value)


def truth(value: Anything) -> bool:
    """Tell whether `if` takes the value for true."""
    value = open_value(value)
    return value is not NOTHING and bool(value)


def _length(item: Anything) -> int:
    if isinstance(item, Any):
        item = item.value
        if item is None:
            raise Wrong("len of nil pointer")
    if item is NOTHING:
        raise Wrong("reflect: call of reflect.Value.Type on zero Value")
    if isinstance(item, str):
        return len(_bytes(item))
    if isinstance(item, list | dict):
        return len(item)
    raise Wrong(f"len of type {type_of(item)}")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _place(at: Anything, most: int) -> int:
    if at is NOTHING:
        raise Wrong("cannot index slice/array with nil")
    if isinstance(at, bool) or not isinstance(at, int):
        raise Wrong(f"cannot index slice/array with type {kind_of(at)}")
    if not 0 <= at <= most:
        raise Wrong(f"index out of range: {at:d}")
    return int(at)


def _index(item: Anything, *steps: Anything) -> Anything:
    item = open_value(item)
    if item is NOTHING:
        raise Wrong("index of untyped nil")
    for step in map(open_value, steps):
        if isinstance(item, Any):
            item = item.value
            if item is None:
                raise Wrong("index of nil pointer")
        if isinstance(item, str):
            data = _bytes(item)
            at = _place(step, len(data))
            if at == len(data):
                raise Wrong("reflect: string index out of range")
            item = Byte(data[at])
        elif isinstance(item, list):
            at = _place(step, len(item))
            if at == len(item):
                raise Wrong("reflect: slice index out of range")
            item = Any(item[at])
        elif isinstance(item, dict):
            if step is NOTHING:
                raise Wrong("value is nil; should be of type string")
            if type_of(step) != "string":
                raise Wrong(f"value has type {type_of(step)}; should be string")
            item = Any(item.get(step))
        else:
            raise Wrong(f"can't index item of type {type_of(item)}")
    return item


def _slice(item: Anything, *places: Anything) -> Anything:
    item = open_value(item)
    if item is NOTHING:
        raise Wrong("slice of untyped nil")
    if len(places) > 3:
        raise Wrong(f"too many slice indexes: {len(places)}")
    if isinstance(item, str):
        if len(places) == 3:
            raise Wrong("cannot 3-index slice a string")
        data: Anything = _bytes(item)
        most = len(data)
    elif isinstance(item, list):
        data = [*item, *_spare(item)]
        most = len(data)
    else:
        raise Wrong(f"can't slice item of type {type_of(item)}")
    at = [0, len(_bytes(item)) if isinstance(item, str) else len(item), 0]
    for i, place in enumerate(places):
        at[i] = _place(place, most)
    if at[0] > at[1]:
        raise Wrong(f"invalid slice index: {at[0]} > {at[1]}")
    if len(places) == 3 and at[1] > at[2]:
        raise Wrong(f"invalid slice index: {at[1]} > {at[2]}")
    if isinstance(data, list):
        part = _Part(data[at[0] : at[1]])
        part.spare = data[at[1] : at[2] if len(places) == 3 else most]
        return part
    return type(item)(data[at[0] : at[1]].decode("utf-8", "surrogateescape"))


class _Part(list[Anything]):
    """A slice of a list; a slice of it may reach on into what is behind."""

    __slots__ = ("spare",)
    spare: list[Anything]


def _spare(item: list[Anything]) -> list[Anything]:
    """What is behind a list, up to the room that Go has for it.

    Go's JSON reader appends, and room grows to double up to 256, then by a quarter,
    in sizes that its memory comes in.
    """
    if isinstance(item, _Part):
        return item.spare
    room = 0
    while room < len(item):
        if room < 256:
            room = room * 2 or 1
        else:
            more = 16 * (room + (room + 768) // 4)
            unit = 8192
            room = _SIZES.get(more, -(-more // unit) * unit) // 16
    return [None] * (room - len(item))


#: Sizes of Go's memory, in bytes, for those below 32 KiB that room grows through.
_SIZES: Final = {8192: 8192, 13312: 13568, 20032: 20480, 28672: 28672}
_KINDS: Final[tuple[tuple[type, str], ...]] = (
    (bool, "bool"),
    (Byte, "uint"),
    (int, "int"),
    (float, "float"),
    (complex, "complex"),
    (str, "string"),
)


def _basic(value: Anything) -> str:
    """The kind of what can be compared, or nothing."""
    return next((name for kind, name in _KINDS if isinstance(value, kind)), "")


def _incompatible(one: Anything, other: Anything) -> Wrong:
    kinds = f"{type_of(one)} and {type_of(other)}"
    return Wrong(f"incompatible types for comparison: {kinds}")


def _equal(one: Anything, *others: Anything) -> bool:
    if not others:
        raise Wrong("missing argument for comparison")
    one = open_value(one)
    kind = _basic(one)
    for other in map(open_value, others):
        other_kind = _basic(other)
        same = False
        if kind == other_kind and kind:
            same = one == other
        elif {kind, other_kind} == {"int", "uint"}:
            same = int(one) == int(other)
        elif one is NOTHING or other is NOTHING:
            same = kind == other_kind and one is other
        elif kind or other_kind:
            raise _incompatible(one, other)
        elif isinstance(one, list) != isinstance(other, list):
            shown = f"{printed(one, 's')}: {type_of(one)}, {type_of(other)}"
            raise Wrong(f"non-comparable types {shown}: {printed(other)}")
        else:
            shown = f"{printed(other, 's')}: {type_of(other)}"
            raise Wrong(f"non-comparable type {shown}")
        if same:
            return True
    return False


def _less(one: Anything, other: Anything) -> bool:
    one, other = open_value(one), open_value(other)
    kind, other_kind = _basic(one), _basic(other)
    if not kind or not other_kind:
        raise Wrong("invalid type for comparison")
    if kind != other_kind and {kind, other_kind} != {"int", "uint"}:
        raise _incompatible(one, other)
    if kind in ("bool", "complex"):
        raise Wrong("invalid type for comparison")
    if kind == "string":
        return _bytes(one) < _bytes(other)
    less: bool = one < other
    return less


def _less_or_equal(one: Anything, other: Anything) -> bool:
    return _less(one, other) or _equal(one, other)


def _escaped(args: tuple[Anything, ...]) -> str:
    """The operands as one text; here nil is as an action prints it."""
    if len(args) == 1 and type_of(args[0]) == "string" and args[0] is not None:
        return str(args[0])
    return sprint(["<no value>" if one is None else one for one in args])


def _js_char(char: str) -> str:
    if char in _JS:
        return _JS[char]
    if char < " ":
        return f"\\u00{ord(char):02X}"
    if char < "\x80" or "\udc80" <= char <= "\udcff" or char.isprintable():
        return char
    return f"\\u{ord(char):04X}"


def _js(*args: Anything) -> str:
    return "".join(map(_js_char, _escaped(args)))


@dataclass(frozen=True, slots=True)
class Function:
    """`least` operands, `more` of them or not.

    `takes`: `value` for reflect.Value, `any` for what fmt gets, `format` for that
    behind a string.
    """

    run: Callable[..., Anything]
    least: int
    more: bool = False
    takes: str = "value"


def _never(*_args: Anything) -> Anything:
    raise AssertionError


FUNCTIONS: Final[dict[str, Function]] = {
    "and": Function(_never, 1, more=True),
    "or": Function(_never, 1, more=True),
    "call": Function(_never, 1, more=True),
    "not": Function(lambda arg: not truth(arg), 1),
    "len": Function(_length, 1),
    "index": Function(_index, 1, more=True),
    "slice": Function(_slice, 1, more=True),
    "eq": Function(_equal, 1, more=True),
    "ne": Function(lambda one, other: not _equal(one, other), 2),
    "lt": Function(_less, 2),
    "le": Function(_less_or_equal, 2),
    "gt": Function(lambda one, other: not _less_or_equal(one, other), 2),
    "ge": Function(lambda one, other: not _less(one, other), 2),
    "print": Function(lambda *args: sprint(list(args)), 0, more=True, takes="any"),
    "println": Function(
        lambda *args: sprint(list(args), line=True), 0, more=True, takes="any"
    ),
    "printf": Function(
        lambda form, *args: sprintf(form, list(args)), 1, more=True, takes="format"
    ),
    "html": Function(
        lambda *args: _escaped(args).translate(_HTML), 0, more=True, takes="any"
    ),
    "js": Function(_js, 0, more=True, takes="any"),
    "urlquery": Function(
        lambda *args: escape_query(_escaped(args)), 0, more=True, takes="any"
    ),
}

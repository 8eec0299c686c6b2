"""Strings that the native library leaves to Python."""

from __future__ import annotations

import json

from gatewright.engine.library.budget import charge, reserve
from gatewright.engine.library.errors import BuiltinError, OperandError
from gatewright.engine.library.gotext import rego_text
from gatewright.engine.library.jsontext import dump
from gatewright.engine.library.operands import integer, object_, string
from gatewright.engine.values import Set, Value, is_object, pairs, type_name

__all__ = ["indexof_n", "marshal_with_options", "split_n"]


def split_n(value: Value, separator: Value, count: Value) -> list[str]:
    """Return the first `count` parts, or the last where it is negative."""
    text, by, limit = string(value, 1), string(separator, 2), integer(count, 3)
    parts = text.split(by) if by else list(text)
    if limit < 0:
        return parts[limit:] if -limit < len(parts) else parts
    return parts[:limit]


def indexof_n(value: Value, search: Value) -> list[int]:
    """Return every place of a text in a string, overlaps included."""
    text, wanted = string(value, 1), string(search, 2)
    if not wanted:
        raise BuiltinError("empty search character")
    out: list[int] = []
    at = text.find(wanted)
    while at >= 0:
        out.append(at)
        at = text.find(wanted, at + 1)
    return out


def _laid_out(value: Value, start: int, indent: int) -> tuple[int, int]:
    """Return about the characters that line starts alone take, and the depth."""
    size = deepest = 0
    rest = [(value, 0)]
    while rest:
        part, depth = rest.pop()
        charge(10)
        if isinstance(part, (list, Set)):
            members = part if isinstance(part, list) else list(part.items)
        elif is_object(part):
            members = [entry for _, entry in pairs(part)]
        else:
            continue
        deepest = max(deepest, depth + 1)
        size += (len(members) + 1) * (start + indent * (depth + 1))
        rest += [(member, depth + 1) for member in members]
    return size, deepest


def marshal_with_options(value: Value, options: Value) -> str:
    """Print JSON; `pretty`, or `indent` or `prefix` alone, put it on many lines."""
    pretty: bool | None = None
    indent, prefix = "\t", ""
    styled = False
    for index, (key, option) in enumerate(pairs(object_(options, 2))):
        if not isinstance(key, str):
            raise OperandError(
                f"operand 2 failed to stringify key {rego_text(key)} at index {index}: "
                f"operand 0 must be string but got {type_name(key)}"
            )
        if key == "pretty":
            if not isinstance(option, bool):
                raise OperandError('operand 2 key "pretty" failed cast to bool')
            pretty = option
            continue
        if key not in ("indent", "prefix"):
            raise OperandError(
                f"operand 2 object contained unknown key {json.dumps(key)}"
            )
        if not isinstance(option, str):
            raise OperandError(
                f'operand 2 key "{key}" failed cast to string: '
                f"operand 0 must be string but got {type_name(option)}"
            )
        styled = True
        if key == "indent":
            indent = option
        else:
            prefix = option
    if pretty is None:
        pretty = styled
    if not pretty:
        return dump(value)
    size, depth = _laid_out(value, len(prefix) + 1, len(indent))
    reserve(2 * size)
    # Each level is joined anew
    charge(size * depth >> 7)
    return prefix + dump(value, newline="\n" + prefix, indent=indent)

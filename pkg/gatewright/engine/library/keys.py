"""Rego values as keys of Python's dicts: equal keys are equal values."""

from __future__ import annotations

from collections.abc import Hashable

from gatewright.engine.values import Set, Value, is_object, pairs

__all__ = ["key_of"]


def key_of(value: Value) -> Hashable:
    """Return a hashable stand-in; `true` and `1` differ, `1` and `1.0` do not."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool):
        return ("special", str(value))
    if isinstance(value, list):
        return ("array", *map(key_of, value))
    if isinstance(value, Set):
        return ("set", *map(key_of, value.items))
    if is_object(value):
        return ("object", *((key_of(k), key_of(v)) for k, v in pairs(value)))
    hashable: Hashable = value
    return hashable

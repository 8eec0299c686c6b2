"""Base documents, and what `with` puts in their place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gatewright.engine.search.terms import is_collection, value_key
from gatewright.engine.values import UNDEFINED, Number, Value, make_object, pairs

if TYPE_CHECKING:
    from gatewright.engine.search.steps import Evaluation

__all__ = ["merged", "resolve"]

#: Texts that are the index of an array in a store.
_INDEX: Final = re.compile(r"([+-]?[0-9]+)(\.0*)?")


def resolve(e: Evaluation, path: list[Value]) -> Value:
    """The base document at a path below `data`; UNDEFINED when there is none."""
    search = e.search
    new: Value = UNDEFINED if e.data is UNDEFINED else search.find(e.data, path)
    if search.replaced(path):
        return new
    old: Value = UNDEFINED
    if not any(map(is_collection, path)):
        old = _stored(search.data, path)
        if not path and isinstance(old, dict) and "system" in old:
            old = {key: item for key, item in old.items() if key != "system"}
    if new is UNDEFINED:
        return old
    return new if old is UNDEFINED else merged(new, old)


def _stored(value: Value, path: list[Value]) -> Value:
    """The value at a path; a store's paths are texts, so 2 and "2" are one key."""
    for key in path:
        name = key.text if isinstance(key, Number) else str(key)
        if key is None or isinstance(key, bool):
            return UNDEFINED
        if isinstance(value, dict):
            value = value.get(name, UNDEFINED)
        elif isinstance(value, list) and (index := _INDEX.fullmatch(name)):
            place = int(index[1])
            value = value[place] if 0 <= place < len(value) else UNDEFINED
        else:
            return UNDEFINED
        if value is UNDEFINED:
            break
    return value


def merged(first: Value, second: Value) -> Value:
    """Two documents as one; the first wins."""
    if not (_is_object(first) and _is_object(second)):
        return first
    entries = {value_key(key): (key, item) for key, item in pairs(second)}
    for key, item in pairs(first):
        mark = value_key(key)
        if mark in entries:
            item = merged(item, entries[mark][1])
        entries[mark] = (key, item)
    return make_object(entries.values())


def _is_object(value: Value) -> bool:
    return isinstance(value, dict) or hasattr(value, "pairs")

"""Paths into values, and `json.filter`, `json.remove`."""

from __future__ import annotations

from typing import Any

from gatewright.engine.library.errors import OperandError, operand_error
from gatewright.engine.library.keys import key_of
from gatewright.engine.library.operands import object_
from gatewright.engine.values import (
    UNDEFINED,
    Set,
    Value,
    is_object,
    make_object,
    pairs,
    type_name,
)

__all__ = ["filter_", "read_path", "remove"]

#: key -> None (the whole value is meant) or the tree below it.
_Tree = dict[Any, Any]


def read_path(path: Value) -> list[Value]:
    """Return the steps of a path: `a/b~1c` or an array of keys."""
    if isinstance(path, str):
        if not path:
            return []
        steps = path.lstrip("/").split("/")
        return [step.replace("~1", "/").replace("~0", "~") for step in steps]
    if isinstance(path, list):
        return path
    raise OperandError(
        "operand 2 must be one of {set, array} containing string paths or array of "
        f"path segments but got {type_name(path)}"
    )


def _tree(paths: Value) -> _Tree:
    if isinstance(paths, Set):
        paths = list(paths.items)
    elif not isinstance(paths, list):
        raise operand_error(2, paths, "set", "array")
    root: _Tree = {}
    for steps in map(read_path, paths):
        node: _Tree | None = root
        for step in steps[:-1]:
            if node is None:
                break
            node = node.setdefault(key_of(step), {})
        if steps and node is not None:
            node[key_of(steps[-1])] = None
    return root


def filter_(value: Value, paths: Value) -> Value:
    """Keep what lies on some paths; an array keeps its chosen elements in order."""
    return _filter(object_(value, 1), _tree(paths))


def _filter(value: Value, tree: _Tree | None) -> Value:
    if tree is None:
        return value
    if isinstance(value, list):
        kept = [(str(i), item) for i, item in enumerate(value) if str(i) in tree]
        return [_filter(item, tree[index]) for index, item in kept]
    if isinstance(value, Set):
        members = [item for item in value.items if key_of(item) in tree]
        return Set([_filter(item, tree[key_of(item)]) for item in members])
    if is_object(value):
        entries = [(k, v) for k, v in pairs(value) if key_of(k) in tree]
        return make_object((k, _filter(v, tree[key_of(k)])) for k, v in entries)
    return value


def remove(value: Value, paths: Value) -> Value:
    """Drop what lies at the end of some paths; an array closes its gaps."""
    return _remove(object_(value, 1), _tree(paths))


def _remove(value: Value, tree: _Tree | None) -> Value:
    """UNDEFINED: the value itself is dropped."""
    if tree is None:
        return UNDEFINED
    if isinstance(value, list):
        kept = [
            _remove(item, tree[str(i)]) if str(i) in tree else item
            for i, item in enumerate(value)
        ]
        return [item for item in kept if item is not UNDEFINED]
    if isinstance(value, Set):
        kept = [
            _remove(item, tree[key_of(item)]) if key_of(item) in tree else item
            for item in value.items
        ]
        return Set([item for item in kept if item is not UNDEFINED])
    if is_object(value):
        entries = [
            (k, _remove(v, tree[key_of(k)]) if key_of(k) in tree else v)
            for k, v in pairs(value)
        ]
        return make_object((k, v) for k, v in entries if v is not UNDEFINED)
    return value

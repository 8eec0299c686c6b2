"""`json.patch`: RFC 6902 over Rego values, sets included.

A member of a set is its own path step. Values are never changed in place: an
operation makes new ones along its path.
"""

from __future__ import annotations

from collections.abc import Callable

from gatewright.engine.library.budget import LINE, charge
from gatewright.engine.library.errors import BuiltinError, operand_error
from gatewright.engine.library.gotext import rego_text
from gatewright.engine.library.jsontext import key_text
from gatewright.engine.library.operands import short_integer
from gatewright.engine.library.paths import read_path
from gatewright.engine.values import (
    UNDEFINED,
    Set,
    Value,
    equal,
    is_number,
    is_object,
    make_object,
    number_text,
    pairs,
    type_name,
)

__all__ = ["patch"]

_Path = list[Value]
_NEEDS_VALUE = ("add", "replace", "test")
_NEEDS_FROM = ("move", "copy")


def patch(target: Value, operations: Value) -> Value:
    """Apply operations in order; BuiltinError when one fails."""
    if not isinstance(operations, list):
        raise operand_error(2, operations, "array")
    for operation in operations:
        if not is_object(operation):
            raise BuiltinError(
                "must be an array of JSON-Patch objects, "
                "but at least one element is not an object"
            )
        target = _apply(target, dict(pairs_by_text(operation)))
    if target is UNDEFINED:
        raise BuiltinError("the patch removes the whole value")
    return target


def pairs_by_text(value: Value) -> list[tuple[str, Value]]:
    """Return the (key, value) pairs of an object whose keys are strings."""
    return [(key, entry) for key, entry in pairs(value) if isinstance(key, str)]


def _apply(target: Value, operation: dict[str, Value]) -> Value:
    op = operation.get("op", UNDEFINED)
    if op is UNDEFINED:
        raise BuiltinError("missing required attribute 'op'")
    if not isinstance(op, str):
        raise BuiltinError(
            f"attribute 'op' must be a string but found: {type_name(op)}"
        )
    path = read_path(_attribute(operation, "path"))
    if op in _NEEDS_VALUE:
        value = _attribute(operation, "value")
    elif op in _NEEDS_FROM:
        source = read_path(_attribute(operation, "from"))
        value = _get(target, source)
    elif op != "remove":
        raise BuiltinError(f"unrecognized op: '{op}'")
    if op == "test":
        found = _get(target, path)
        if not equal(found, value):
            raise BuiltinError(
                "value from EditTree != patch value.\n\n"
                f"Expected: {rego_text(value)}\n\nFound: {rego_text(found)}"
            )
        return target
    if op == "move":
        if source and len(source) < len(path) and equal(path[: len(source)], source):
            raise BuiltinError(
                "cannot unfold the already deleted composite node for key "
                f"{rego_text(source[-1])}"
            )
        target = _remove(target, source)
    elif op in ("remove", "replace") and (path or op == "remove"):
        target = _remove(target, path)
    return target if op == "remove" else _insert(target, path, value)


def _attribute(operation: dict[str, Value], name: str) -> Value:
    if name not in operation:
        raise BuiltinError(f"missing required attribute '{name}'")
    return operation[name]


def _index(array: list[Value], step: Value) -> int:
    """Return the place a step means; `-` is behind the last."""
    if is_number(step):
        index = short_integer(number_text(step))
        if index is None:
            raise BuiltinError("invalid number type for indexing")
        return index
    if not isinstance(step, str):
        raise BuiltinError("invalid type for indexing")
    if step == "-":
        return len(array)
    index = short_integer(step)
    if index is None:
        raise BuiltinError("invalid string for indexing")
    if step != "0" and step.startswith("0"):
        raise BuiltinError("leading zeros are not allowed in JSON paths")
    return index


def _copy(value: Value) -> None:
    """Charge for a look at each member, or for a copy: arrays are cheap to copy."""
    if isinstance(value, list):
        charge(LINE + len(value) // 2)
    elif isinstance(value, Set):
        charge(LINE + 4 * LINE * len(value.items))
    elif is_object(value):
        charge(LINE + 4 * LINE * len(value))


def _child(value: Value, step: Value) -> Value:
    _copy(value)
    if isinstance(value, list):
        index = _index(value, step)
        if not 0 <= index < len(value):
            raise BuiltinError(
                f"path {index} does not exist in array term {rego_text(value)}"
            )
        return value[index]
    if isinstance(value, Set):
        for item in value.items:
            if equal(item, step):
                return item
        raise BuiltinError(
            f"path {key_text(step)} does not exist in set term {rego_text(value)}"
        )
    if is_object(value):
        for key, entry in pairs(value):
            if equal(key, step):
                return entry
        raise BuiltinError(
            f"path {rego_text(step)} does not exist in object term {rego_text(value)}"
        )
    if value is UNDEFINED:
        raise BuiltinError("deleted node encountered during insert operation")
    raise _scalar(value, f" for path {rego_text(step)}")


def _scalar(value: Value, where: str = "") -> BuiltinError:
    names = {"null": "Null", "boolean": "Boolean", "number": "Number"}
    name = names.get(type_name(value), "String")
    return BuiltinError(
        f"expected composite type{where}, found value: {rego_text(value)} "
        f"(type: ast.{name})"
    )


def _get(value: Value, path: _Path) -> Value:
    for step in path:
        value = _child(value, step)
    return value


def _change(value: Value, path: _Path, change: Callable[[Value], Value]) -> Value:
    """Return the value with the one at a path replaced by what `change` makes."""
    if not path:
        return change(value)
    step = path[0]
    child = _change(_child(value, step), path[1:], change)
    _copy(value)
    if isinstance(value, list):
        index = _index(value, step)
        return [*value[:index], child, *value[index + 1 :]]
    if isinstance(value, Set):
        return Set([child if equal(x, step) else x for x in value.items])
    return make_object((k, child if equal(k, step) else v) for k, v in pairs(value))


def _insert(target: Value, path: _Path, value: Value) -> Value:
    if not path:
        return value
    step = path[-1]

    def into(parent: Value) -> Value:
        _copy(parent)
        if isinstance(parent, list):
            index = _index(parent, step)
            if not 0 <= index <= len(parent):
                raise BuiltinError("index for array insertion out of bounds")
            return [*parent[:index], value, *parent[index:]]
        if isinstance(parent, Set):
            if not equal(step, value):
                raise BuiltinError(
                    f"set key {rego_text(step)} does not equal value to be inserted "
                    f"{rego_text(value)}"
                )
            return Set([*parent.items, value])
        if is_object(parent):
            return make_object([*pairs(parent), (step, value)])
        if parent is UNDEFINED:
            raise BuiltinError("deleted node encountered during insert operation")
        raise _scalar(parent)

    return _change(target, path[:-1], into)


def _remove(target: Value, path: _Path) -> Value:
    if not path:
        return UNDEFINED
    step = path[-1]

    def out_of(parent: Value) -> Value:
        _copy(parent)
        if isinstance(parent, list):
            index = _index(parent, step)
            if not 0 <= index < len(parent):
                raise BuiltinError("index for array delete out of bounds")
            return [*parent[:index], *parent[index + 1 :]]
        if isinstance(parent, Set):
            kept = [item for item in parent.items if not equal(item, step)]
            if len(kept) < len(parent.items):
                return Set(kept)
        elif is_object(parent):
            entries = list(pairs(parent))
            left = [(key, entry) for key, entry in entries if not equal(key, step)]
            if len(left) < len(entries):
                return make_object(left)
        else:
            raise _scalar(parent)
        raise BuiltinError(
            f"cannot delete child key {rego_text(step)} that does not exist"
        )

    return _change(target, path[:-1], out_of)

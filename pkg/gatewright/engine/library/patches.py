"""`json.patch`: RFC 6902 over Rego values, sets included; a member of a set is its
own step of a path."""

from __future__ import annotations

from gatewright.engine.library.edits import Edits
from gatewright.engine.library.errors import BuiltinError, operand_error
from gatewright.engine.library.gotext import rego_text
from gatewright.engine.library.paths import read_path
from gatewright.engine.values import (
    UNDEFINED,
    Value,
    equal,
    is_object,
    pairs,
    type_name,
)

__all__ = ["patch"]


def patch(target: Value, operations: Value) -> Value:
    """Apply operations in order; BuiltinError when one fails."""
    if not isinstance(operations, list):
        raise operand_error(2, operations, "array")
    edits = Edits(target)
    for operation in operations:
        if not is_object(operation):
            raise BuiltinError(
                "must be an array of JSON-Patch objects, "
                "but at least one element is not an object"
            )
        _apply(
            edits,
            {key: entry for key, entry in pairs(operation) if isinstance(key, str)},
        )
    patched = edits.render()
    if patched is UNDEFINED:
        # `opa` has no value to go on with, and breaks down
        raise BuiltinError("the patch removes the whole value")
    return patched


def _apply(edits: Edits, operation: dict[str, Value]) -> None:
    place = _attribute(operation, "path")
    op = _attribute(operation, "op")
    if not isinstance(op, str):
        raise BuiltinError(
            f"attribute 'op' must be a string but found: {type_name(op)}"
        )
    path = read_path(place)
    if op == "add":
        edits.insert_at(path, _attribute(operation, "value"))
    elif op == "remove":
        edits.delete_at(path)
    elif op == "replace":
        edits.delete_at(path)
        edits.insert_at(path, _attribute(operation, "value"))
    elif op in ("move", "copy"):
        source = read_path(_attribute(operation, "from"))
        value = edits.unfold(source).render()
        if op == "move":
            edits.delete_at(source)
        edits.insert_at(path, value)
    elif op == "test":
        _test(edits.unfold(path).render(), _attribute(operation, "value"))
    else:
        raise BuiltinError(f"unrecognized op: '{op}'")


def _test(found: Value, wanted: Value) -> None:
    if found is not UNDEFINED and equal(found, wanted):
        return
    shown = "<nil>" if found is UNDEFINED else rego_text(found)
    raise BuiltinError(
        "value from EditTree != patch value.\n\n"
        f"Expected: {rego_text(wanted)}\n\nFound: {shown}"
    )


def _attribute(operation: dict[str, Value], name: str) -> Value:
    if name not in operation:
        raise BuiltinError(f"missing required attribute '{name}'")
    return operation[name]

"""How a builtin fails.

`BuiltinError` and `OperandError` carry OPA's text without the `<builtin>: ` in front, which the caller adds.
A failed call is undefined unless errors are strict.
"""

from __future__ import annotations

__all__ = [
    "BuiltinError",
    "OperandError",
    "UnsupportedBuiltin",
    "element_error",
    "operand_error",
]

from gatewright.engine.values import Value, type_name


class BuiltinError(Exception):
    """The call failed: `eval_builtin_error`."""


class OperandError(BuiltinError):
    """An operand has the wrong type: `eval_type_error`."""


class UnsupportedBuiltin(Exception):
    """Declared, yet nothing carries it out: `eval_internal_error`, never undefined."""

    def __init__(self, name: str) -> None:
        super().__init__(f"unsupported built-in: {name}")


def operand_error(position: int, got: Value, *expected: str) -> OperandError:
    """`operand 1 must be number but got string`, or `must be one of {...}`."""
    wanted = expected[0] if len(expected) == 1 else f"one of {{{', '.join(expected)}}}"
    return OperandError(f"operand {position} must be {wanted} but got {type_name(got)}")


def element_error(
    position: int, composite: Value, got: Value, *expected: str
) -> OperandError:
    """`operand 1 must be array of numbers but got array containing string`."""
    of = type_name(composite)
    wanted = (
        f"{expected[0]}s"
        if len(expected) == 1
        else f"(any of) {{{', '.join(expected)}}}"
    )
    return OperandError(
        f"operand {position} must be {of} of {wanted} "
        f"but got {of} containing {type_name(got)}"
    )

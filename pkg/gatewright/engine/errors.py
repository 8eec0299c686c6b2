"""How an evaluation ends when it does not end with a value."""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple

from gatewright.engine.values import integer_text

__all__ = [
    "BUILTIN_ERROR",
    "CANCEL_ERROR",
    "CONFLICT_ERROR",
    "INTERNAL_ERROR",
    "TYPE_ERROR",
    "BudgetExceeded",
    "EvalError",
    "Frame",
    "MessageError",
    "Place",
]

BUILTIN_ERROR: Final = "eval_builtin_error"
CANCEL_ERROR: Final = "eval_cancel_error"
CONFLICT_ERROR: Final = "eval_conflict_error"
INTERNAL_ERROR: Final = "eval_internal_error"
TYPE_ERROR: Final = "eval_type_error"


class Place(NamedTuple):
    """Where in a policy: file, and row and column from 1."""

    file: str
    row: int
    col: int


class Frame(NamedTuple):
    """One body that was being evaluated when an error came up.

    `text`: the expression, with the values that its variables had.
    """

    query: int
    location: Place | None
    text: str

    def __str__(self) -> str:
        place = self.location
        if place is None:
            return "<unknown>"
        file, row, col = place
        where = f"{file}:{row}" if file else f"{row}:{col}"
        return f"{where}: {self.text}" if self.text else where

    def to_json(self) -> dict[str, Any]:
        """Return the object OPA prints for this frame in JSON output."""
        out: dict[str, Any] = {"query_id": self.query}
        if self.location is not None:
            out["location"] = self.location._asdict()
        return out


def error_text(code: str, message: str, location: tuple[str, int, int] | None) -> str:
    """Return an error as OPA prints it: place (file, row, column), code, message."""
    if location is None:
        return f"{code}: {message}"
    file, row, col = location
    return (
        f"{file}:{row}: {code}: {message}"
        if file
        else f"{row}:{col}: {code}: {message}"
    )


class EvalError(Exception):
    """Evaluation failed.  Its text is OPA's: place, code, message.

    `code` is one of OPA's (`eval_conflict_error`); `location` is None where the
    place is not known.  `stack`: what was being evaluated, innermost first; only
    the evaluator of traces knows.
    """

    stack: tuple[Frame, ...] = ()

    def __init__(self, code: str, message: str, location: Place | None = None) -> None:
        super().__init__(code, message, location)
        self.code = code
        self.message = message
        self.location = location

    def __str__(self) -> str:
        return error_text(self.code, self.message, self.location)

    def to_json(self) -> dict[str, Any]:
        """Return the object OPA prints for this error in JSON output."""
        out: dict[str, Any] = {"message": self.message, "code": self.code}
        if self.location is not None:
            out["location"] = self.location._asdict()
        if self.stack:
            out["stack_trace"] = [frame.to_json() for frame in self.stack]
        return out


class MessageError(EvalError):
    """A violation's `msg` is no string, which fails the whole query.

    The text is the one that Gatekeeper's driver gives.
    """

    def __init__(self, value: object) -> None:
        super().__init__(INTERNAL_ERROR, _accessor_text(value))

    def __str__(self) -> str:
        return self.message


class BudgetExceeded(Exception):
    """A call was stopped before it had a result.

    `reason`: `steps` (its budget), `memory` (the limit of its batch) or
    `cancelled` (the deadline of the batch, or somebody's wish).  `location`: where
    it was then, None if it had not begun.
    """

    def __init__(
        self,
        reason: Literal["steps", "memory", "cancelled"],
        location: Place | None = None,
    ) -> None:
        super().__init__(reason, location)
        self.reason = reason
        self.location = location

    def __str__(self) -> str:
        return _REASONS[self.reason]


_REASONS: Final = {
    "steps": "evaluation took more steps than it may",
    "memory": "evaluation took more memory than it may",
    "cancelled": "caller cancelled query execution",
}


def _accessor_text(value: object) -> str:
    shown, kind = _go_text(value), _go_type(value)
    return (
        f"extracting message binding: .msg accessor error: {shown} is of the type"
        f" {kind}, expected string"
    )


def _go_type(value: object) -> str:
    """The Go type that a value has once it is decoded from JSON."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    if isinstance(value, dict) or hasattr(value, "pairs"):
        return "map[string]interface {}"
    if isinstance(value, list) or hasattr(value, "items"):
        return "[]interface {}"
    return "json.Number"


def _go_text(value: Any) -> str:
    """A value as Go's `%v` prints it."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        parts = [f"{key}:{_go_text(value[key])}" for key in sorted(value)]
        return f"map[{' '.join(parts)}]"
    if hasattr(value, "pairs"):
        parts = [f"{_go_text(key)}:{_go_text(item)}" for key, item in value.pairs]
        return f"map[{' '.join(sorted(parts))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(_go_text, value))}]"
    if hasattr(value, "items"):
        return f"[{' '.join(map(_go_text, value.items))}]"
    return integer_text(value) if isinstance(value, int) else str(value)

"""Errors of the Rego front end, with the texts that OPA prints.

An `Error` has a stable code, one message and a place.  `RegoErrors` carries a
list of them; parser and compile stages raise it.  One error prints as

    policy.rego:3: rego_parse_error: unexpected } token
    <TAB>q if { x := }
    <TAB>            ^

and as `row:col: code: message` when its module has no file name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gatewright.rego.ast import Location

__all__ = [
    "COMPILE_ERROR",
    "ERROR_LIMIT",
    "FORMAT_ERROR",
    "PARSE_ERROR",
    "RECURSION_ERROR",
    "TYPE_ERROR",
    "UNSAFE_VAR_ERROR",
    "Error",
    "RegoErrors",
    "limited",
]

PARSE_ERROR: Final = "rego_parse_error"
COMPILE_ERROR: Final = "rego_compile_error"
TYPE_ERROR: Final = "rego_type_error"
UNSAFE_VAR_ERROR: Final = "rego_unsafe_var_error"
RECURSION_ERROR: Final = "rego_recursion_error"
FORMAT_ERROR: Final = "rego_format_error"

#: How many errors OPA collects before it gives up with `error limit reached`.
ERROR_LIMIT: Final = 10


@dataclass(frozen=True, slots=True)
class Error:
    """One finding about a module or a query.

    `details` are the lines printed below the message.  `data` is the same
    detail as OPA's JSON output shows it (`{"line": ..., "idx": ...}` for a
    parse error), None when there is no such form.  `loc` may be None for an
    error about everything (the error limit).
    """

    code: str
    message: str
    loc: Location | None = None
    details: tuple[str, ...] = ()
    data: Mapping[str, Any] | None = field(default=None, compare=False)

    def format(self) -> str:
        """Return OPA's text: place, code, message, then the details."""
        head = f"{self.code}: {self.message}"
        if self.loc is not None:
            if self.loc.file:
                head = f"{self.loc.file}:{self.loc.row}: {head}"
            else:
                head = f"{self.loc.row}:{self.loc.col}: {head}"
        return "\n\t".join((head, *self.details))

    def __str__(self) -> str:
        return self.format()

    def to_json(self) -> dict[str, Any]:
        """Return the object OPA prints for this error in JSON output."""
        out: dict[str, Any] = {"message": self.message, "code": self.code}
        if self.loc is not None:
            out["location"] = {
                "file": self.loc.file,
                "row": self.loc.row,
                "col": self.loc.col,
            }
        if self.data is not None:
            out["details"] = dict(self.data)
        return out


class RegoErrors(Exception):
    """One or more errors, in the order OPA reports them."""

    def __init__(self, errors: Iterable[Error]) -> None:
        self.errors: list[Error] = list(errors)
        super().__init__(self.errors)

    def __str__(self) -> str:
        if not self.errors:
            return "no error(s)"
        if len(self.errors) == 1:
            return f"1 error occurred: {self.errors[0].format()}"
        lines = [f"{len(self.errors)} errors occurred:"]
        lines += [error.format() for error in self.errors]
        return "\n".join(lines)


def limited(errors: Iterable[Error], *, limit: int = ERROR_LIMIT) -> list[Error]:
    """Keep the first `limit` errors; say so when some were dropped.

    A limit below 1 keeps everything, as OPA's compiler option does.
    """
    kept: list[Error] = []
    for error in errors:
        if 0 < limit <= len(kept):
            kept.append(Error(COMPILE_ERROR, "error limit reached"))
            break
        kept.append(error)
    return kept

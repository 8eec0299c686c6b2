"""Differences to the real one that stand, each with its reason."""

from __future__ import annotations

from tests.fuzz.compare import Difference

_CONFLICT = "eval_conflict_error"
_RAISED = ("eval_builtin_error", "eval_type_error")


def known(difference: Difference) -> str | None:
    """The reason for a difference that stands, None for one that is news."""
    ours, theirs = difference.ours, difference.theirs
    if theirs.code == "eval_internal_error" and "requires evaluation" in theirs.text:
        return "a fault of OPA: an operand that it has not evaluated"
    if (
        difference.what == "strict"
        and ours.code == _CONFLICT
        and theirs.code in _RAISED
    ):
        # The first value goes on into what asked for it before OPA looks for another.
        return "strict: OPA goes on with the first value of a conflict"
    return None

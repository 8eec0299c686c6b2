"""Differences to the real one that stand, each with its reason."""

from __future__ import annotations

import re

from tests.fuzz.compare import Difference

_CONFLICT = "eval_conflict_error"
_KEYS = f"{_CONFLICT}: object keys must be unique"
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
    if ours.code == _CONFLICT and theirs.code == _CONFLICT:
        # The same, and then another conflict is met first.
        return "OPA goes on with the first value of a conflict"
    if _KEYS in ours.text and theirs.kind in ("value", "undefined"):
        # We make the whole object, OPA only the key that is asked for.
        return "a conflict at a key that nobody asked for"
    if difference.what == "compile" and _plain(ours.text) == _plain(theirs.text):
        return "the number of a generated variable in a text"
    return None


def _plain(text: str) -> str:
    return re.sub(r"__local\d+__", "__local__", text)

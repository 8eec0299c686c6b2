"""Differences to the real one that stand, each with its reason."""

from __future__ import annotations

import re
from typing import Final

from tests.fuzz.compare import Difference
from tests.fuzz.generate import Program

#: `with input as data.a with input.b as 1`: a part of a base document is replaced.
_WRITES: Final = re.compile(r"\bwith (\S+) as data\b.* with \1[.\[]")


def known(difference: Difference, program: Program) -> str | None:
    """The reason for a difference that stands, None for one that is news."""
    theirs = difference.theirs
    if theirs.code == "eval_internal_error" and "requires evaluation" in theirs.text:
        return "a fault of OPA: an operand that it has not evaluated"
    if any(map(_WRITES.search, program.modules().values())):
        # `CopyValue` of ast/term.go leaves out lazy objects, so `mergeTermWithValues`
        # of topdown/input.go writes into the document itself: in
        # `[data.d, x, data.d]` both are then what only `x` should be, and `x` is not.
        return "a fault of OPA: `with` writes into a base document"
    return None

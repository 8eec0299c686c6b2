"""Plan in, better plan out: the passes, in the order they run.

- `code`: jumps to jumps and code never reached; values computed where they are
  wanted; instructions whose result nobody reads; as few registers as the live values
  need.
- `search`: many tests of one value become a binary search.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from typing import Final

from gatewright.ir.program import Function
from gatewright.plan.builder import Tables
from gatewright.plan.passes.code import rewrite
from gatewright.plan.passes.search import add_search
from gatewright.rego import ast

__all__ = ["PASSES", "WITHOUT", "leave_out", "leaves_out", "optimize"]

#: What can be left out, by name: the passes, and what planning itself does (`joins`,
#: `lookups`, `hoist`).
PASSES: Final = (
    *("jumps", "moves", "dead", "registers", "search"),
    *("joins", "lookups", "hoist"),
)

#: What `code` does: jumps again where dead code is gone.
_CODE: Final = ("jumps", "moves", "dead", "jumps", "registers")


def _named(text: str) -> frozenset[str]:
    names = frozenset(text.replace(",", " ").split())
    if "all" in names:
        return frozenset(PASSES)
    unknown = sorted(names.difference(PASSES))
    if unknown:
        raise ValueError(
            f"no optimisation {unknown[0]}; there are all, {', '.join(PASSES)}"
        )
    return names


#: What this process leaves out: the environment's GATEWRIGHT_NO_OPT, names with
#: blanks or commas between them, or `all`.
WITHOUT = _named(os.environ.get("GATEWRIGHT_NO_OPT", ""))


def leave_out(names: str) -> None:
    """Leave out what is named, here and in processes started from here.

    Names as GATEWRIGHT_NO_OPT has them.  Raises ValueError for one that is none.
    """
    global WITHOUT
    WITHOUT = _named(names)
    os.environ["GATEWRIGHT_NO_OPT"] = names


def leaves_out(name: str) -> bool:
    """Whether this process leaves that out."""
    return name in WITHOUT


def optimize(
    function: Function,
    tables: Tables,
    params: Sequence[int],
    *,
    without: Collection[str] | None = None,
) -> Function:
    """Run all passes over one function, less those in `without` (None: `WITHOUT`).

    `params` holds the number of parameters of each function of the program.
    """
    if without is None:
        without = WITHOUT
    function = rewrite(
        function,
        [name for name in _CODE if name not in without],
        params=params,
        false=lambda: tables.constant(ast.Boolean(False)),
    )
    if "search" not in without:
        function = add_search(function, tables.terms, params)
    return function

"""Plan in, better plan out: one pass a file, in the order they run.

- `jumps`: jumps to jumps, tests that jump over a jump, code never reached.
- `moves`: values computed where they are wanted.
- `dead`: instructions whose result nobody reads.
- `registers`: as few registers as the live values need.
- `search`: many tests of one value become a binary search.
- `edit`: what the passes share: replacing operands, taking instructions out.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from typing import Final

from gatewright.ir.program import Function
from gatewright.plan.builder import Tables
from gatewright.plan.passes.dead import remove_dead
from gatewright.plan.passes.jumps import thread_jumps
from gatewright.plan.passes.moves import coalesce_moves
from gatewright.plan.passes.registers import pack_registers
from gatewright.plan.passes.search import add_search

__all__ = ["PASSES", "WITHOUT", "optimize"]

#: The passes, by the names under which each can be left out.
PASSES: Final = ("jumps", "moves", "dead", "registers", "search")


def _named(text: str) -> frozenset[str]:
    names = frozenset(text.replace(",", " ").split())
    if "all" in names:
        return frozenset(PASSES)
    unknown = sorted(names.difference(PASSES))
    if unknown:
        raise ValueError(
            f"GATEWRIGHT_NO_OPT: no pass {unknown[0]}; there are {', '.join(PASSES)}"
        )
    return names


#: Passes that this process leaves out: the environment's GATEWRIGHT_NO_OPT, names
#: with blanks or commas between them, or `all`.
WITHOUT = _named(os.environ.get("GATEWRIGHT_NO_OPT", ""))


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
    if "jumps" not in without:
        function = thread_jumps(function, tables.constant)
    if "moves" not in without:
        function = coalesce_moves(function, params)
    if "dead" not in without:
        function = remove_dead(function, params)
    if "jumps" not in without:
        function = thread_jumps(function, tables.constant)
    if "registers" not in without:
        function = pack_registers(function, params)
    if "search" not in without:
        function = add_search(function, tables.terms, params)
    return function

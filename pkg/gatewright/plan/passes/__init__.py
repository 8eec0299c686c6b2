"""Plan in, better plan out: the passes, in the order they run.

Over a whole program:

- `idle`: questions go that the next one asks again.
- `inline`: small functions stand where they were called.
- `reach`: what nothing leads to any more goes.

Over each function:

- `code`: jumps to jumps and code never reached; values computed where they are
  wanted; instructions whose result nobody reads; as few registers as the live values
  need.
- `search`: many tests of one value become a binary search.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from gatewright.ir.program import Function
from gatewright.plan.builder import Tables
from gatewright.plan.constants import term_text
from gatewright.plan.passes.code import rewrite
from gatewright.plan.passes.idle import Asked, without_idle
from gatewright.plan.passes.inline import Inliner
from gatewright.plan.passes.reach import reached, with_functions
from gatewright.plan.passes.search import add_search
from gatewright.rego import ast

__all__ = [
    "PASSES",
    "WITHOUT",
    "leave_out",
    "leaves_out",
    "optimize",
    "optimize_program",
]

#: What can be left out, by name: the passes, what planning itself does (`joins`,
#: `lookups`, `hoist`), what evaluation does (`quiet`, `paths`), and that reviews take
#: routes that were learned (`routes`).
PASSES: Final = (
    *("idle", "inline", "jumps", "moves", "dead", "registers", "search"),
    *("joins", "lookups", "hoist"),
    *("quiet", "paths", "routes"),
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


def optimize_program(
    tables: Tables, params: Sequence[int], *, asked: Mapping[int, Asked]
) -> None:
    """Run all passes over the functions of a program, less those in `WITHOUT`.

    `params` holds the number of parameters of each function; `asked`: see `idle`.
    """
    functions = [one for one in tables.functions if one is not None]
    if asked and not leaves_out("idle"):
        functions = [
            without_idle(
                function,
                params,
                asked=asked,
                path_of=lambda number: term_text(tables.terms[number]),
            )
            for function in functions
        ]
    if not leaves_out("inline"):
        inliner = Inliner(functions, params, tables.terms)
        functions = [inliner.expanded(number) for number in range(len(functions))]
    numbers = reached(
        functions,
        [*tables.entrypoints.values(), *(one.function for one in tables.indexes)],
    )
    if len(numbers) < len(functions):
        functions = [with_functions(functions[old], numbers) for old in numbers]
        params = [params[old] for old in numbers]
        tables.entrypoints = {
            name: numbers[old] for name, old in tables.entrypoints.items()
        }
        tables.indexes = [
            one._replace(function=numbers[one.function]) for one in tables.indexes
        ]
    tables.functions = [optimize(one, tables, params) for one in functions]


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

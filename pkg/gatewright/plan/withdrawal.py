"""The last look at joins, once all functions are planned.

What stands between a loop and the comparison that its index answers is not evaluated
for documents that are left out.  Where that could be seen, since it can stop
evaluation or say something, the index is withdrawn: the loop goes through all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from gatewright.ir.opcodes import BY_NAME
from gatewright.ir.program import Function, Instr

__all__ = ["Watched", "index_numbers", "renumbered", "withdraw"]

_LOUD: Final = frozenset(
    BY_NAME[name]
    for name in (
        *("ERR", "ONCE", "OADD", "BPUT", "BADD", "MOCKED", "OVERRIDE", "TRY"),
        *("WPUSH", "WPOP", "WINPUT", "WINPUTP", "WDATA", "WMOCKV", "WMOCKF", "WMOCKB"),
    )
)
_CALLS: Final = frozenset({BY_NAME["CALL"], BY_NAME["RULE"]})
_BUILTIN: Final = BY_NAME["BUILTIN"]
_INDEX: Final = BY_NAME["INDEX"]
_JUMP: Final = BY_NAME["JUMP"]


@dataclass(slots=True)
class Watched:
    """Code that an index may skip: of a function, from one place to another."""

    function: int
    index: int
    first: int
    end: int = -1


def withdraw(
    functions: Sequence[Function | None],
    watched: Sequence[Watched],
    loud_builtin: Callable[[int], bool],
) -> dict[int, Function]:
    """The functions in which an index may not be asked, without asking it."""
    known: dict[int, bool] = {}

    def is_loud(code: Sequence[Instr]) -> bool:
        for op, args in code:
            if op in _LOUD or (op == _BUILTIN and loud_builtin(args[1])):
                return True
            if op in _CALLS and function_is_loud(args[1]):
                return True
        return False

    def function_is_loud(number: int) -> bool:
        found = known.get(number)
        if found is None:
            known[number] = False  # rules do not call themselves
            function = functions[number]
            found = known[number] = function is None or is_loud(function.code)
        return found

    out: dict[int, Function] = {}
    for one in watched:
        function = out.get(one.function) or functions[one.function]
        assert function is not None
        if one.end >= 0 and not is_loud(function.code[one.first : one.end]):
            continue
        code = [
            Instr(_JUMP, (instr.args[3],))
            if instr.op == _INDEX and instr.args[1] == one.index
            else instr
            for instr in function.code
        ]
        out[one.function] = replace(function, code=tuple(code))
    return out


def index_numbers(functions: Sequence[Function | None]) -> set[int]:
    """The indexes that some function asks."""
    return {
        instr.args[1]
        for function in functions
        if function is not None
        for instr in function.code
        if instr.op == _INDEX
    }


def renumbered(function: Function, numbers: Mapping[int, int]) -> Function:
    """A function that names its indexes by other numbers."""
    code = []
    for instr in function.code:
        if instr.op == _INDEX:
            found, index, key, none = instr.args
            instr = Instr(_INDEX, (found, numbers[index], key, none))
        code.append(instr)
    return replace(function, code=tuple(code))

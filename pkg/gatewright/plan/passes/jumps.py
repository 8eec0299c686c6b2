"""Jump threading.

    EQ r1 r2 -> L2              NEQ r1 r2 -> L9
    JUMP L9              =>   L2:
  L2:

A label on a `JUMP` becomes that jump's target; a jump to the next instruction
goes, and so does what nothing reaches.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from gatewright.ir.opcodes import BY_NAME, RELATIONS
from gatewright.ir.program import JUMPS, LABEL_PLACES, Function, Instr, labels_of
from gatewright.plan.passes.edit import keep, with_labels
from gatewright.rego import ast

__all__ = ["thread_jumps"]

#: Gives the index of a constant.
Constant: TypeAlias = Callable[[ast.Term], int]

_JUMP: Final = BY_NAME["JUMP"]
_RETU: Final = BY_NAME["RETU"]
_OPPOSITE: Final = {"EQ": "NEQ", "NEQ": "EQ", "DEF": "UNDEF", "UNDEF": "DEF"}
_OPPOSITE_RELATION: Final = {
    "equal": "neq",
    "neq": "equal",
    "lt": "gte",
    "lte": "gt",
    "gt": "lte",
    "gte": "lt",
}


def thread_jumps(function: Function, constant: Constant) -> Function:
    """Shorten the ways through a function."""
    while True:
        after = _round(function, constant)
        if len(after.code) == len(function.code):
            return after
        function = after


def _round(function: Function, constant: Constant) -> Function:
    code = list(function.code)

    def final(label: int) -> int:
        seen = set()
        while code[label].op == _JUMP and label not in seen:
            seen.add(label)
            label = code[label].args[0]
        return label

    labelled = {label for instr in code for label in labels_of(instr)}
    jumps = [index for index, instr in enumerate(code) if instr.op == _JUMP]
    through = labelled.intersection(jumps)
    if through:
        for index, instr in enumerate(code):
            if LABEL_PLACES[instr.op] and not through.isdisjoint(labels_of(instr)):
                code[index] = with_labels(instr, final)
        labelled = {label for instr in code for label in labels_of(instr)}
    wanted = [True] * len(code)
    for place in jumps:
        index = place - 1
        jump = code[place]
        if index < 0 or place + 1 >= len(code) or place in labelled:
            continue
        opposite = _opposite(code[index], constant, over=index + 2, to=jump.args[0])
        if opposite is not None:
            code[index] = opposite
            wanted[place] = False
    for index in jumps:
        if wanted[index] and code[code[index].args[0]].op == _RETU:
            code[index] = Instr(_RETU, ())
    reached = _reached(code, wanted)
    for index, instr in enumerate(code):
        if not reached[index] or (instr.op == _JUMP and instr.args[0] == index + 1):
            wanted[index] = False
    return keep(function, code, wanted)


def _opposite(instr: Instr, constant: Constant, *, over: int, to: int) -> Instr | None:
    """The test that goes `to` where this one goes on, if this fails to `over`."""
    name = instr.name
    *args, label = instr.args or (-1,)
    if label != over:
        return None
    if name in _OPPOSITE:
        return Instr(BY_NAME[_OPPOSITE[name]], (*args, to))
    if name in ("CMPJ", "CMPKJ"):
        relation = RELATIONS.index(_OPPOSITE_RELATION[RELATIONS[args[0]]])
        return Instr(instr.op, (relation, *args[1:], to))
    if name == "EQK":
        return Instr(BY_NAME["CMPKJ"], (RELATIONS.index("neq"), *args, to))
    if name == "TRUE":
        return Instr(BY_NAME["EQK"], (*args, constant(ast.Boolean(False)), to))
    return None


def _reached(code: list[Instr], wanted: list[bool]) -> list[bool]:
    reached = [False] * len(code)
    todo = [0]
    while todo:
        index = todo.pop()
        if index >= len(code) or reached[index]:
            continue
        reached[index] = True
        if not wanted[index]:
            todo.append(index + 1)
            continue
        todo += labels_of(code[index])
        if code[index].op not in JUMPS:
            todo.append(index + 1)
    return reached

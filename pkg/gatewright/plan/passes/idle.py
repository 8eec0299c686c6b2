"""Questions that the next one asks again: nobody reads what they find.

    INPUT r1 -> L9                        (r1 and r2 are not read)
    RULE r2 once -> L9            =>    RULE r3 once#2 -> L9
    RULE r3 once#2 -> L9

A call of the input alone is a rule that says all of it, `object.get(object.get(input,
"parameters", {}), "exempt", [])`; what was bound to its parts on the way is seen
through.  Whether there is an input, and whether the inner call has a value, is asked
by the rule as well, and failing leads to the same place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from gatewright.ir.opcodes import BY_NAME
from gatewright.ir.program import (
    LABEL_PLACES,
    Function,
    Instr,
    labels_of,
    uses_and_sets,
)

__all__ = ["INPUT", "Asked", "without_idle"]

#: What a rule made of a call is, and all that it asks on its way.
Asked = tuple[str, frozenset[str]]
#: The input itself, among what is asked.
INPUT: Final = "input"

_INPUT: Final = BY_NAME["INPUT"]
_INPUTK: Final = BY_NAME["INPUTK"]
_RULE: Final = BY_NAME["RULE"]
_LABEL: Final = {_INPUT: 1, _INPUTK: 2, _RULE: 2}


def without_idle(
    function: Function,
    params: Sequence[int],
    *,
    asked: Mapping[int, Asked],
    path_of: Callable[[int], str],
) -> Function:
    """A function without idle questions.

    `params` holds the number of parameters of each function; `asked`: by number, of the
    rules made of calls; `path_of` spells a constant path as it is among what is asked.
    """
    code = function.code
    if all(instr.op != _RULE or instr.args[1] not in asked for instr in code):
        return function
    read = {one for instr in code for one in uses_and_sets(instr, params)[0]}
    targets = {label for instr in code for label in labels_of(instr)}

    def name_of(instr: Instr) -> str | None:
        if instr.op == _INPUT:
            return INPUT
        if instr.op == _INPUTK:
            return path_of(instr.args[1])
        found = asked.get(instr.args[1])
        return None if found is None else found[0]

    gone: set[int] = set()
    for index in range(len(code) - 2, -1, -1):
        instr = code[index]
        place = _LABEL.get(instr.op)
        if place is None or instr.args[0] in read:
            continue
        name = name_of(instr)
        following = index + 1
        # Looking at the input says nothing and fails in nothing else
        while following in gone or code[following].op in (_INPUT, _INPUTK):
            if following in targets or _label(code[following]) != instr.args[place]:
                break
            following += 1
        heir = code[following]
        if (
            heir.op == _RULE
            and following not in targets
            and heir.args[1] in asked
            and _label(heir) == instr.args[place]
            and name in asked[heir.args[1]][1]
        ):
            gone.add(index)
    return _without(function, gone) if gone else function


def _label(instr: Instr) -> int:
    return instr.args[_LABEL[instr.op]]


def _without(function: Function, gone: set[int]) -> Function:
    starts: list[int] = []
    kept = [index for index in range(len(function.code)) if index not in gone]
    size = 0
    for index in range(len(function.code)):
        starts.append(size)
        size += index not in gone
    code = []
    for index in kept:
        op, args = function.code[index]
        places = LABEL_PLACES[op]
        if places:
            mine = list(args)
            for place in places:
                mine[place] = starts[mine[place]]
            args = tuple(mine)
        code.append(Instr(op, args))
    locations = function.locations
    return replace(
        function,
        code=tuple(code),
        locations=tuple(locations[index] for index in kept) if locations else (),
    )

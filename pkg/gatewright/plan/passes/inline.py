"""Calls of small functions: the function's code in place of the call.

    CALL r5 f r3 -> L9           DOTK r7 = r2 "image" -> L9
    TRUE r5 -> L9          =>    EQK r7 "nginx" -> L9
    ...                          ...

A call costs what ten instructions do: a frame, its registers, and what comes back is
tested once more.  Most functions of policies are shorter than that, and say nothing but
true.

What is put in place is the function as it was planned, before any pass, so that each of
its registers has one meaning; a pass over the whole makes it short.  It keeps its places
in the source, so that an error has the place that it had.  Functions stay where

- their results are kept, or they can end in a conflict: both belong to a frame;
- they set contexts, or ask what a context replaces;
- some register may be read that nothing has set: a frame begins with all undefined.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from gatewright.ir.opcodes import BY_NAME
from gatewright.ir.program import (
    LABEL_PLACES,
    NO_LOCATION,
    REGISTER_PLACES,
    SHAPES,
    Function,
    Instr,
    instruction,
    labels_of,
    uses_and_sets,
)
from gatewright.rego import ast

__all__ = ["Inliner"]

#: Instructions of a function that is put in place, and of one that takes some in.
_SMALL: Final = 48
_LARGE: Final = 1500

_PLAIN: Final = frozenset(
    BY_NAME[name]
    for name in (
        *("JUMP", "RET", "RETU", "CONST", "MOVE", "INPUT", "DATA"),
        *("DOT", "DOTK", "PATHK", "INPUTK", "DATAK", "DOTD"),
        *("TRUE", "EQ", "EQK", "NEQ", "CMP", "CMPJ", "CMPKJ", "ARRLEN", "OBJLEN"),
        *("ITER", "NEXT", "ARR", "OBJ", "SET"),
        *("ANEW", "SNEW", "ONEW", "AADD", "SADD", "OADD", "DONE"),
        *("CALL", "RULE", "BUILTIN"),
    )
)
_CALL: Final = BY_NAME["CALL"]
_CONST: Final = BY_NAME["CONST"]
_DEF: Final = BY_NAME["DEF"]
_DOT: Final = BY_NAME["DOT"]
_DOTK: Final = BY_NAME["DOTK"]
_EQ: Final = BY_NAME["EQ"]
_EQK: Final = BY_NAME["EQK"]
_JUMP: Final = BY_NAME["JUMP"]
_MOVE: Final = BY_NAME["MOVE"]
_RET: Final = BY_NAME["RET"]
_RETU: Final = BY_NAME["RETU"]
_RULE: Final = BY_NAME["RULE"]
_TRUE: Final = BY_NAME["TRUE"]
_ENDS: Final = frozenset((_JUMP, _RET, _RETU))
_LOADS: Final = frozenset((_CONST, _MOVE))


@dataclass(frozen=True, slots=True)
class _Body:
    """A function that may be put in place.  `rows` are the parameters that must lie in
    a row as they do; `results` has the constant that a `RET` gives, by its index;
    `starts` where each instruction begins, as a return takes two; `size` is the sum."""

    function: Function
    rows: frozenset[int]
    results: Mapping[int, int]
    starts: Sequence[int]
    size: int


class Inliner:
    """Puts functions of one program into each other.

    `params` holds the number of parameters of each function, `terms` the constants.
    """

    def __init__(
        self,
        functions: Sequence[Function],
        params: Sequence[int],
        terms: Sequence[ast.Term],
    ) -> None:
        self._functions = functions
        self._params = params
        self._terms = terms
        self._done: dict[int, Function] = {}
        self._bodies: dict[int, _Body | None] = {}

    def expanded(self, number: int) -> Function:
        """A function with all that can be put into it."""
        found = self._done.get(number)
        if found is None:
            found = self._done[number] = self._expand(self._functions[number])
        return found

    def _body_of(self, number: int) -> _Body | None:
        if number not in self._bodies:
            # If it came back here, it would find itself without a body
            self._bodies[number] = None
            if not self._functions[number].memo:
                self._bodies[number] = self._body(self.expanded(number))
        return self._bodies[number]

    def constant_of(self, number: int) -> int | None:
        """The constant that a rule is, whatever it is asked in."""
        code = self._functions[number].code
        if len(code) >= 2 and code[0].op == _CONST and code[1].op == _RET:
            set_to, constant = code[0].args
            if code[1].args[0] == set_to:
                return constant
        return None

    # Which ------------------------------------------------------------------

    def _body(self, function: Function) -> _Body | None:
        code = function.code
        if function.memo or len(code) > _SMALL:
            return None
        code = _settled(function, self._params)
        if not _PLAIN.issuperset([op for op, _ in code]):
            return None
        rows = self._rows(code, function.params)
        if rows is None:
            return None
        results: dict[int, int] = {}
        starts: list[int] = []
        size = 0
        targets = _targets(code)
        for index, (op, args) in enumerate(code):
            starts.append(size)
            size += 1
            if op == _RET:
                size += 1
                before = code[index - 1]
                if (
                    before.op == _CONST
                    and before.args[0] == args[0]
                    and index not in targets
                ):
                    results[index] = before.args[1]
        return _Body(replace(function, code=code), rows, results, starts, size)

    def _rows(self, code: Sequence[Instr], params: int) -> frozenset[int] | None:
        """Parameters that are operands in a row; None: the function must stay.

        It must if a parameter lies beside other values in a row or is set, or if
        something is read that may not have been set.  Registers are bits here.
        """
        rows: set[int] = set()
        given = (1 << params) - 1
        facts: list[tuple[int, int]] = []
        for instr in code:
            uses, sets, row = uses_and_sets(instr, self._params)
            if row and row.start < params:
                if row.stop > params:
                    return None
                rows.update(row)
            used = written = 0
            for one in uses:
                used |= 1 << one
            for one in sets:
                written |= 1 << one
            if written & given:
                return None
            facts.append((used, written))
        known = [-1] * len(code)
        todo = [(0, given)]
        while todo:
            index, have = todo.pop()
            while have & known[index] != known[index]:
                have &= known[index]
                known[index] = have
                used, written = facts[index]
                if used & ~have:
                    return None
                instr = code[index]
                # On failure nothing was set
                todo += [(label, have) for label in labels_of(instr)]
                if instr.op in _ENDS:
                    break
                have |= written
                index += 1
        return frozenset(rows)

    # How --------------------------------------------------------------------

    def _expand(self, function: Function) -> Function:
        code = function.code
        plan: dict[int, _Body] = {}
        size = len(code)
        changed = False
        for index, (op, args) in enumerate(code):
            if op == _CALL:
                body = self._body_of(args[1])
                if body is not None and size + body.size <= _LARGE:
                    plan[index] = body
                    size += body.size
            elif op == _RULE and not changed:
                changed = self.constant_of(args[1]) is not None
        if not plan and not changed:
            return function
        return _Expansion(self, function, plan).result()

    def truth(self, constant: int) -> bool | None:
        """Of a boolean constant; None: it is something else."""
        term = self._terms[constant]
        return term.value if isinstance(term, ast.Boolean) else None


class _Expansion:
    """One function while others are put into it.

    A label of the function itself is `~index` until all has its place.
    """

    def __init__(
        self, inliner: Inliner, function: Function, plan: Mapping[int, _Body]
    ) -> None:
        self.inliner = inliner
        self.function = function
        self.plan = plan
        self.registers = function.registers
        self.code: list[Instr] = []
        self.locations: list[int] = []
        self.targets = _targets(function.code)

    def result(self) -> Function:
        function = self.function
        places = function.locations or (NO_LOCATION,) * len(function.code)
        starts: list[int] = []
        for index, instr in enumerate(function.code):
            starts.append(len(self.code))
            body = self.plan.get(index)
            if body is not None:
                self._put(index, body, places[index])
                continue
            op, args = instr
            constant = self.inliner.constant_of(args[1]) if op == _RULE else None
            if constant is not None:
                instr = instruction((_CONST, (args[0], constant)))
            elif LABEL_PLACES[op]:
                mine = list(args)
                for place in LABEL_PLACES[op]:
                    mine[place] = ~mine[place]
                self._emit(op, mine, places[index])
                continue
            self.code.append(instr)
            self.locations.append(places[index])
        code = []
        for instr in self.code:
            op, args = instr
            labels = LABEL_PLACES[op]
            if labels:
                mine = list(args)
                for place in labels:
                    if mine[place] < 0:
                        mine[place] = starts[~mine[place]]
                instr = instruction((op, tuple(mine)))
            code.append(instr)
        return replace(
            function,
            code=tuple(code),
            locations=tuple(self.locations) if function.locations else (),
            registers=self.registers,
        )

    def _emit(self, op: int, args: list[int], location: int) -> None:
        self.code.append(instruction((op, tuple(args))))
        self.locations.append(location)

    def _put(self, index: int, body: _Body, location: int) -> None:
        dest, _, base, fail = self.function.code[index].args
        callee = body.function
        start = len(self.code)
        names, constants = self._operands(index, base, callee.params, body.rows)
        # Its other registers are new ones, in the same order
        names += range(
            self.registers, self.registers + callee.registers - callee.params
        )
        self.registers += callee.registers - callee.params
        places = callee.locations or (NO_LOCATION,) * len(callee.code)
        for at, (op, args) in enumerate(callee.code):
            where = places[at]
            if op == _RETU:
                self._emit(_JUMP, [~fail], location)
                continue
            if op == _RET:
                constant = body.results.get(at)
                if constant is None:
                    self._emit(_MOVE, [dest, names[args[0]]], location)
                else:
                    self._emit(_CONST, [dest, constant], location)
                self._emit(_JUMP, [~self._after(index, constant)], location)
                continue
            mine = list(args)
            row = SHAPES[op].block
            for place in REGISTER_PLACES[op]:
                if place != row and mine[place] >= 0:
                    mine[place] = names[mine[place]]
            if row >= 0:
                # An empty row may begin behind the last register
                first = mine[row]
                mine[row] = names[first] if first < len(names) else self.registers
            for place in LABEL_PLACES[op]:
                mine[place] = start + body.starts[mine[place]]
            self._emit(*_with_constants(op, mine, constants), where)

    def _operands(
        self, index: int, base: int, count: int, rows: Collection[int]
    ) -> tuple[list[int], dict[int, int]]:
        """Where the operands of a call come from, if that is just before and they need
        no row; which are constants."""
        names = list(range(base, base + count))
        constants: dict[int, int] = {}
        code = self.function.code
        at = index
        found: set[int] = set()
        later: set[int] = set()
        while at > 0 and at not in self.targets and len(found) < count:
            at -= 1
            instr = code[at]
            if instr.op in _ENDS:
                break
            _, sets, _ = uses_and_sets(instr, self.inliner._params)  # noqa: SLF001 - its own part
            if instr.op in _LOADS:
                to, what = instr.args
                place = to - base
                if 0 <= place < count and place not in found:
                    if instr.op == _CONST:
                        constants[to] = what
                    elif what not in later and place not in rows:
                        names[place] = what
            found.update(one - base for one in sets if 0 <= one - base < count)
            later.update(sets)
        return names, constants

    def _after(self, index: int, constant: int | None) -> int:
        """Where the function goes on with a result: behind a test of it."""
        following = index + 1
        truth = None if constant is None else self.inliner.truth(constant)
        if truth is None:
            return following
        op, args = self.function.code[following]
        dest = self.function.code[index].args[0]
        if op == _TRUE and args[0] == dest:
            return following + 1 if truth else args[1]
        if op == _EQK and args[0] == dest:
            expected = self.inliner.truth(args[1])
            if expected is not None:
                return following + 1 if truth == expected else args[2]
        return following


def _targets(code: Sequence[Instr]) -> set[int]:
    """Where jumps go."""
    return {args[place] for op, args in code for place in LABEL_PLACES[op]}


def _with_constants(
    op: int, args: list[int], constants: Mapping[int, int]
) -> tuple[int, list[int]]:
    """An instruction that knows one of its operands."""
    if not constants:
        return op, args
    if op == _DOT and args[2] in constants:
        return _DOTK, [args[0], args[1], constants[args[2]], args[3]]
    if op == _EQ:
        one, other, fail = args
        if other in constants:
            return _EQK, [one, constants[other], fail]
        if one in constants:
            return _EQK, [other, constants[one], fail]
    return op, args


def _settled(function: Function, params: Sequence[int]) -> tuple[Instr, ...]:
    """A function's code without questions after registers that nothing sets."""
    code = function.code
    if all(op != _DEF for op, _ in code):
        return code
    ever = set(range(function.params))
    for instr in code:
        ever.update(uses_and_sets(instr, params)[1])
    return tuple(
        Instr(_JUMP, (instr.args[1],))
        if instr.op == _DEF and instr.args[0] not in ever
        else instr
        for instr in code
    )

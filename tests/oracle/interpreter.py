"""A plan, interpreted the slow and obvious way.

It shares nothing with the native evaluator but the opcode table, so a
disagreement between the two is a fault in one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from gatewright.ir.opcodes import OPCODES, RELATIONS
from gatewright.ir.program import Program
from tests.oracle.builtins import BUILTINS, BuiltinError
from tests.oracle.values import (
    FALSE,
    Value,
    a_set,
    array,
    boolean,
    lookup,
    obj,
    pairs,
    parse,
    stored,
)

_RELATIONS = {
    "equal": lambda a, b: a == b,
    "neq": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
}


class OracleError(Exception):
    """An evaluation error, with OPA's code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


@dataclass
class _Context:
    input: Value | None
    data: Value
    mocks: dict[int, tuple[str, Any]] = field(default_factory=dict)
    overrides: list[tuple[Value, ...]] = field(default_factory=list)
    memo: dict[int, Value | None] = field(default_factory=dict)

    def copy(self) -> _Context:
        return _Context(self.input, self.data, dict(self.mocks), list(self.overrides))


class Interpreter:
    """Evaluates entry points of one program."""

    def __init__(
        self,
        program: Program,
        *,
        input: Value | None = None,  # noqa: A002 - Rego's name for it
        data: Value | None = None,
        strict: bool = False,
        steps: int = 5_000_000,
    ) -> None:
        self.program = program
        self.constants = [parse(text) for text in program.constants]
        self.contexts = [_Context(input, obj([]) if data is None else data)]
        self.strict = strict
        self.steps = steps
        self.errors: list[OracleError] = []

    def evaluate(self, entrypoint: str) -> Value | None:
        """The entry point's value, None when undefined; may raise `OracleError`."""
        value = self.call(self.program.entrypoints[entrypoint], ())
        if self.strict and self.errors:
            raise self.errors[0]
        return value

    # ------------------------------------------------------------------------

    def call(self, index: int, args: Sequence[Value | None]) -> Value | None:
        function = self.program.functions[index]
        r: list[Any] = [None] * function.registers
        r[: len(args)] = args
        code = function.code
        pc = 0
        depth = len(self.contexts)
        clash = ""  # the first line of the conflict that ends the call
        while True:
            self.steps -= 1
            if self.steps < 0:
                raise OracleError("eval_cancel_error", "too many steps")
            instr = code[pc]
            name = OPCODES[instr.op].name
            if name in ("RET", "RETU"):
                assert len(self.contexts) == depth, "a context was left open"
                if clash:
                    raise OracleError("eval_conflict_error", clash)
                return r[instr.args[0]] if name == "RET" else None
            if name == "ONCE":
                dest, source, what, after, _ = instr.args
                pc += 1
                if r[dest] is None:
                    r[dest] = r[source]
                elif r[dest] != r[source]:
                    clash = self.constants[what][1].removesuffix(":")
                    pc = after
                continue
            to = self.step(name, instr.args, r)
            pc = pc + 1 if to is None else to

    def rule(self, index: int) -> Value | None:
        memo = self.contexts[-1].memo
        if index not in memo:
            memo[index] = self.call(index, ())
        return memo[index]

    def builtin(self, index: int, args: Sequence[Value]) -> Value | None:
        name = self.program.builtins[index]
        function = BUILTINS.get(name)
        if function is None:
            raise NotImplementedError(f"the oracle has no {name}")
        try:
            return function(*args)
        except BuiltinError as error:
            failure = OracleError(error.code, f"{name}: {error}")
            if error.code == "eval_conflict_error":
                raise failure from None
            self.errors.append(failure)
            return None

    def mocked(self, slot: int, args: Sequence[Value]) -> Value | None:
        kind, what = self.contexts[-1].mocks[slot]
        if kind == "v":
            value: Value | None = what
            return value
        inside = self.contexts[-1].copy()
        inside.mocks.clear()
        self.contexts.append(inside)
        value = self.call(what, args) if kind == "f" else self.builtin(what, args)
        self.contexts.pop()
        return value

    def override(self, path: Value) -> tuple[bool, Value | None]:
        for target in self.contexts[-1].overrides:
            if path[1][: len(target)] == target:
                return True, follow(self.contexts[-1].data, path)
        return False, None

    # ------------------------------------------------------------------------

    def step(self, name: str, a: tuple[int, ...], r: list[Any]) -> int | None:
        """Do one instruction; where to go, None for on."""
        k = self.constants
        context = self.contexts[-1]
        match name:
            case "JUMP":
                return a[0]
            case "ERR":
                code, message = k[a[0]][1]
                raise OracleError(code[1], message[1])
            case "CONST":
                r[a[0]] = k[a[1]]
            case "MOVE":
                r[a[0]] = r[a[1]]
            case "UNSET":
                r[a[0]] = None
            case "INPUT":
                return put(r, a[0], context.input, a[1])
            case "DATA":
                r[a[0]] = context.data
            case "DOT":
                return put(r, a[0], lookup(r[a[1]], r[a[2]]), a[3])
            case "DOTK":
                return put(r, a[0], lookup(r[a[1]], k[a[2]]), a[3])
            case "PATHK":
                return put(r, a[0], follow(r[a[1]], k[a[2]]), a[3])
            case "INPUTK":
                return put(r, a[0], follow(context.input, k[a[1]]), a[2])
            case "DATAK":
                return put(r, a[0], follow(context.data, k[a[1]], stored), a[2])
            case "INDEX":
                return a[3]  # has none
            case "DOTD":
                return put(r, a[0], stored(r[a[1]], r[a[2]]), a[3])
            case "TRUE":
                return a[1] if r[a[0]] == FALSE else None
            case "DEF":
                return a[1] if r[a[0]] is None else None
            case "UNDEF":
                return a[1] if r[a[0]] is not None else None
            case "EQ":
                return a[2] if r[a[0]] != r[a[1]] else None
            case "EQK":
                return a[2] if r[a[0]] != k[a[1]] else None
            case "NEQ":
                return a[2] if r[a[0]] == r[a[1]] else None
            case "CMP":
                r[a[0]] = boolean(compare(a[1], r[a[2]], r[a[3]]))
            case "CMPJ":
                return None if compare(a[0], r[a[1]], r[a[2]]) else a[3]
            case "CMPKJ":
                return None if compare(a[0], r[a[1]], k[a[2]]) else a[3]
            case "ARRLEN":
                value = r[a[0]]
                return None if value[0] == 4 and len(value[1]) == a[1] else a[2]
            case "OBJLEN":
                value = r[a[0]]
                return None if value[0] == 5 and len(value[1]) == a[1] else a[2]
            case "ITER":
                items = pairs(r[a[1]])
                if items is None:
                    return a[2]
                r[a[0]] = iter(items)
            case "NEXT":
                item = next(r[a[0]], None)
                if item is None:
                    return a[3]
                for register, value in zip(a[1:3], item, strict=True):
                    if register >= 0:
                        r[register] = value
            case "ARR":
                r[a[0]] = array(r[a[1] : a[1] + a[2]])
            case "SET":
                r[a[0]] = a_set(r[a[1] : a[1] + a[2]])
            case "OBJ":
                block = r[a[1] : a[1] + 2 * a[2]]
                r[a[0]] = obj(zip(block[::2], block[1::2], strict=True))
            case "ANEW" | "SNEW":
                r[a[0]] = []
                if name == "SNEW":
                    r[a[0]] = set()
            case "ONEW":
                r[a[0]] = {}
            case "AADD":
                r[a[0]].append(r[a[1]])
            case "SADD":
                r[a[0]].add(r[a[1]])
            case "OADD":
                insert(r[a[0]], (r[a[1]],), r[a[2]])
            case "BPUT":
                insert(r[a[0]], r[a[1] : a[1] + a[2]], r[a[3]])
            case "BADD":
                insert(r[a[0]], r[a[1] : a[1] + a[2]], r[a[3]], member=True)
            case "DONE":
                r[a[0]] = finished(r[a[1]])
            case "CALL":
                count = self.program.functions[a[1]].params
                return put(r, a[0], self.call(a[1], r[a[2] : a[2] + count]), a[3])
            case "RULE":
                return put(r, a[0], self.rule(a[1]), a[2])
            case "TRY":
                try:
                    return put(r, a[0], self.rule(a[1]), a[2])
                except OracleError as error:
                    if error.code != "eval_conflict_error":
                        raise
                    return a[3]
            case "BUILTIN":
                args = r[a[2] : a[2] + a[3]]
                assert None not in args, "undefined operand"
                return put(r, a[0], self.builtin(a[1], args), a[4])
            case _:
                return self.replace(name, a, r)
        return None

    def replace(self, name: str, a: tuple[int, ...], r: list[Any]) -> int | None:
        """The instructions of `with`."""
        k = self.constants
        context = self.contexts[-1]
        match name:
            case "WPUSH":
                self.contexts.append(context.copy())
            case "WPOP":
                self.contexts.pop()
            case "WINPUT":
                context.input = r[a[0]]
            case "WINPUTP":
                context.input = with_path(context.input, k[a[0]][1], r[a[1]])
            case "WDATA":
                path = k[a[0]][1]
                context.data = with_path(context.data, path, r[a[1]])
                context.overrides.append(path)
            case "WMOCKV":
                context.mocks[a[0]] = ("v", r[a[1]])
            case "WMOCKF":
                context.mocks[a[0]] = ("f", a[1])
            case "WMOCKB":
                context.mocks[a[0]] = ("b", a[1])
            case "MOCKED":
                if a[1] not in context.mocks:
                    return a[5]
                value = self.mocked(a[1], r[a[2] : a[2] + a[3]])
                return put(r, a[0], value, a[4])
            case "OVERRIDE":
                there, value = self.override(k[a[1]])
                return put(r, a[0], value, a[2]) if there else a[3]
            case _:
                raise NotImplementedError(name)
        return None


def put(r: list[Any], dest: int, value: Value | None, fail: int) -> int | None:
    if value is None:
        return fail
    r[dest] = value
    return None


def follow(
    value: Value | None,
    path: Value,
    look_up: Callable[[Value, Value], Value | None] = lookup,
) -> Value | None:
    for step in path[1]:
        if value is None:
            return None
        value = look_up(value, step)
    return value


def compare(relation: int, a: Value, b: Value) -> bool:
    return _RELATIONS[RELATIONS[relation]](a, b)


def with_path(value: Value | None, path: Sequence[Value], leaf: Value) -> Value:
    if not path:
        return leaf
    there = dict(value[1]) if value is not None and value[0] == 5 else {}
    there[path[0]] = with_path(there.get(path[0]), path[1:], leaf)
    return obj(there.items())


def insert(
    builder: dict[Value, Any],
    path: Sequence[Value],
    leaf: Value,
    *,
    member: bool = False,
) -> None:
    for step in path[:-1]:
        builder = builder.setdefault(step, {})
        if not isinstance(builder, dict):
            raise conflict()
    if member:
        builder = builder.setdefault(path[-1], set())
        if not isinstance(builder, set):
            raise conflict()
        builder.add(leaf)
        return
    there = builder.setdefault(path[-1], leaf)
    if isinstance(there, dict | set) or there != leaf:
        raise conflict()


def conflict() -> OracleError:
    return OracleError("eval_conflict_error", "object keys must be unique")


def finished(builder: Any) -> Value:
    match builder:
        case list():
            return array(builder)
        case set():
            return a_set(builder)
        case dict():
            return obj((key, finished(value)) for key, value in builder.items())
    value: Value = builder
    return value

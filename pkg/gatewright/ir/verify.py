"""Whether a program keeps the rules that the evaluator relies on.

Checked for every function: operands in range, labels inside the function, no
running off the end, blocks inside the window, `NEXT` only on the registers of an
`ITER`, builders only where one was made, and no register read that no way through
the function has set (`ONCE`, `DEF`, `UNDEF`, `MOVE` and `RET` may read undefined
ones: that is what they are for).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from gatewright.ir.opcodes import BY_NAME, OPCODES, RELATIONS
from gatewright.ir.printer import function_names
from gatewright.ir.program import JUMPS, Function, Program, labels_of, uses_and_sets

__all__ = ["PlanInvalid", "verify"]

_MAY_READ_UNDEFINED: Final = frozenset(
    BY_NAME[name] for name in ("ONCE", "DEF", "UNDEF", "MOVE", "RET")
)
_BUILDS: Final = {
    BY_NAME["AADD"]: "ANEW",
    BY_NAME["SADD"]: "SNEW",
    BY_NAME["OADD"]: "ONEW",
    BY_NAME["BPUT"]: "ONEW",
    BY_NAME["BADD"]: "ONEW",
}


class PlanInvalid(ValueError):
    """A program that breaks the rules; the message lists what and where."""

    def __init__(self, findings: Sequence[str]) -> None:
        super().__init__("\n".join(findings))
        self.findings = tuple(findings)


def verify(program: Program) -> None:
    """Check a program; `PlanInvalid` with all findings."""
    findings = []
    names = function_names(program.functions)
    for name, index in program.entrypoints.items():
        if not 0 <= index < len(program.functions):
            findings.append(f"entry {name}: no function {index}")
        elif program.functions[index].params:
            findings.append(f"entry {name}: the function has parameters")
    for number, (pattern, function_) in enumerate(program.indexes):
        if not 0 <= function_ < len(program.functions):
            findings.append(f"index {number}: no function {function_}")
        elif program.functions[function_].params:
            findings.append(f"index {number}: the function has parameters")
        if not 0 <= pattern < len(program.constants):
            findings.append(f"index {number}: no constant {pattern}")
    params = [function.params for function in program.functions]
    for function, name in zip(program.functions, names, strict=True):
        found = list(_operands(program, function))
        if not found:
            found = [*_flow(function, params), *_iterators(function)]
        findings += [f"{name}: {finding}" for finding in found]
    if findings:
        raise PlanInvalid(findings)


def _operands(program: Program, function: Function) -> Iterator[str]:
    size = {
        "k": len(program.constants),
        "f": len(program.functions),
        "b": len(program.builtins),
        "m": len(program.mocks),
        "L": len(function.code),
        "r": function.registers,
        "d": function.registers,
        "rn": function.registers,
        "p": len(program.locations),
    }
    special = {"rel": len(RELATIONS), "index": len(program.indexes)}
    optional = {"rn", "p"}
    params = [other.params for other in program.functions]
    if function.params > function.registers:
        yield "more parameters than registers"
    if function.locations and len(function.locations) != len(function.code):
        yield "locations do not match the code"
    if not function.code or function.code[-1].op not in JUMPS:
        yield "the end can be run over"
    for index, instr in enumerate(function.code):
        if not 0 <= instr.op < len(OPCODES):
            yield f"{index}: no opcode {instr.op}"
            continue
        opcode = OPCODES[instr.op]
        if len(instr.args) != len(opcode.operands):
            yield f"{index}: {opcode.name} has {len(instr.args)} operands"
            continue
        wrong = False
        for (kind, what), value in zip(opcode.operands, instr.args, strict=True):
            least = -1 if kind in optional else 0
            limit = special.get(what, size.get(kind, 1 << 31))
            if not least <= value < limit:
                wrong = True
                yield f"{index}: {opcode.name} {what}={value} is out of range"
        if wrong:
            continue
        _, _, block = uses_and_sets(instr, params)
        if block and block[-1] >= function.registers:
            yield f"{index}: {opcode.name} reads beyond the window"
        if opcode.name in ("ITER", "NEXT") and instr.args[0] + 1 >= function.registers:
            yield f"{index}: {opcode.name} needs two registers"
        if opcode.name in ("RULE", "TRY") and params[instr.args[1]]:
            yield f"{index}: {opcode.name} of a function with parameters"


def _flow(function: Function, params: Sequence[int]) -> Iterator[str]:
    """Registers that may be read before anything has set them on any way."""
    code = function.code
    nothing = -1
    known = [nothing] * len(code)  # registers set on some way to here, as bits
    todo = [(0, (1 << function.params) - 1)]
    while todo:
        index, defined = todo.pop()
        seen = known[index]
        merged = defined if seen == nothing else seen | defined
        if merged == seen:
            continue
        known[index] = merged
        instr = code[index]
        _, sets, _ = uses_and_sets(instr, params)
        for label in labels_of(instr):
            todo.append((label, merged))
        for register in sets:
            merged |= 1 << register
        if instr.op not in JUMPS:
            todo.append((index + 1, merged))
        # `MOCKED` and `NEXT` set their registers on one way only; being lenient
        # there costs a finding, never a false alarm.
    for index, instr in enumerate(code):
        if known[index] == nothing or instr.op in _MAY_READ_UNDEFINED:
            continue
        for register in set(uses_and_sets(instr, params)[0]):
            if not known[index] >> register & 1:
                yield f"{index}: {instr.name} reads r{register}, which nothing sets"


def _iterators(function: Function) -> Iterator[str]:
    """`NEXT` and builders work on what made them."""
    made: dict[str, set[int]] = {"ITER": set(), "ANEW": set()}
    made |= {"SNEW": set(), "ONEW": set()}
    for instr in function.code:
        if instr.name in made:
            made[instr.name].add(instr.args[0])
    for index, instr in enumerate(function.code):
        if instr.name == "NEXT" and instr.args[0] not in made["ITER"]:
            yield f"{index}: NEXT without ITER"
        maker = _BUILDS.get(instr.op)
        if maker is not None and instr.args[0] not in made[maker]:
            yield f"{index}: {instr.name} without {maker}"
        if instr.name == "DONE" and not any(
            instr.args[1] in made[name] for name in ("ANEW", "SNEW", "ONEW")
        ):
            yield f"{index}: DONE without a builder"

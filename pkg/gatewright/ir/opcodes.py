"""The one table of the plan language's instructions.

A plan is a set of functions over registers.  Each function has a window of
registers (arguments first); each instruction names its operands by kind:

    r  register of the current window        rn  register, or -1 for none
    d  register that the instruction sets    k   constant (index into the program's)
    f  function   b  builtin   m  mock slot  n   plain number
    L  label: where to go on failure, or as said    p  location (index)

A plan never backtracks at run time.  Bodies are nested loops: every instruction
that can be undefined names the label to go to, which is the `NEXT` of the
innermost enclosing loop, or the end of the body.  So evaluation needs no stack
but that of calls, and can stop before any instruction and go on later.

Registers hold a value, *undefined* (their state on entry), a builder, or one of
the two halves of an iterator (`ITER` uses the named register and the next one).

The encoded form is a list of 32-bit words, `[opcode, operand, ...]`, labels as
word offsets from the start of the function.  Opcode numbers are the order of
`OPCODES`; `tools/` generates the C enum from it.  A change here means a new
`PLAN_VERSION`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["BY_NAME", "OPCODES", "PLAN_VERSION", "Opcode"]

PLAN_VERSION: Final = 3


@dataclass(frozen=True, slots=True)
class Opcode:
    """`operands`: one letter (kind) per operand, as in the module docstring,
    with the operand's name; `effect`: what it does, in one line."""

    name: str
    operands: tuple[tuple[str, str], ...]
    effect: str


def _op(name: str, operands: str, effect: str) -> Opcode:
    pairs = tuple(tuple(part.split(":")) for part in operands.split())
    return Opcode(name, pairs, effect)  # type: ignore[arg-type]


OPCODES: Final[tuple[Opcode, ...]] = (
    # Control ----------------------------------------------------------------
    _op("JUMP", "L:to", "go to `to`"),
    _op("RET", "r:s", "return s (undefined if s is undefined)"),
    _op("RETU", "", "return undefined"),
    _op("ERR", "k:what p:loc", "stop with an error; what = [code, message]"),
    # Loading ----------------------------------------------------------------
    _op("CONST", "d:d k:k", "d = constant"),
    _op("MOVE", "d:d r:s", "d = s (undefined too)"),
    _op("UNSET", "d:d", "d = undefined"),
    _op("INPUT", "d:d L:fail", "d = the input document; undefined: fail"),
    _op("DATA", "d:d", "d = the root of the base documents (an object)"),
    # Looking up.  Objects by key, arrays by integer, sets by member. ---------
    _op("DOT", "d:d r:o r:key L:fail", "d = o[key]; undefined: fail"),
    _op("DOTK", "d:d r:o k:key L:fail", "d = o[constant key]; undefined: fail"),
    _op("PATHK", "d:d r:o k:path L:fail", "d = o[path[0]][path[1]]...; path: array"),
    _op("INPUTK", "d:d k:path L:fail", "d = input[path...]"),
    _op("DATAK", "d:d k:path L:fail", "d = base documents[path...], as DOTD goes"),
    _op(
        "INDEX",
        "d:d n:index r:key L:none",
        "d = array of the records [document, step...] of an index that may have "
        "key, in order; no such index here, or key undefined: go to none",
    ),
    _op(
        "DOTD",
        "d:d r:o r:key L:fail",
        "d = o[key]; a number is a name, a name an index",
    ),
    # Tests ------------------------------------------------------------------
    _op("TRUE", "r:s L:fail", "s is false: fail (anything else, null too, passes)"),
    _op("DEF", "r:s L:fail", "s is undefined: fail"),
    _op("UNDEF", "r:s L:fail", "s is defined: fail"),
    _op("EQ", "r:a r:b L:fail", "not a == b: fail"),
    _op("EQK", "r:a k:b L:fail", "not a == constant: fail"),
    _op("NEQ", "r:a r:b L:fail", "a == b: fail"),
    _op("CMP", "d:d n:rel r:a r:b", "d = a rel b, a boolean (rel: see RELATIONS)"),
    _op("CMPJ", "n:rel r:a r:b L:fail", "not a rel b: fail"),
    _op("CMPKJ", "n:rel r:a k:b L:fail", "not a rel constant: fail"),
    _op("ARRLEN", "r:s n:len L:fail", "s is not an array of len items: fail"),
    _op("OBJLEN", "r:s n:len L:fail", "s is not an object of len keys: fail"),
    # Iterating in sorted order (arrays: index order) -------------------------
    _op("ITER", "d:it r:c L:fail", "it, it+1 = start over c; no collection: fail"),
    _op(
        "NEXT",
        "r:it rn:key rn:val L:end",
        "advance; key = index, key or member; val = element (member of a set); end",
    ),
    # Building ---------------------------------------------------------------
    _op("ARR", "d:d r:base n:n", "d = array of n registers from base"),
    _op("OBJ", "d:d r:base n:n", "d = object of n pairs from base; later key wins"),
    _op("SET", "d:d r:base n:n", "d = set of n registers from base"),
    _op("ANEW", "d:b", "b = new array builder"),
    _op("SNEW", "d:b", "b = new set builder"),
    _op("ONEW", "d:b", "b = new object builder"),
    _op("AADD", "r:b r:s", "append s"),
    _op("SADD", "r:b r:s", "add s; the first spelling of equal members stays"),
    _op(
        "OADD",
        "r:b r:key r:val p:loc",
        "set key; present with another value: eval_conflict_error",
    ),
    _op(
        "BPUT",
        "r:b r:base n:n r:val p:loc",
        "object builder: set val at the path of n registers from base; conflict: error",
    ),
    _op(
        "BADD",
        "r:b r:base n:n r:val p:loc",
        "object builder: add val to the set at the path of n registers from base",
    ),
    _op("DONE", "d:d r:b", "d = the finished value of builder b"),
    # Calling ----------------------------------------------------------------
    _op("CALL", "d:d f:f r:base L:fail", "d = f(registers from base); undefined: fail"),
    _op(
        "RULE",
        "d:d f:f L:fail",
        "d = f() evaluated at most once per context (WPUSH makes a new one)",
    ),
    _op(
        "TRY",
        "d:d f:f L:fail L:conflict",
        "as RULE, but f() that ends in a conflict: go to conflict (no error)",
    ),
    _op(
        "BUILTIN",
        "d:d b:b r:base n:n L:fail p:loc",
        "d = b(n registers from base); error (collected) or undefined: fail",
    ),
    _op(
        "ONCE",
        "d:d r:s k:message L:next p:loc",
        "d undefined: d = s; d != s: go to next, RET is then eval_conflict_error with "
        "message (and the values, if it ends with a colon)",
    ),
    # `with` -----------------------------------------------------------------
    _op("WPUSH", "", "push a copy of the context (input, data, mocks; fresh memos)"),
    _op("WPOP", "", "pop the context"),
    _op("WINPUT", "r:s", "input = s"),
    _op("WINPUTP", "k:path r:s", "input with s at path (objects made on the way)"),
    _op("WDATA", "k:path r:s", "data with s at path; hides rules at and below it"),
    _op("WMOCKV", "m:slot r:s", "calls through slot give the value s (undefined too)"),
    _op("WMOCKF", "m:slot f:f", "calls through slot call function f"),
    _op("WMOCKB", "m:slot b:b", "calls through slot call builtin b"),
    _op(
        "MOCKED",
        "d:d m:slot r:base n:n L:fail L:none p:loc",
        "slot replaced: d = result (undefined: fail); not replaced: go to none. "
        "Inside a replacement no slot is replaced, unless by a `with` in there",
    ),
    _op(
        "OVERRIDE",
        "d:d k:path L:fail L:none",
        "an override (WDATA) at path or above it: d = value there (undefined: "
        "fail); none: go to none",
    ),
)

BY_NAME: Final = {op.name: number for number, op in enumerate(OPCODES)}

RELATIONS: Final = ("equal", "neq", "lt", "lte", "gt", "gte")

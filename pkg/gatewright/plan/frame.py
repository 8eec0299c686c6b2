"""The state of planning one function, and what every part of it needs.

Planning is one pass in evaluation order.  `fail` is where to go when something
is undefined or false: the `NEXT` of the innermost loop so far, else the end of
the body.  So a body needs no nesting: a ref that iterates emits its loop's head,
makes that the new `fail`, and planning goes on; the last thing of a body jumps
to `fail` for the next solution.

An operand is a number: a register, or `~k` for the constant `k`.  `env` maps
each bound variable to its operand; a variable that is not in it is unbound.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from gatewright.plan.builder import FunctionBuilder, Label
from gatewright.plan.constants import is_ground
from gatewright.rego import ast

if TYPE_CHECKING:
    from gatewright.plan.planner import Planner

__all__ = ["Env", "Frame", "Operand", "PlanError", "is_constant"]

Operand = int
Env = dict[str, Operand]

#: Terms whose parts all are met, and the names of their fields; not an object.
_PARTS: Final = {
    ast.Ref: "terms",
    ast.Array: "items",
    ast.Set: "items",
    ast.Call: "args",
}


class PlanError(Exception):
    """A tree that the compile stages should not have let through."""

    def __init__(self, message: str, loc: ast.Location = ast.NO_LOCATION) -> None:
        super().__init__(f"{loc.file}:{loc.row}: {message}" if loc.row else message)


def is_constant(operand: Operand) -> bool:
    """Whether the operand is a constant rather than a register."""
    return operand < 0


class Frame:
    """One function while it is planned."""

    __slots__ = ("b", "closed", "emit", "env", "fail", "once", "planner", "spelled")

    def __init__(self, planner: Planner, builder: FunctionBuilder) -> None:
        self.planner = planner
        self.b = builder
        #: Append an instruction.
        self.emit = builder.emit
        self.env: Env = {}
        #: Variables that hold a literal that is walked as it is written, and which.
        self.spelled: dict[str, tuple[Operand, ast.Term]] = {}
        #: Variables, their operands, and the terms of the input that they are.
        self.closed: dict[str, tuple[Operand, ast.Term]] = {}
        self.fail: Label = builder.label()
        #: What is planned now is evaluated at most once per context.
        self.once = builder.params == 0

    # Emitting ---------------------------------------------------------------

    def at(self, loc: ast.Location) -> int:
        """Let following instructions belong to `loc`; the index of it."""
        index = self.planner.tables.location(loc)
        if index >= 0:
            self.b.location = index
        return index

    def jump(self, label: Label) -> None:
        """Go to a label."""
        self.emit("JUMP", label)

    def constant(self, term: ast.Term) -> Operand:
        """A ground term as an operand."""
        return ~self.planner.tables.constant(term)

    def term_of(self, operand: Operand) -> ast.Term:
        """The term of a constant operand."""
        return self.planner.tables.terms[~operand]

    def register(self, operand: Operand) -> int:
        """The operand in a register."""
        if operand >= 0:
            return operand
        register = self.b.register()
        self.emit("CONST", register, ~operand)
        return register

    def put(self, operand: Operand, dest: int) -> int:
        """Let register `dest` hold the operand."""
        if operand < 0:
            self.emit("CONST", dest, ~operand)
        elif operand != dest:
            self.emit("MOVE", dest, operand)
        return dest

    def never(self, *terms: ast.Term) -> Operand:
        """Fail here; what follows is never reached, but is planned all the same,
        so the unbound variables of the terms get some operand."""
        self.jump(self.fail)
        dead = self.constant(ast.Null())
        for term in terms:
            for name in self.unbound(term):
                self.env[name] = dead
        return dead

    # Variables --------------------------------------------------------------

    def known(self, term: ast.Term) -> Operand | None:
        """The operand of a ground term or of a bound variable, else None."""
        if isinstance(term, ast.Var):
            return self.env.get(term.name)
        if is_ground(term):
            return self.constant(term)
        return None

    def bind(self, var: ast.Var, operand: Operand) -> None:
        """Bind a variable that is unbound so far."""
        self.env[var.name] = operand
        if self.spelled:
            self.spelled.pop(var.name, None)

    def unbound(self, term: ast.Term) -> list[str]:
        """The unbound variables that evaluating the term would have to find.

        In order of first appearance; what closures need inside is not among
        them (it is bound by then, or theirs).
        """
        found: dict[str, None] = {}
        self._unbound(term, found)
        return list(found)

    def computed(self, term: ast.Term) -> bool:
        """Whether the term is evaluated rather than matched: a ref or a call,
        or a term without unbound variables."""
        return isinstance(term, ast.Ref | ast.Call) or not self.unbound(term)

    def _unbound(self, term: Any, found: dict[str, None]) -> None:
        # `match` would try one class after the other, and most terms are strings.
        kind = type(term)
        if kind is ast.Var:
            name = term.name
            if name not in self.env and name not in ("input", "data"):
                found[name] = None
        elif kind is ast.Object:
            for key, value in term.items:
                self._unbound(key, found)
                self._unbound(value, found)
        elif kind in _PARTS:
            for part in getattr(term, _PARTS[kind]):
                self._unbound(part, found)

    # Control ----------------------------------------------------------------

    @contextmanager
    def nested(self, fail: Label) -> Iterator[None]:
        """Plan something whose bindings and loops end with it.

        Inside, failing goes to `fail`; afterwards everything is as before.
        """
        env, outer, once = self.env, self.fail, self.once
        self.env, self.fail = dict(env), fail
        try:
            yield
        finally:
            self.env, self.fail, self.once = env, outer, once

    def loop(self, collection: Operand, *, key: bool, value: bool) -> tuple[int, int]:
        """Iterate a collection; the registers of key and value (-1: not asked)."""
        source = self.register(collection)
        iterator = self.b.block(2)
        key_register = self.b.register() if key else -1
        value_register = self.b.register() if value else -1
        self.emit("ITER", iterator, source, self.fail)
        head = self.b.here()
        self.emit("NEXT", iterator, key_register, value_register, self.fail)
        self.fail = head
        self.once = False
        return key_register, value_register

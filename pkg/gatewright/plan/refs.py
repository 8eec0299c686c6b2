"""Refs: step by step from a document to a value.

Constant steps are gathered and done at once (`PATHK`, `INPUTK`, `DATAK`); a
bound operand is a look-up; an unbound variable iterates; a pattern iterates and
is unified with each key.  Where a ref enters the rules is `documents`' business.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from gatewright.plan import documents, literals, terms, unify
from gatewright.plan.frame import Frame, Operand, is_constant
from gatewright.rego import ast

__all__ = ["Cursor", "is_ambiguous", "plan_ref"]

_INDEX: Final = re.compile(r"[+-]?[0-9]*(\.0*)?")


class Cursor:
    """A place in a document: a base and the constant steps not yet taken.

    `base` is an operand, or `INPUT` or `DATA` for the roots.  Below `DATA`, and
    where `stored` says so, steps go as in OPA's store.
    """

    __slots__ = ("base", "f", "path", "stored")

    INPUT = "input"
    DATA = "data"

    def __init__(
        self,
        f: Frame,
        base: Operand | str,
        path: Sequence[ast.Term] = (),
        *,
        stored: bool = False,
    ) -> None:
        self.f = f
        self.base = base
        self.path = list(path)
        self.stored = stored or base == Cursor.DATA

    def take(self, dest: int | None = None) -> Operand:
        """Take the steps that are pending; the value's operand."""
        f = self.f
        base, path = self.base, self.path
        if not isinstance(base, str) and not path:
            return base
        source = -1 if isinstance(base, str) else f.register(base)
        out = f.b.register() if dest is None else dest
        if self.stored and source >= 0 and any(map(is_ambiguous, path)):
            for place, step in enumerate(path):
                into = out if place == len(path) - 1 else f.b.register()
                f.emit("DOTD", into, source, f.register(f.constant(step)), f.fail)
                source = into
            self.base, self.path = out, []
            return out
        steps = ~f.constant(ast.Array(list(path)))
        if base == Cursor.INPUT:
            if path:
                f.emit("INPUTK", out, steps, f.fail)
            else:
                f.emit("INPUT", out, f.fail)
        elif base == Cursor.DATA:
            if path:
                f.emit("DATAK", out, steps, f.fail)
            else:
                f.emit("DATA", out)
        elif len(path) == 1:
            f.emit("DOTK", out, source, ~f.constant(path[0]), f.fail)
        else:
            f.emit("PATHK", out, source, steps, f.fail)
        self.base, self.path = out, []
        return out

    def walk(self, steps: Sequence[ast.Term], dest: int | None = None) -> Operand:
        """Take further steps, whatever they are; the value's operand."""
        f = self.f
        for place, step in enumerate(steps):
            into = dest if place == len(steps) - 1 else None
            operand = f.known(step)
            if operand is None and f.computed(step):
                operand = terms.plan_term(f, step)
            if operand is not None:
                if is_constant(operand):
                    self.path.append(f.term_of(operand))
                    continue
                source = f.register(self.take())
                out = f.b.register() if into is None else into
                f.emit("DOTD" if self.stored else "DOT", out, source, operand, f.fail)
                self.base = out
                continue
            key, value = f.loop(self.take(), key=True, value=True)
            if isinstance(step, ast.Var):
                f.bind(step, key)
            else:
                unify.unify_value(f, step, key)
            self.base = value
        return self.take(dest)


def is_ambiguous(step: ast.Term) -> bool:
    """Whether a step means something else to OPA's store than in a value: a number
    is the name of a key there, and a text that is an integer is an index."""
    if isinstance(step, ast.String):
        return _INDEX.fullmatch(step.value) is not None
    return isinstance(step, ast.Number)


def plan_ref(f: Frame, ref: ast.Ref, dest: int | None = None) -> Operand:
    """Plan the value of a ref; `dest` is a wish.

    The compiler lets `v[0] < xs[v]` pass, and looks up `v[0]` first: a ref whose
    head is unbound is undefined.
    """
    head, *steps = ref.terms
    if isinstance(head, ast.Var):
        operand = f.env.get(head.name)
        if operand is None:
            if head.name == "data":
                return documents.plan_data(f, steps, dest)
            if head.name == "input":
                return Cursor(f, Cursor.INPUT).walk(steps, dest)
            return f.never(ref)
        if head.name in f.spelled:
            found = literals.walk_literal(f, head, steps, dest)
            if found is not None:
                return found
    else:
        operand = terms.plan_term(f, head)
    return Cursor(f, operand).walk(steps, dest)

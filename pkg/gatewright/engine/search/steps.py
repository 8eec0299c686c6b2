"""Expression after expression: the evaluation of one body.

Each solution of an expression calls what comes after it, so all of them are tried
in order, and coming back is another try.  An end that is not None is passed up.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, TypeAlias

from gatewright.engine.search import functions, modifiers, unify
from gatewright.engine.search.bindings import Bindings
from gatewright.engine.search.early import Early, Outcome, Then, unwrapped
from gatewright.engine.search.events import Event, Op
from gatewright.engine.search.stack import attach
from gatewright.engine.search.state import Search
from gatewright.engine.search.terms import (
    AND,
    CALL,
    EQUALITY,
    EVERY,
    NOT,
    OR,
    TERM,
    Body,
    Step,
    is_collection,
)
from gatewright.engine.values import UNDEFINED, Value
from gatewright.rego import ast

__all__ = ["After", "Evaluation"]

#: What a body's solution calls.
After: TypeAlias = "Callable[[Evaluation], Outcome]"


class Evaluation:
    """One body under way; `parent` is the one that needs it.

    `one`: one solution is enough.  `input` and `data` are what `with` made of them
    (UNDEFINED: no input; no replacement of data).
    """

    __slots__ = (
        "bindings",
        "body",
        "data",
        "defined",
        "gathered",
        "id",
        "index",
        "input",
        "last_loc",
        "one",
        "parent",
        "search",
    )

    def __init__(self, search: Search, body: Body, *, input: Value) -> None:  # noqa: A002
        self.search = search
        self.body = body
        self.input = input
        self.data: Value = UNDEFINED
        self.id = search.next_id()
        self.bindings = Bindings()
        self.parent: Evaluation | None = None
        self.index = 0
        self.one = False
        self.defined = False
        self.last_loc = ast.NO_LOCATION
        #: Results of comprehensions by the variables they depend on, by frame of
        #: `with`; None until there is one.
        self.gathered: list[dict[int, Any]] | None = None

    def closure(self, body: Body) -> Evaluation:
        """The evaluation of a body that sees this one's variables."""
        child = copy.copy(self)
        child.body = body
        child.id = self.search.next_id()
        child.parent = self
        child.index = 0
        child.one = child.defined = False
        return child

    def child(self, body: Body) -> Evaluation:
        """The evaluation of a body with variables of its own."""
        child = self.closure(body)
        child.bindings = Bindings()
        return child

    @property
    def step(self) -> Step:
        """The expression being evaluated."""
        steps = self.body.steps
        return steps[min(self.index, len(steps) - 1)]

    def emit(
        self, op: Op, node: Any, message: str = "", ref: list[Any] | None = None
    ) -> None:
        """Tell those who listen."""
        listeners = self.search.listeners
        if not listeners:
            return
        loc = getattr(node, "loc", ast.NO_LOCATION)
        if loc is ast.NO_LOCATION:
            loc = self.last_loc
        else:
            self.last_loc = loc
        event = Event(op, node, loc, self, message, ref)
        for listener in listeners:
            listener(event)

    def leave(self, node: Any) -> None:
        """Tell that a body has a solution."""
        self.emit(Op.EXIT, node, "early" if self.one else "")

    def unify(
        self,
        a: Any,
        b: Any,
        then: Then,
        of_a: Bindings | None = None,
        of_b: Bindings | None = None,
    ) -> Outcome:
        """Make two terms equal in every way there is."""
        mine = self.bindings
        return unify.unify(self, a, b, of_a or mine, of_b or mine, then)

    def whole(self, after: After) -> Outcome:
        """Evaluate the body, and tell of entering and leaving it."""
        body = self.body
        self.emit(Op.ENTER, body)

        def solved(e: Evaluation) -> Outcome:
            e.leave(body)
            end = after(e)
            e.emit(Op.REDO, body)
            return end

        return self.run(solved)

    def run(self, after: After) -> Outcome:
        """Evaluate the body from the current expression on."""
        stop = self.search.stopped()
        if stop is not None:
            return stop
        steps = self.body.steps
        if self.index >= len(steps):
            end = after(self)
            if type(end) is Early:
                return Early(end, deferred=not self.one)
            if end is None and self.one:
                return Early(None, deferred=False)
            return end
        step = steps[self.index]
        self.emit(Op.EVAL, step)
        if step.with_:
            return modifiers.run(self, step, after)
        return attach(self, self.once(step, after, advance=True))

    def go_on(self, after: After) -> Outcome:
        """Evaluate what follows the current expression."""
        self.index += 1
        end = self.run(after)
        self.index -= 1
        return end

    def once(self, step: Step, after: After, *, advance: bool) -> Outcome:
        """Evaluate one expression; `advance`: then those that follow."""
        kind = step.kind
        if step.negated:
            return self._negation(step, after, advance=advance)
        defined = False

        def found() -> Outcome:
            nonlocal defined
            defined = True
            end = self.go_on(after) if advance else after(self)
            self.emit(Op.REDO, step)
            return end

        if kind == EQUALITY:
            end = self.unify(step.parts[1], step.parts[2], found)
        elif kind == CALL:
            end = functions.call(self, step.parts, found)
        elif kind == TERM:
            end = self._term(step, found)
        elif kind == EVERY:
            end = self._every(step, found)
        elif kind == NOT:
            end = self._not(step.parts, found)
        elif kind == AND:
            end = self._and(step.parts, found)
        elif kind == OR:
            end = self._or(step.parts, found)
        else:
            end = found()
        if end is None and not defined:
            self.emit(Op.FAIL, step)
        return end

    def _term(self, step: Step, found: Then) -> Outcome:
        out = ast.Var(f"$term_{self.id}_{self.index}")

        def check() -> Outcome:
            return None if self.bindings.plug(out) is False else found()

        return self.unify(step.parts, out, check)

    def _negation(self, step: Step, after: After, *, advance: bool) -> Outcome:
        """`not` before an expression; that it holds is not told of."""
        end, defined = self._holds(step.complement(), one=False)
        if end is not None:
            return end
        if not defined:
            return self.go_on(after) if advance else after(self)
        self.emit(Op.FAIL, step)
        return None

    def _not(self, body: Body, found: Then) -> Outcome:
        end, defined = self._holds(body, one=False)
        if end is not None:
            return end
        return None if defined else found()

    def _holds(self, body: Body, *, one: bool) -> tuple[Outcome, bool]:
        """Whether a body has a solution."""
        child = self.closure(body)
        child.one = one
        child.emit(Op.ENTER, body)

        def solved(_: Evaluation) -> Outcome:
            child.leave(body)
            child.emit(Op.REDO, body)
            child.defined = True
            return None

        end = child.run(solved)
        return (unwrapped(end) if one else end), child.defined

    def _and(self, sides: tuple[Body, Body], found: Then) -> Outcome:
        for side in sides:
            end, defined = self._holds(side, one=True)
            if end is not None or not defined:
                return end
        return found()

    def _or(self, sides: tuple[Body, Body], found: Then) -> Outcome:
        for side in sides:
            end, defined = self._holds(side, one=True)
            if end is not None:
                return end
            if defined:
                return found()
        return None

    def _every(self, step: Step, found: Then) -> Outcome:
        domain, through, body = step.parts
        value = self.bindings.plug(domain)
        kind = type(value)
        if not is_collection(value) and kind not in (ast.Array, ast.Set, ast.Object):
            self.emit(Op.FAIL, step)
            return None
        outer = self.closure(through)
        outer.emit(Op.ENTER, step)
        all_hold = True

        def element(e: Evaluation) -> Outcome:
            nonlocal all_hold
            if not all_hold:
                return None
            end, defined = e._holds(body, one=True)
            all_hold = defined
            e.emit(Op.REDO, step)
            return end

        end = outer.run(element)
        if end is not None:
            return end
        if all_hold:
            end = found()
            outer.leave(step)
            return end
        outer.emit(Op.FAIL, step)
        return None

"""`with`: an expression under replaced input, data and functions.

The expression is evaluated to its end inside a context of its own, so that
backtracking never crosses the context's border.  Without loops inside, there is
one solution, and planning goes on outside with its variables.  With loops, the
variables of each solution are gathered in an array, which is then iterated
outside.  Failing inside leaves the context on the way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewright.plan import bodies, calls, terms
from gatewright.plan.constants import is_ground
from gatewright.plan.frame import Frame, Operand, PlanError
from gatewright.rego import ast
from gatewright.rego.rule_tree import term_key
from gatewright.rego.stages.walk import dotted_name

if TYPE_CHECKING:
    from collections.abc import Hashable

    from gatewright.plan.planner import Planner

__all__ = ["Targets", "plan_with"]


class Targets:
    """What the `with` modifiers of a whole program replace: the names of
    functions, and the keys of paths below `data`.

    `assumed` are functions that some virtual document replaces: OPA never evaluates
    that for a call whose result nothing takes; the call holds.
    """

    def __init__(self) -> None:
        self.functions: set[str] = set()
        self.assumed: set[str] = set()
        self.paths: set[tuple[Hashable, ...]] = set()

    def add(self, planner: Planner, modifier: ast.With) -> None:
        """Take note of one modifier."""
        target = _target(modifier)
        if is_function(planner, target):
            self.functions.add(dotted_name(target))
            value = modifier.value
            if _is_document(planner, value):
                self.assumed.add(dotted_name(target))
        elif _root(target) == "data":
            self.paths.add(tuple(map(term_key, target.terms[1:])))


def _target(modifier: ast.With) -> ast.Ref:
    target: ast.Term = modifier.target
    return target if isinstance(target, ast.Ref) else ast.Ref([target])


def _root(ref: ast.Ref) -> str:
    head = ref.terms[0]
    return head.name if isinstance(head, ast.Var) else ""


def is_function(planner: Planner, term: ast.Term) -> bool:
    """Whether a target or value of `with` names a function with parameters, or
    a builtin."""
    ref = term if isinstance(term, ast.Ref) else ast.Ref([term])
    if not isinstance(ref.terms[0], ast.Var):
        return False
    if _root(ref) == "input":
        return False
    if _root(ref) == "data":
        if not all(map(is_ground, ref.terms[1:])):
            return False
        node = planner.compiled.rule_tree.find(ref)
        return node is not None and any(rule.head.args for rule in node.rules)
    return planner.builtin(dotted_name(ref)) is not None


def plan_with(f: Frame, expr: ast.Expr) -> None:
    """Plan an expression with its modifiers."""
    values = [_value(f, modifier) for modifier in expr.with_]
    before = f.env
    gathered = f.b.register()
    f.emit("ANEW", gathered)
    f.emit("WPUSH")
    for modifier, value in zip(expr.with_, values, strict=True):
        _apply(f, modifier, value)
    leave = f.b.label()
    # What is the same as a term of the input out here is not so in there.
    closed, f.closed = f.closed, {}
    with f.nested(leave):
        bodies.plan_bare(f, expr)
        f.closed = closed
        new = {name: f.env[name] for name in f.env if name not in before}
        loops = f.fail != leave
        if loops and new:
            base = f.b.block(len(new))
            for place, operand in enumerate(new.values()):
                f.put(operand, base + place)
            solution = f.b.register()
            f.emit("ARR", solution, base, len(new))
            f.emit("AADD", gathered, solution)
            f.jump(f.fail)
    if not (loops and new):
        # One solution at most: go on with what it bound.
        f.emit("WPOP")
        outer = f.fail

        def clean_up() -> None:
            f.b.place(leave)
            f.emit("WPOP")
            f.jump(outer)

        f.b.aside(clean_up)
        f.env = {**before, **new}
        return
    f.b.place(leave)
    f.emit("WPOP")
    done = f.b.register()
    f.emit("DONE", done, gathered)
    _, solution = f.loop(done, key=False, value=True)
    f.env = dict(before)
    for place, name in enumerate(new):
        out = f.b.register()
        index = f.constant(ast.Number(str(place)))
        f.emit("DOTK", out, solution, ~index, f.fail)
        f.env[name] = out


def _value(f: Frame, modifier: ast.With) -> Operand | ast.Ref:
    """The replacement: a value, the ref of a function, or that of a virtual
    document in place of a function, which is evaluated when the function is called.
    """
    value = modifier.value
    known = isinstance(value, ast.Var) and value.name in f.env
    if (
        isinstance(value, ast.Ref | ast.Var)
        and not known
        and is_function(f.planner, _target(modifier))
        and is_function(f.planner, value)
    ):
        return value if isinstance(value, ast.Ref) else ast.Ref([value], value.loc)
    if (
        isinstance(value, ast.Ref)
        and _is_document(f.planner, value)
        and is_function(f.planner, _target(modifier))
    ):
        return value
    return f.register(terms.plan_term(f, value))


def _is_document(planner: Planner, term: ast.Term) -> bool:
    """Whether a value is a virtual document, and no function."""
    return (
        isinstance(term, ast.Ref)
        and _root(term) == "data"
        and planner.compiled.rule_tree.find(term) is not None
        and not is_function(planner, term)
    )


def _apply(f: Frame, modifier: ast.With, value: Operand | ast.Ref) -> None:
    target = _target(modifier)
    path = ast.Array(list(target.terms[1:]))
    if is_function(f.planner, target):
        name = dotted_name(target)
        _replace(f, f.planner.tables.mock(name), target, modifier.loc, value)
        if f.planner.assumed(name):
            slot = f.planner.tables.mock(calls.bare(name))
            if isinstance(value, ast.Ref) and not is_function(f.planner, value):
                value = f.register(f.constant(ast.Boolean(True)))
            _replace(f, slot, target, modifier.loc, value)
        return
    assert not isinstance(value, ast.Ref)
    if not is_ground(path):
        raise PlanError("the target of with must be ground", modifier.loc)
    match _root(target):
        case "input" if not path.items:
            f.emit("WINPUT", value)
        case "input":
            f.emit("WINPUTP", ~f.constant(path), value)
        case "data":
            f.emit("WDATA", ~f.constant(path), value)
        case other:
            raise PlanError(f"cannot replace {other}", modifier.loc)


def _replace(
    f: Frame, slot: int, target: ast.Ref, loc: ast.Location, value: Operand | ast.Ref
) -> None:
    """Fill the slot of a function."""
    if not isinstance(value, ast.Ref):
        f.emit("WMOCKV", slot, value)
    elif not is_function(f.planner, value):
        params, _, _ = f.planner.signature(target, loc)
        f.emit("WMOCKF", slot, f.planner.value_function(value, params))
    elif calls.is_user(value):
        f.emit("WMOCKF", slot, f.planner.user_function(value, loc))
    else:
        builtin = f.planner.tables.builtin(dotted_name(value))
        f.emit("WMOCKB", slot, builtin)

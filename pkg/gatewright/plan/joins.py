"""Joins: a body that goes through base documents and then wants something equal.

    other := data.inventory.namespace[ns][_]["Ingress"][name]
    other.spec.rules[_].host == host

`other.spec.rules[_].host` depends on the document alone and `host` not at all, so
the evaluator can keep an index from the one to the documents, and the loop goes
through those that may match.  It leaves out only documents for which the comparison
would fail, keeps the order, and everything after it is planned as ever: with and
without the index the body has the same solutions.

What stands between the loop and the comparison is then not evaluated for documents
that are left out.  That shows if it can stop evaluation, or say something; whether
it can is known once all functions are planned, and then the index is not asked.

`analyse` finds the parts of a join, `Join` plans them, `withdrawal` is the last look.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gatewright.plan import bodies, calls, refs, terms
from gatewright.plan.frame import Frame, Operand, is_constant
from gatewright.plan.passes import leaves_out
from gatewright.plan.purity import Uses, uses_of
from gatewright.plan.withdrawal import Watched
from gatewright.rego import ast
from gatewright.rego.rule_tree import term_key
from gatewright.rego.stages.walk import dotted_name

if TYPE_CHECKING:
    pass

__all__ = ["IndexedTree", "Join", "analyse", "targets_tree"]

_EQUALITY: Final = frozenset({"eq", "assign", "equal"})
_MEMBER: Final = "internal.member_2"
#: More keys than that make an index no better.
_MAX_KEYS: Final = 4


@dataclass(frozen=True, slots=True)
class IndexedTree:
    """The base documents that an evaluator may index: the name below `data`, and
    for each first step there the number of steps that lead to a document."""

    name: str
    depths: Mapping[str, int]


@dataclass(slots=True)
class _Loop:
    """A ref that goes through documents: `steps` lead to one, `element` is its
    variable, `rest` what is left of the expression."""

    steps: list[ast.Term]
    element: ast.Var
    rest: list[ast.Expr]


@dataclass(slots=True)
class _Step:
    """An expression that gives values to variables: which, and what it needs."""

    expr: ast.Expr
    binds: list[str]
    names: frozenset[str]


@dataclass(slots=True, eq=False)
class Join:
    """A join as found in a body: keys of the document, and what they must equal.

    `after` is how many expressions further on the last comparison is.
    """

    loop: _Loop
    keys: list[ast.Term]
    wanted: list[ast.Term]
    key_steps: list[_Step]
    wanted_steps: list[_Step]
    after: int
    watched: Watched = field(default_factory=lambda: Watched(-1, -1, -1))

    # Planning ---------------------------------------------------------------

    def plan(self, f: Frame) -> None:
        """Plan the loop; afterwards the frame is at a document of it."""
        loop, planner, tree = self.loop, f.planner, f.planner.indexed
        assert tree is not None
        self.watched = planner.watch(f, self)
        self.watched.first = f.b.size
        probe = self._probe(f)
        outside = f.fail
        found, record, document = f.b.register(), f.b.register(), f.b.register()
        registers = [f.b.register() for _ in loop.steps]
        iterator = f.b.block(2)
        none, following, inside = f.b.label(), f.b.label(), f.b.label()
        back = f.b.label()
        f.emit("UNSET", found)
        bound = {
            place: operand
            for place, step in enumerate(loop.steps)
            if not isinstance(step, ast.String)
            and (operand := f.known(step)) is not None
        }
        for operand in bound.values():
            # The name of a number is found by going through the tree.
            text = f.b.register()
            is_string = planner.tables.builtin("is_string")
            block = f.b.block(1)
            f.put(operand, block)
            f.emit("BUILTIN", text, is_string, block, 1, none, -1)
            f.emit("TRUE", text, none)
        f.emit("INDEX", found, self.watched.index, probe, none)
        f.emit("ITER", iterator, found, outside)
        f.b.place(following)
        f.emit("NEXT", iterator, -1, record, outside)
        for place, step in enumerate(loop.steps):
            if not isinstance(step, ast.String):
                key = ~f.constant(ast.Number(str(place + 1)))
                f.emit("DOTK", registers[place], record, key, following)
        for place, operand in bound.items():
            f.emit("EQ", registers[place], f.register(operand), following)
        first = ~f.constant(ast.Number("0"))
        f.emit("DOTK", document, record, first, following)
        f.jump(inside)

        f.b.place(none)
        ref = ast.Ref([ast.Var("data"), ast.String(tree.name), *loop.steps])
        f.put(refs.plan_ref(f, ref), document)
        for place, step in enumerate(loop.steps):
            if place not in bound and isinstance(step, ast.Var):
                f.put(f.env[step.name], registers[place])
                f.env[step.name] = registers[place]
        inner = f.fail
        f.jump(inside)

        f.b.place(back)
        f.emit("DEF", found, inner)
        f.jump(following)
        f.b.place(inside)
        f.fail = back
        f.once = False
        f.bind(loop.element, document)

    def _probe(self, f: Frame) -> int:
        """What the keys must be equal to, computed before the loop."""
        before = dict(f.env)
        for step in self.wanted_steps:
            bodies.plan_expr(f, step.expr)
        operands = [terms.plan_term(f, term) for term in self.wanted]
        f.env = before
        return _together(f, operands)

    def plan_keys(self, f: Frame) -> None:
        """Plan the function of a document's keys; its record is the input."""
        record, builder = f.b.register(), f.b.register()
        f.emit("SNEW", builder)
        end = f.b.label()
        with f.nested(end):
            f.emit("INPUT", record, f.fail)
            sources = [self.loop.element, *self.loop.steps]
            for place, source in enumerate(sources):
                if isinstance(source, ast.Var):
                    out = f.b.register()
                    key = ~f.constant(ast.Number(str(place)))
                    f.emit("DOTK", out, record, key, f.fail)
                    f.bind(source, out)
            for step in self.key_steps:
                bodies.plan_expr(f, step.expr)
            operands = [terms.plan_term(f, term) for term in self.keys]
            f.emit("SADD", builder, _together(f, operands))
            f.jump(f.fail)
        f.b.place(end)
        out = f.b.register()
        f.emit("DONE", out, builder)
        f.emit("RET", out)
        f.b.place(f.fail)
        f.emit("RETU")

    def pattern(self) -> ast.Array:
        """The steps that are the same for all documents of the loop, null for the
        others."""
        return ast.Array(
            [s if isinstance(s, ast.String) else ast.Null() for s in self.loop.steps]
        )

    def close(self, f: Frame) -> None:
        """The last comparison is planned."""
        self.watched.end = f.b.size


def _together(f: Frame, operands: Sequence[Operand]) -> int:
    if len(operands) == 1:
        return f.register(operands[0])
    base = f.b.block(len(operands))
    for place, operand in enumerate(operands):
        f.put(operand, base + place)
    out = f.b.register()
    f.emit("ARR", out, base, len(operands))
    return out


# Finding joins -----------------------------------------------------------------


def analyse(f: Frame, body: Sequence[ast.Expr], place: int) -> Join | None:
    """The join that begins at an expression of a body, if one does."""
    if f.planner.indexed is None or leaves_out("joins"):
        return None
    loop = _loop(f, body[place])
    if loop is None:
        return None
    search = _Search(f, loop)
    rest = [*loop.rest, *body[place + 1 :]]
    for number, expr in enumerate(rest):
        search.take(expr, number)
    if not search.keys:
        return None
    keys = search.keys[:_MAX_KEYS]
    wanted = [pair[1] for pair in keys]
    return Join(
        loop,
        [pair[0] for pair in keys],
        wanted,
        _needed([pair[0] for pair in keys], search.key_steps),
        _needed(wanted, search.wanted_steps),
        keys[-1][2],
    )


def _needed(goals: Sequence[ast.Term], steps: Sequence[_Step]) -> list[_Step]:
    """The steps that give values to what the goals name, in order."""
    names = {name for goal in goals for name in _names(goal)}
    out = []
    for step in reversed(steps):
        if not names.isdisjoint(step.binds):
            names |= step.names
            out.append(step)
    out.reverse()
    return out


def _names(term: ast.Term) -> set[str]:
    return set(uses_of(None, term).names)


def _loop(f: Frame, expr: ast.Expr) -> _Loop | None:
    if expr.with_ or expr.negated or expr.negated_body is not None:
        return None
    if isinstance(expr.terms, ast.SomeDecl):
        return _some(f, expr)
    if not isinstance(expr.terms, list) or len(expr.terms) != 3:
        return None
    _, left, right = expr.terms
    if type(left) is not ast.Ref and type(right) is not ast.Ref:
        return None  # as in most
    if _operator(f, expr) not in _EQUALITY:
        return None
    for ref, other in ((right, left), (left, right)):
        if not isinstance(ref, ast.Ref):
            continue
        steps = _steps(f, ref)
        if steps is None:
            continue
        tail = ref.terms[2 + len(steps) :]
        if not tail and isinstance(other, ast.Var) and _is_new(f, other, steps):
            return _Loop(steps, other, [])
        if not all(_is_plain(f, step) for step in tail):
            return None
        element = ast.Var(f"the document {f.b.register()}", ref.loc)
        rest: ast.Term = ast.Ref([element, *tail], ref.loc) if tail else element
        terms_ = [expr.terms[0], rest, other]
        return _Loop(steps, element, [ast.Expr(terms_, index=expr.index, loc=expr.loc)])
    return None


def _some(f: Frame, expr: ast.Expr) -> _Loop | None:
    """Find the loop of `some name, other in data.inventory...`."""
    assert isinstance(expr.terms, ast.SomeDecl)
    symbols = expr.terms.symbols
    if len(symbols) != 1 or not isinstance(symbols[0], ast.Call):
        return None
    *patterns, domain = symbols[0].args
    if not isinstance(domain, ast.Ref) or not all(
        isinstance(pattern, ast.Var) for pattern in patterns
    ):
        return None
    key: ast.Term = ast.Var(f"the name {f.b.register()}", expr.loc)
    if len(patterns) == 2:
        key = patterns[0]
    steps = _steps(f, ast.Ref([*domain.terms, key], domain.loc))
    element = patterns[-1]
    if steps is None or len(steps) != len(domain.terms) - 1:
        return None
    if not isinstance(element, ast.Var) or not _is_new(f, element, steps):
        return None
    return _Loop(steps, element, [])


def _is_unbound(f: Frame, var: ast.Var) -> bool:
    return var.name not in f.env and var.name not in ("data", "input")


def _is_new(f: Frame, var: ast.Var, steps: Sequence[ast.Term]) -> bool:
    return _is_unbound(f, var) and var not in steps


def _is_plain(f: Frame, step: ast.Term) -> bool:
    """Whether a step below the document means the same in a ref of its own."""
    if isinstance(step, ast.Var):
        return _is_unbound(f, step)
    return isinstance(step, ast.String) and not refs.is_ambiguous(step)


def _steps(f: Frame, ref: ast.Ref) -> list[ast.Term] | None:
    """The steps of a ref that lead to a document of the tree, some of them open."""
    tree = f.planner.indexed
    assert tree is not None
    head, *path = ref.terms
    if not isinstance(head, ast.Var) or head.name != "data" or len(path) < 2:
        return None
    name, first = path[:2]
    if not (isinstance(name, ast.String) and name.value == tree.name):
        return None
    if not isinstance(first, ast.String) or first.value not in tree.depths:
        return None
    if f.planner.shadowed(name) or "data" in f.env:
        return None
    steps = path[1 : 1 + tree.depths[first.value]]
    if len(steps) < tree.depths[first.value]:
        return None
    free: set[str] = set()
    for step in steps:
        if isinstance(step, ast.Var):
            operand = f.env.get(step.name)
            if operand is not None and is_constant(operand):
                return None
            if operand is None:
                if step.name in free or step.name in ("data", "input"):
                    return None
                free.add(step.name)
        elif not isinstance(step, ast.String):
            return None
    return steps if free else None


def _operator(f: Frame, expr: ast.Expr) -> str:
    """The name of the builtin that an expression calls, "" if some `with` replaces
    it or it is none."""
    if not isinstance(expr.terms, list):
        return ""
    operator = expr.terms[0]
    if not isinstance(operator, ast.Ref):
        return ""
    if calls.is_user(operator):
        return ""
    name = dotted_name(operator)
    return "" if f.planner.mocked(name) else name


class _Search:
    """Goes through what follows the loop and says of each variable whether it
    depends on the document alone (`own`), not at all (`free`), or otherwise."""

    def __init__(self, f: Frame, loop: _Loop) -> None:
        self.f = f
        self.own = {loop.element.name}
        self.own |= {
            step.name
            for step in loop.steps
            if isinstance(step, ast.Var) and step.name not in f.env
        }
        self.free: set[str] = set()
        self.mixed: set[str] = set()
        self.keys: list[tuple[ast.Term, ast.Term, int]] = []
        self.key_steps: list[_Step] = []
        self.wanted_steps: list[_Step] = []

    def take(self, expr: ast.Expr, number: int) -> None:
        """Take note of an expression; `number`: how far from the loop it is."""
        if expr.with_ or expr.negated or expr.negated_body is not None:
            self.mixed.update(self.new(expr))
            return
        for key, wanted in self.comparisons(expr):
            self.keys.append((key, wanted, number))
            step = self.step(expr, key)
            self.own.update(step.binds)
            if step.binds:
                # What it goes through is bound where the key is computed.
                self.key_steps.append(self.only(expr, key, step))
            self.mixed.update(set(self.new(expr)) - self.own)
            return
        step = self.step(expr, expr)
        if not step.binds:
            return
        uses = uses_of(self.f.planner, expr)
        if self.is_own(uses, step.binds):
            self.own.update(step.binds)
            self.key_steps.append(step)
        elif (
            self.is_free(uses, step.binds)
            and not uses.relation
            and self.is_assignment(expr, step.binds)
        ):
            self.free.update(step.binds)
            self.wanted_steps.append(step)
        else:
            self.mixed.update(step.binds)

    def only(self, expr: ast.Expr, key: ast.Term, step: _Step) -> _Step:
        """A step that binds what a key goes through, without comparing it."""
        variable = ast.Var(f"the key {self.f.b.register()}", expr.loc)
        operator = ast.Ref([ast.Var("eq", expr.loc)], expr.loc)
        self.keys[-1] = (variable, *self.keys[-1][1:])
        self.own.add(variable.name)
        return _Step(
            ast.Expr([operator, variable, key], index=expr.index, loc=expr.loc),
            [*step.binds, variable.name],
            step.names,
        )

    def new(self, node: ast.Expr | ast.Term) -> list[str]:
        """The variables that an expression gives a value to."""
        known = self.own | self.free | self.mixed
        found: dict[str, None] = {}
        for term in _operands(node):
            found.update(dict.fromkeys(self.f.unbound(term)))
        return [name for name in found if name not in known]

    def step(self, expr: ast.Expr, part: ast.Expr | ast.Term) -> _Step:
        uses = uses_of(self.f.planner, part)
        return _Step(expr, self.new(part), frozenset(uses.names))

    def outer(self, uses: Uses) -> set[str]:
        return {name for name in uses.names if name in self.f.env}

    def is_own(self, uses: Uses, binds: Sequence[str] = ()) -> bool:
        names = uses.names - set(binds)
        return (
            not uses.outside
            and not uses.impure
            and not names.isdisjoint(self.own)
            and names.isdisjoint(self.free | self.mixed)
            and not self.outer(uses)
        )

    def is_free(self, uses: Uses, binds: Sequence[str] = ()) -> bool:
        names = uses.names - set(binds)
        return not uses.impure and names.isdisjoint(self.own | self.mixed)

    def is_assignment(self, expr: ast.Expr, binds: Sequence[str]) -> bool:
        """Whether an expression gives one variable one value, or fails."""
        if len(binds) != 1 or not isinstance(expr.terms, list):
            return False
        variable = ast.Var(binds[0])
        name = _operator(self.f, expr)
        if name in _EQUALITY:
            return variable in expr.terms[1:]
        operator = expr.terms[0]
        assert isinstance(operator, ast.Ref)
        arity, _, relation = self.f.planner.signature(operator, expr.loc)
        return (
            not relation and len(expr.terms) == arity + 2 and expr.terms[-1] == variable
        )

    def comparisons(self, expr: ast.Expr) -> list[tuple[ast.Term, ast.Term]]:
        """The key and the wanted value of an expression that compares them."""
        if not isinstance(expr.terms, list):
            return []
        name = _operator(self.f, expr)
        operator, *args = expr.terms
        assert isinstance(operator, ast.Ref)
        if name in _EQUALITY and len(args) == 2:
            for key, wanted in (args, reversed(args)):
                if self.compares(key, wanted):
                    return [(key, wanted)]
            return []
        if name == _MEMBER and len(args) == 2:
            wanted, members = args
            if isinstance(members, ast.Var | ast.Ref):
                start = members.terms if isinstance(members, ast.Ref) else [members]
                each = ast.Var(f"the member {self.f.b.register()}", expr.loc)
                if self.compares(key := ast.Ref([*start, each]), wanted):
                    return [(key, wanted)]
            return []
        arity, _, relation = self.f.planner.signature(operator, expr.loc)
        if relation or len(args) != arity + 1:
            return []
        if self.f.planner.mocked(dotted_name(operator)):
            return []
        call = ast.Call(operator, args[:arity], expr.loc)
        return [(call, args[-1])] if self.compares(call, args[-1]) else []

    def compares(self, key: ast.Term, wanted: ast.Term) -> bool:
        if isinstance(key, ast.Ref):
            head = key.terms[0]
            if not isinstance(head, ast.Var) or head.name not in self.own:
                return False
        elif not isinstance(key, ast.Var | ast.Call) or (
            isinstance(key, ast.Call) and self.new(key)
        ):
            return False
        binds = self.new(key)
        if isinstance(key, ast.Var) and binds:
            return False
        uses = uses_of(self.f.planner, wanted)
        varies = uses.outside or uses.names
        return (
            bool(varies)
            and not self.new(wanted)
            and self.is_free(uses)
            and not uses.relation
            and self.is_own(uses_of(self.f.planner, key), binds)
        )


def _operands(node: ast.Expr | ast.Term) -> Sequence[ast.Term]:
    if not isinstance(node, ast.Expr):
        return [node]
    if isinstance(node.terms, list):
        return node.terms[1:]
    if isinstance(node.terms, ast.SomeDecl):
        return [
            arg
            for symbol in node.terms.symbols
            if isinstance(symbol, ast.Call)
            for arg in symbol.args
        ]
    if isinstance(node.terms, ast.Every | ast.Logical):
        return []
    return [node.terms]


def targets_tree(paths: set[tuple[object, ...]], name: ast.String) -> bool:
    """Whether a `with` replaces the tree, a part of it, or all of `data`."""
    key = term_key(name)
    return any(not path or path[0] == key for path in paths)

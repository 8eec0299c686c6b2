"""CheckSafetyRuleHeads and CheckSafetyRuleBodies.

A body is put in an order in which evaluation from left to right binds every
variable before it is needed: in operands of calls, under negation, in `with`, in
heads of refs.  Expressions are taken in source order as soon as they are safe, so
the order changes as little as possible.  Closures are ordered the same way, once
the variables around them are known.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from gatewright.rego import ast, errors
from gatewright.rego.order import sorted_pairs, sorted_terms
from gatewright.rego.printer import ref_text
from gatewright.rego.stages.locals import head_may_have_vars
from gatewright.rego.stages.state import State, loc_order
from gatewright.rego.stages.trees import ground_prefix
from gatewright.rego.stages.variables import (
    Arity,
    all_vars,
    body_outputs,
    collect_all,
    equality_outputs,
    expr_outputs,
    operand_vars,
    safety_vars,
    term_vars,
)
from gatewright.rego.stages.walk import (
    CLOSURES,
    COMPREHENSIONS,
    RESERVED,
    SCALARS,
    children,
    holder,
    is_equality,
    is_generated,
    rules_of,
    shown,
)

__all__ = [
    "SafetyChecker",
    "check_safety_rule_bodies",
    "check_safety_rule_heads",
    "safety_errors",
]

#: What cannot be placed: expression (by `id`) -> (expression, its unbound names).
Unsafe: TypeAlias = dict[int, tuple[ast.Expr, set[str]]]

_KEYWORDS = frozenset({"and", "contains", "every", "if", "in", "not", "or"})


class SafetyChecker:
    """Orders bodies; one instance serves one library or query."""

    __slots__ = ("arity", "operands")

    def __init__(self, arity: Arity, *, operands: bool) -> None:
        self.arity = arity
        #: Whether bodies of `not`, `and`, `or` occur (rare, and costly to look for).
        self.operands = operands

    def needs(self, node: Any) -> set[str]:
        """What an expression (or body) needs or binds.

        Operands of `not`, `and`, `or` written without braces share the scope: what
        they do not settle among themselves counts too.
        """
        names = safety_vars(node)
        if self.operands:
            exprs = node if type(node) is list else [node]
            for expr in exprs:
                for body in _implicit_operands(expr):
                    names |= self.unsettled(body)
        return names

    def unsettled(self, body: ast.Body) -> set[str]:
        """Names in an implicit operand that must come from outside of it."""
        uses: dict[str, int] = {}
        for expr in body:
            for name in safety_vars(expr):
                uses[name] = uses.get(name, 0) + 1
        if len(body) == 1:
            return set(uses)
        safe = set(uses) | RESERVED
        for expr in body:
            if is_equality(expr):
                for side in expr.terms[1:3]:  # type: ignore[index]
                    if type(side) is ast.Var:
                        safe.discard(side.name)
        bound: set[str] = set()
        changed = True
        while changed:
            changed = False
            for expr in body:
                if not is_equality(expr):
                    continue
                new = equality_outputs(expr, safe) - bound
                if new:
                    bound |= new
                    safe |= new
                    changed = True
        for expr in body:
            terms = expr.terms
            if type(terms) is not list or is_equality(expr):
                continue
            arity = self.arity(terms[0])  # type: ignore[arg-type]
            if arity >= 0 and arity + 1 < len(terms):
                bound |= operand_vars(terms[arity + 1 :])
        return {name for name, n in uses.items() if name not in bound or n == 1}

    def order(self, body: ast.Body, bound: set[str]) -> tuple[ast.Body, Unsafe]:
        """The body in a safe order, and what could not be placed."""
        if len(body) == 1:
            needs = [self.needs(body[0])]
            names = set(needs[0])
        else:
            needs = [self.needs(expr) for expr in body]
            names = set().union(*needs)
        safe = names & bound
        missing = [names - safe for names in needs]
        closed = [
            (_closed_over(expr) & names) - bound if _may_close(expr) else set()
            for expr in body
        ]
        placed: ast.Body = []
        waiting = list(range(len(body)))
        #: How much of what each needs was bound when it was last looked at: with
        #: no more than that, its turn has not come (long bodies, in reverse).
        tried = [-1] * len(body)
        progress = True
        while waiting and progress:
            progress = False
            still: list[int] = []
            for i in waiting:
                expr = body[i]
                if not closed[i]:
                    known = len(needs[i] & safe)
                    if known == tried[i]:
                        still.append(i)
                        continue
                    tried[i] = known
                outputs = expr_outputs(expr, self.arity, safe)
                if closed[i]:
                    # As in OPA, what a closure needs takes the place of what else
                    # the expression was found to need.
                    unbound = closed[i] - body_outputs(placed, self.arity, safe)
                    if unbound:
                        if unbound == outputs:
                            still.append(i)
                            continue
                        missing[i] = unbound
                missing[i] = missing[i] - outputs - safe
                if missing[i]:
                    still.append(i)
                    continue
                placed.append(expr)
                safe |= outputs
                progress = True
            waiting = still
        unsafe: Unsafe = {id(body[i]): (body[i], missing[i]) for i in waiting}
        self.closures(placed, bound, unsafe)
        for i, expr in enumerate(placed):
            expr.index = i
        return placed, unsafe

    # Closures

    def closures(self, placed: ast.Body, bound: set[str], unsafe: Unsafe) -> None:
        """Order the bodies inside the placed expressions."""
        around = set(bound)
        previous: ast.Expr | None = None
        for expr in placed:
            if previous is not None:
                around |= self.needs(previous)
            previous = expr
            if _may_close(expr):
                self.closures_in_expr(expr, expr, around, unsafe)

    def closures_in_expr(
        self, expr: ast.Expr, current: ast.Expr, around: set[str], unsafe: Unsafe
    ) -> None:
        terms = expr.terms
        if expr.negated_body is not None:
            expr.negated_body = self.inner(
                expr.negated_body, set(), current, around, unsafe
            )
            return
        if type(terms) is ast.Every:
            around |= term_vars(terms.key, terms.value)
            terms.body = self.inner(terms.body, set(), current, around, unsafe)
            return
        if type(terms) is ast.Logical:
            terms.left = self.inner(terms.left, set(), current, around, unsafe)
            terms.right = self.inner(terms.right, set(), current, around, unsafe)
            return
        for term in children(expr):
            self.closures_in_term(term, current, around, unsafe)

    def closures_in_term(
        self, term: Any, current: ast.Expr, around: set[str], unsafe: Unsafe
    ) -> None:
        kind = type(term)
        if kind in SCALARS or kind is ast.Var:
            return
        if kind in COMPREHENSIONS:
            if kind is ast.ObjectComprehension:
                heads = term_vars(term.key, term.value)
            else:
                heads = term_vars(term.term)
            term.body = self.inner(term.body, heads, current, around, unsafe)
            return
        for child in children(term):
            if type(child) is ast.Expr:
                self.closures_in_expr(child, current, around, unsafe)
            else:
                self.closures_in_term(child, current, around, unsafe)

    def inner(
        self,
        body: ast.Body,
        heads: set[str],
        current: ast.Expr,
        around: set[str],
        unsafe: Unsafe,
    ) -> ast.Body:
        if heads:
            unbound = heads - self.needs(body) - around
            if unbound:
                _merge(unsafe, current, unbound)
        ordered, found = self.order(body, around)
        if not found:
            return ordered
        for expr, names in found.values():
            _merge(unsafe, expr, names)
        return body


def _merge(unsafe: Unsafe, expr: ast.Expr, names: set[str]) -> None:
    entry = unsafe.get(id(expr))
    if entry is None:
        unsafe[id(expr)] = (expr, set(names))
    else:
        entry[1].update(names)


def _implicit_operands(expr: ast.Expr) -> list[ast.Body]:
    """Bodies without braces below an expression, outermost ones, closures apart."""
    found: list[ast.Body] = []
    if expr.negated_body is not None:
        if not expr.explicit_body:
            found.append(expr.negated_body)
    elif type(expr.terms) is ast.Logical:
        if not expr.terms.explicit_left:
            found.append(expr.terms.left)
        if not expr.terms.explicit_right:
            found.append(expr.terms.right)
    return found


def _may_close(expr: ast.Expr) -> bool:
    """Whether an expression holds a body, as far as a glance tells."""
    if expr.negated_body is not None:
        return True
    return _holds_closure(expr)


_holds_closure: Final = holder(*CLOSURES)


def _closed_over(expr: ast.Expr) -> set[str]:
    """Every variable inside the closures of an expression."""
    out: set[str] = set()

    def visit(node: Any) -> None:
        kind = type(node)
        if kind is ast.Every:
            collect_all(node.body, out)
        elif kind in CLOSURES:
            collect_all(node, out)
        elif kind is ast.Expr and node.negated_body is not None:
            collect_all(node.negated_body, out)
        else:
            for child in children(node):
                visit(child)

    visit(expr)
    return out


# Errors ---------------------------------------------------------------------


def _shared_rows(module: ast.Module) -> set[int]:
    """Rows on which rules of more than one name stand."""
    first: dict[int, str] = {}
    shared: set[int] = set()
    for rule in rules_of(module):
        name = _rule_name(rule)
        if first.setdefault(rule.loc.row, name) != name:
            shared.add(rule.loc.row)
    return shared


def _rule_name(rule: ast.Rule) -> str:
    return ref_text(ground_prefix(rule.head.reference.terms))


class _Scopes:
    """The ` in rule p` of messages, where a row alone would be ambiguous."""

    __slots__ = ("module", "rows")

    def __init__(self, module: ast.Module, *, older: bool) -> None:
        self.module = module
        # Before OPA 1.18 nothing is said
        self.rows: set[int] | None = set() if older else None

    def of(self, rule: ast.Rule) -> str:
        if self.rows is None:
            self.rows = _shared_rows(self.module)
        return f" in rule {_rule_name(rule)}" if rule.loc.row in self.rows else ""


def _assigned(unsafe: Unsafe, rewritten: dict[str, str]) -> set[str]:
    """Left sides of assignments that could not be placed, both names of each."""
    names: set[str] = set()
    for expr, _ in unsafe.values():
        terms = expr.terms
        if expr.from_assignment and type(terms) is list and len(terms) == 3:
            for name in all_vars(terms[1]):
                names.add(name)
                names.add(rewritten.get(name, name))
    return names


def safety_errors(
    unsafe: Unsafe, rewritten: dict[str, str], scope: str = ""
) -> list[errors.Error]:
    """What to say about the expressions that could not be placed.

    Names of the user are reported, each at its first place.  The target of an
    assignment is only reported when nothing else is to blame.
    """
    places: dict[str, ast.Location] = {}
    for expr, names in unsafe.values():
        for name in names:
            place = places.get(name)
            if place is None or loc_order(expr.loc) < loc_order(place):
                places[name] = expr.loc
    pairs = sorted(places.items(), key=lambda pair: (loc_order(pair[1]), pair[0]))
    assigned = _assigned(unsafe, rewritten)

    def is_assigned(name: str) -> bool:
        return name in assigned or rewritten.get(name, name) in assigned

    others = any(
        not is_generated(rewritten.get(name, name)) and not is_assigned(name)
        for name, _ in pairs
    )
    found: list[errors.Error] = []
    for name, loc in pairs:
        written = rewritten.get(name, name)
        if is_generated(written) or (others and is_assigned(name)):
            continue
        message = f"var {shown(written)} is unsafe{scope}"
        if written in _KEYWORDS:
            message += (
                f" (hint: `import future.keywords.{written}`"
                " to import a future keyword)"
            )
        found.append(errors.Error(errors.UNSAFE_VAR_ERROR, message, loc))
    if found:
        return found
    seen: set[str] = set()
    for expr, names in sorted(unsafe.values(), key=lambda pair: loc_order(pair[0].loc)):
        generated = {name for name in names if is_generated(name)}
        if generated - seen:
            seen |= generated
            found.append(
                errors.Error(
                    errors.UNSAFE_VAR_ERROR,
                    f"expression is unsafe{scope}",
                    expr.loc,
                )
            )
    return found


# Stages ---------------------------------------------------------------------


def _last_place(head: ast.Head, name: str) -> ast.Location:
    """Where a head uses a variable last, by the order of its parts."""
    found = head.loc
    stack = [*head.reference.terms[:0:-1], head.value, head.key]
    while stack:
        node = stack.pop()
        if type(node) is ast.Var:
            if node.name == name:
                found = node.loc
        elif type(node) is ast.Object:
            for pair in reversed(sorted_pairs(node.items)):
                stack.extend(reversed(pair))
        elif type(node) is ast.Set:
            stack.extend(reversed(sorted_terms(node.items)))
        elif node is not None:
            stack.extend(reversed(list(children(node))))
    return found


def check_safety_rule_heads(state: State) -> None:
    """CheckSafetyRuleHeads: bodies and parameters bind what heads use."""
    for module in state.modules.values():
        scopes = _Scopes(module, older=state.options.older)
        for rule in rules_of(module):
            head = rule.head
            if not head_may_have_vars(head):
                continue
            used = term_vars(head.key, head.value, *head.reference.terms[1:])
            if not used:
                continue
            used -= safety_vars(rule.body)
            if used:
                used -= term_vars(*(head.args or ()))
            for name in sorted(used):
                written = state.rewritten.get(name, name)
                if is_generated(written):
                    continue
                more = state.fail(
                    errors.Error(
                        errors.UNSAFE_VAR_ERROR,
                        f"var {shown(written)} is unsafe{scopes.of(rule)}",
                        _last_place(head, name),
                    )
                )
                if not more:
                    return


def check_safety_rule_bodies(state: State) -> None:
    """CheckSafetyRuleBodies: order all bodies."""
    checker = SafetyChecker(
        state.arity, operands=bool(state.features & {"logical", "not_body"})
    )
    for module in state.modules.values():
        scopes = _Scopes(module, older=state.options.older)
        for rule in rules_of(module):
            bound = term_vars(*(rule.head.args or ())) | RESERVED
            ordered, unsafe = checker.order(rule.body, bound)
            if unsafe:
                found = safety_errors(unsafe, state.rewritten, scopes.of(rule))
                if found:
                    state.fail(*found)
                    continue
            rule.body = ordered

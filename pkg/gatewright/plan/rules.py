"""Rules: all definitions at one place become one function.

- A *complete* rule (or a function) returns at the first success where no other
  success can differ; otherwise it goes through all and compares (`ONCE`).
- A rule with `contains` builds a set.
- A set, or an object with one key, whose bodies look that key up is also planned
  as a function of the key, for a ref that knows it and is evaluated once.
- Where some definition's reference has variables, everything at the place and
  below it builds one object; plain rules below it are called for their value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeAlias

from gatewright.plan import bodies, terms, unify
from gatewright.plan.constants import is_ground, same
from gatewright.plan.exclusive import are_exclusive
from gatewright.plan.frame import Frame
from gatewright.plan.guards import guarded
from gatewright.rego import ast
from gatewright.rego.rule_tree import RuleNode
from gatewright.rego.stages.walk import terms_in

__all__ = [
    "is_keyed",
    "most_keys",
    "plan_keyed",
    "plan_keys",
    "plan_plain",
    "plan_rules",
]

#: What OPA says of two values of one key.
_KEYS: Final = "object keys must be unique"

_Patterns: TypeAlias = Callable[[ast.Rule, ast.Rule], Sequence[ast.Term]]


def plan_rules(f: Frame, node: RuleNode, path: Sequence[ast.Term]) -> None:
    """Plan the function of the rules at a node."""
    depth = len(path) + 1
    if any(len(_reference(rule)) > depth for rule in node.rules):
        _object(f, node, path)
    elif node.rules[0].head.key is not None:
        _set(f, node.rules)
    else:
        message = f.planner.conflict(f.b.name, bool(f.b.params))
        _complete(f, node.rules, message, _parameters)


def _reference(rule: ast.Rule) -> list[ast.Term]:
    """The terms of a rule's full reference, `data` first."""
    assert rule.module is not None
    head, *rest = rule.head.reference.terms
    assert isinstance(head, ast.Var)
    return [*rule.module.package.path.terms, ast.String(head.name), *rest]


def _clauses(rule: ast.Rule) -> Iterator[ast.Rule]:
    """A definition and its else branches."""
    clause: ast.Rule | None = rule
    while clause is not None:
        yield clause
        clause = clause.else_


def _value(clause: ast.Rule) -> ast.Term:
    value = clause.head.value
    return ast.Boolean(True) if value is None else value


def _body(f: Frame, clause: ast.Rule, args: Sequence[ast.Term]) -> None:
    """Bind the parameters and plan the body."""
    f.env = {}
    for register, pattern in enumerate(args):
        unify.unify_value(f, pattern, register)
    bodies.plan_body(f, guarded(f.planner, clause))
    f.at(clause.head.loc if clause.head.loc.row else clause.loc)


# Complete rules and functions -------------------------------------------------


def _parameters(rule: ast.Rule, clause: ast.Rule) -> Sequence[ast.Term]:
    return clause.head.args or rule.head.args or ()


def _complete(
    f: Frame, rules: Sequence[ast.Rule], message: str, patterns: _Patterns
) -> None:
    """Plan definitions of one value.

    `patterns` gives what the function's parameters are unified with, from a
    definition and the clause of it that is tried.
    """
    definitions = [rule for rule in rules if not rule.default]
    values = [_value(clause) for rule in definitions for clause in _clauses(rule)]
    constant = all(is_ground(v) and same(v, values[0]) for v in values)
    if constant and not _stops(definitions, message):
        # OPA looks for all solutions, and hears of errors on the way
        bodies = [clause.body for rule in definitions for clause in _clauses(rule)]
        constant = not any(
            f.planner.loud.expr(expr) for body in bodies for expr in body
        )
    alone = constant or len(definitions) == 1
    alone = alone or are_exclusive(f.planner, definitions)
    conflict = f.constant(ast.String(message))
    result = f.b.register()
    for rule in definitions:
        _definition(
            f, rule, result, ~conflict, patterns, first=alone, constant=constant
        )
    if not constant:
        none = f.b.label()
        f.emit("DEF", result, none)
        f.emit("RET", result)
        f.b.place(none)
    for rule in rules:
        if rule.default:
            end = f.b.label()
            with f.nested(end):
                _body(f, rule, patterns(rule, rule))
                f.emit("RET", f.register(terms.plan_term(f, _value(rule))))
            f.b.place(end)
    f.b.place(f.fail)
    f.emit("RETU")


def _stops(definitions: Sequence[ast.Rule], message: str) -> bool:
    """Whether OPA stops at the first solution of definitions with one value: not where
    it takes them for definitions of an object, as those of v0 by one key (`p.a = 1`)."""
    return message != _KEYS and all(rule.head.shown_key is None for rule in definitions)


def _definition(
    f: Frame,
    rule: ast.Rule,
    result: int,
    message: int,
    patterns: _Patterns,
    *,
    first: bool,
    constant: bool,
) -> None:
    """Plan one definition with its else branches.

    `first`: no other definition can give another value, so a definite value may
    be returned at once.  Unless it is the only one there is (`constant`), OPA looks
    for further solutions, and hears of errors there.
    """
    after = f.b.label()
    for clause in _clauses(rule):
        end = f.b.label()
        won = -1
        with f.nested(end):
            _body(f, clause, patterns(rule, clause))
            where = f.planner.tables.location(clause.loc)
            value = terms.plan_term(f, _value(clause))
            loops = f.fail != end
            definite = value < 0 and (
                constant or not any(map(f.planner.loud.expr, clause.body))
            )
            if first and (not loops or definite):
                f.emit("RET", f.register(value))
            else:
                f.emit("ONCE", result, f.register(value), message, after, where)
                if loops:
                    won = f.b.register()
                    f.put(f.constant(ast.Boolean(True)), won)
                f.jump(f.fail if loops else after)
        f.b.place(end)
        if won >= 0:
            other = f.b.label()
            f.emit("DEF", won, other)
            f.jump(after)
            f.b.place(other)
    f.b.place(after)


# Sets and objects -------------------------------------------------------------


def _set(f: Frame, rules: Sequence[ast.Rule]) -> None:
    builder = f.b.register()
    f.emit("SNEW", builder)
    for rule in rules:
        end = f.b.label()
        with f.nested(end):
            _body(f, rule, ())
            assert rule.head.key is not None
            f.emit("SADD", builder, f.register(terms.plan_term(f, rule.head.key)))
            f.jump(f.fail)
        f.b.place(end)
    _return(f, builder)


def _object(f: Frame, node: RuleNode, path: Sequence[ast.Term]) -> None:
    """Plan all that is defined below a place; of a function of keys, what is there."""
    builder = f.b.register()
    f.emit("ONEW", builder)
    todo = [(node, list(path))]
    while todo:
        place, where = todo.pop()
        plain = False
        for rule in place.rules:
            steps = _reference(rule)[len(path) + 1 :]
            if rule.head.key is None and len(steps) == len(where) - len(path):
                plain = True
            else:
                _put(f, rule, steps, builder)
        if plain:
            _put_plain(f, place, where, len(path), builder)
        todo += [
            (child, [*where, child.key]) for child in reversed(place.sorted_children())
        ]
    _return(f, builder)


def _put(f: Frame, rule: ast.Rule, steps: Sequence[ast.Term], builder: int) -> None:
    """One definition whose reference has variables, or that adds to a set."""
    end = f.b.label()
    multi = rule.head.key is not None
    asked = [*steps, rule.head.key] if rule.head.key is not None else steps
    with f.nested(end):
        _body(f, rule, asked[: f.b.params])
        value = rule.head.key if rule.head.key is not None else _value(rule)
        operand = f.register(terms.plan_term(f, value))
        base = terms.plan_block(f, steps)
        where = f.planner.tables.location(rule.loc)
        op = "BADD" if multi else "BPUT"
        f.emit(op, builder, base, len(steps), operand, where)
        f.jump(f.fail)
    f.b.place(end)


def _put_plain(
    f: Frame, node: RuleNode, path: list[ast.Term], depth: int, builder: int
) -> None:
    """The value of complete rules inside the extent of a general reference."""
    end = f.b.label()
    with f.nested(end):
        for register, step in zip(range(f.b.params), path[depth:], strict=False):
            f.emit("EQK", register, ~f.constant(step), f.fail)
        out = f.b.register()
        plain = [rule for rule in node.rules if rule.head.key is None]
        f.emit("RULE", out, f.planner.plain_rule(plain, path), f.fail)
        base = terms.plan_block(f, path[depth:])
        where = f.planner.tables.location(plain[0].loc)
        f.emit("BPUT", builder, base, len(path) - depth, out, where)
    f.b.place(end)


def plan_plain(f: Frame, rules: Sequence[ast.Rule]) -> None:
    """Plan the function of complete definitions only, which are one key's."""
    _complete(f, rules, _KEYS, _parameters)


def _return(f: Frame, builder: int) -> None:
    """Return what was built; of a function of keys, what is at those."""
    out = f.b.register()
    f.emit("DONE", out, builder)
    for register in range(f.b.params):
        inner = f.b.register()
        f.emit("DOT", inner, out, register, f.fail)
        out = inner
    f.emit("RET", out)
    f.b.place(f.fail)
    f.emit("RETU")


# Some keys of a set or object ---------------------------------------------------


def most_keys(node: RuleNode, depth: int) -> int:
    """How many keys below a place a ref may ask for; 0 where it is no set or object
    that rules add to.  `depth`: of the place, `data` included."""
    if node.rules[0].head.args:
        return 0
    if all(len(_reference(r)) == depth and r.head.key is None for r in node.rules):
        return 0
    inside = [rule for inner in node.walk() for rule in inner.rules]
    return max(len(_reference(r)) + (r.head.key is not None) for r in inside) - depth


def plan_keys(f: Frame, node: RuleNode, path: Sequence[ast.Term]) -> None:
    """Plan the function of the keys that a ref asks for: OPA evaluates what it needs
    for those, so that nothing else can fail."""
    depth = len(path) + 1
    if any(len(_reference(rule)) > depth for rule in node.rules):
        _object(f, node, path)
        return
    found = f.b.register()
    for rule in node.rules:
        end = f.b.label()
        with f.nested(end):
            assert rule.head.key is not None
            _body(f, rule, [rule.head.key])
            f.put(f.constant(ast.Boolean(True)), found)
            f.jump(f.fail)
        f.b.place(end)
    f.emit("DEF", found, f.fail)
    f.emit("RET", 0)
    f.b.place(f.fail)
    f.emit("RETU")


# One key of a set or object -----------------------------------------------------


def is_keyed(node: RuleNode, depth: int) -> bool:
    """Whether refs that know the key should ask for that key alone.

    So it is where every definition finds its key by going through the keys of
    some document: given the key, that becomes a look-up.  `depth` is the number
    of terms that lead to the node, `data` included.
    """
    return not node.children and all(
        _looks_up(rule, key) for rule in node.rules for key in [_key(rule, depth)]
    )


def _key(rule: ast.Rule, depth: int) -> ast.Term | None:
    """The only key of a definition; None if it has no such thing."""
    steps = _reference(rule)[depth:]
    if rule.head.key is not None:
        return None if steps else rule.head.key
    return steps[0] if len(steps) == 1 else None


def _looks_up(rule: ast.Rule, key: ast.Term | None) -> bool:
    """Whether the first use of the key is as an operand of a ref."""
    if not isinstance(key, ast.Var):
        return False
    for expr in rule.body:
        if expr.with_ or expr.negated or expr.negated_body is not None:
            return False
        parts = expr.terms if isinstance(expr.terms, list) else [expr.terms]
        for part in parts:
            if isinstance(part, ast.Ref) and key in part.terms[1:]:
                return True
        if any(term == key for term in terms_in(expr)):
            return False
    return False


def plan_keyed(f: Frame, node: RuleNode, path: Sequence[ast.Term]) -> None:
    """Plan the function of one key: its value in the object, or the key itself
    if it is in the set."""
    depth = len(path) + 1

    def patterns(rule: ast.Rule, _: ast.Rule) -> Sequence[ast.Term]:
        key = _key(rule, depth)
        assert key is not None
        return [key]

    if node.rules[0].head.key is None:
        _complete(f, node.rules, _KEYS, patterns)
        return
    for rule in node.rules:
        end = f.b.label()
        with f.nested(end):
            _body(f, rule, patterns(rule, rule))
            f.emit("RET", 0)
        f.b.place(end)
    f.b.place(f.fail)
    f.emit("RETU")

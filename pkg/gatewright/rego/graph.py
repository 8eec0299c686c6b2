"""Which rules a rule may evaluate.

Edges come from refs.  A ref with a variable in it may reach several rules;
variables bound ahead of it to a few constants (`some r in ["a", "b"]; data[r].p`)
narrow it to those.  An edge that exists for some values of a variable only is
*dynamic*: a cycle through it is possible, not certain.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gatewright.rego import ast
from gatewright.rego.rule_tree import RuleNode, term_key
from gatewright.rego.stages.state import loc_order
from gatewright.rego.stages.trees import rule_ref
from gatewright.rego.stages.variables import all_vars
from gatewright.rego.stages.walk import SCALARS, children, finder, is_equality, rules_of

__all__ = ["DynamicRef", "Graph", "build_graph", "rules_dynamic"]

#: How many refs one ref is narrowed into at most, as in OPA.
MAX_EXPANSION: Final = 64


def is_constant(term: Any) -> bool:
    """True for a scalar and for a collection of constants."""
    kind = type(term)
    if kind in SCALARS:
        return True
    if kind is ast.Array or kind is ast.Set:
        return all(map(is_constant, term.items))
    if kind is ast.Object:
        return all(is_constant(k) and is_constant(v) for k, v in term.items)
    return False


def _may_intersect(rule: ast.Rule, ref: Sequence[ast.Term], start: int) -> bool:
    if len(rule.head.reference.terms) == 1:
        return True
    terms = rule_ref(rule)
    for one, two in zip(terms[start:], ref[start:]):  # noqa: B905 - shorter ends it
        if is_constant(one) and is_constant(two) and term_key(one) != term_key(two):
            return False
    return True


def rules_dynamic(
    root: RuleNode, ref: Sequence[ast.Term], *, coarse: bool = False
) -> list[ast.Rule]:
    """Rules that a ref starting with `data` may reach, each once.

    `coarse`: what comes behind a variable in a rule's own ref does not count.
    """
    found: dict[int, ast.Rule] = {}

    def visit(node: RuleNode, i: int) -> None:
        if i >= len(ref):
            for inner in node.walk():
                for rule in inner.rules:
                    found[id(rule)] = rule
            return
        if is_constant(ref[i]):
            below = node.child(ref[i])
            nodes: Any = () if below is None else (below,)
        else:
            nodes = node.children.values()
        for child in nodes:
            for rule in child.rules:
                if id(rule) not in found and (
                    coarse or _may_intersect(rule, ref, i + 1)
                ):
                    found[id(rule)] = rule
            visit(child, i + 1)

    visit(root, 1)
    return list(found.values())


# Constants that variables range over ---------------------------------------


def members(value: Any) -> list[Any] | None:
    """The values in a constant collection."""
    if type(value) is ast.Array or type(value) is ast.Set:
        return list(value.items)
    if type(value) is ast.Object:
        return [item for _, item in value.items]
    return None


def _select(value: Any, key: Any) -> Any:
    wanted = term_key(key)
    if type(value) is ast.Array:
        for i, item in enumerate(value.items):
            if wanted == ("n", i):
                return item
    elif type(value) is ast.Set:
        for item in value.items:
            if term_key(item) == wanted:
                return item
    elif type(value) is ast.Object:
        for name, item in value.items:
            if term_key(name) == wanted:
                return item
    return None


def _term_values(term: Any, known: dict[str, list[Any]]) -> list[Any] | None:
    if type(term) is ast.Var:
        return known.get(term.name)
    if type(term) is ast.Ref:
        return _ref_values(term, known)
    return [term] if is_constant(term) else None


def _ref_values(ref: ast.Ref, known: dict[str, list[Any]]) -> list[Any] | None:
    values = _term_values(ref.terms[0], known)
    if values is None:
        return None
    for term in ref.terms[1:]:
        following: list[Any] = []
        for value in values:
            if is_constant(term):
                selected = _select(value, term)
                if selected is not None:
                    following.append(selected)
            else:
                inside = members(value)
                if inside is None:
                    return None
                following += inside
        if len(following) > MAX_EXPANSION:
            return None
        values = following
    return values


def _bindings(body: ast.Body) -> list[tuple[int, str, list[Any]]]:
    """Variables bound to finitely many constants, with where that happens."""
    found: list[tuple[int, str, list[Any]]] = []
    known: dict[str, list[Any]] = {}
    for i, expr in enumerate(body):
        if not is_equality(expr) or expr.negated or expr.with_ or len(expr.terms) < 3:  # type: ignore[arg-type]
            continue
        left, right = expr.terms[1], expr.terms[2]  # type: ignore[index]
        for var, term in ((left, right), (right, left)):
            if type(var) is not ast.Var:
                continue
            values = _term_values(term, known)
            if values is not None:
                if var.name not in known:
                    known[var.name] = values
                    found.append((i, var.name, values))
                break
    return found


def _expand(terms: list[Any], known: dict[str, list[Any]]) -> list[list[Any]]:
    expanded = [terms]
    for i in range(1, len(terms)):
        if is_constant(terms[i]):
            continue
        values = _term_values(terms[i], known)
        if not values or len(expanded) * len(values) > MAX_EXPANSION:
            continue
        expanded = [
            [*prefix[:i], value, *prefix[i + 1 :]]
            for prefix in expanded
            for value in values
        ]
    return expanded


# The graph ------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class DynamicRef:
    """A ref that reaches some rules for some values of its variables only.

    `ref` as written, `selected` as narrowed, `at` the index of its expression,
    `bound` the variables that may have a value there.
    """

    ref: list[Any]
    selected: list[Any]
    at: int
    bound: set[str]
    rules: list[ast.Rule] = field(default_factory=list)


class Graph:
    """Edges by the `id` of a rule; every else branch is a node of its own."""

    __slots__ = ("dynamic", "edges", "nodes", "reverse")

    def __init__(self) -> None:
        self.nodes: dict[int, ast.Rule] = {}
        self.edges: dict[int, dict[int, ast.Rule]] = {}
        self.reverse: dict[int, dict[int, ast.Rule]] = {}
        self.dynamic: dict[int, list[DynamicRef]] = {}

    def connect(self, rule: ast.Rule, target: ast.Rule) -> None:
        """Add edges to a rule and its else branches."""
        edges = self.edges.setdefault(id(rule), {})
        node: ast.Rule | None = target
        while node is not None:
            edges[id(node)] = node
            self.reverse.setdefault(id(node), {})[id(rule)] = rule
            node = node.else_

    def dependencies(self, rule: ast.Rule) -> list[ast.Rule]:
        """Direct dependencies, in source order."""
        return sorted(self.edges.get(id(rule), {}).values(), key=_place)

    def cause(self, rule: ast.Rule, target: ast.Rule) -> DynamicRef | None:
        """The ref that makes the edge dynamic; None for a static edge."""
        for dynamic in self.dynamic.get(id(rule), ()):
            for reached in dynamic.rules:
                node: ast.Rule | None = reached
                while node is not None:
                    if node is target:
                        return dynamic
                    node = node.else_
        return None

    def path(self, start: ast.Rule, *, static: bool) -> list[ast.Rule]:
        """A cycle through `start` (first and last of it), or nothing."""
        seen = {id(start)}
        stack = [(start, iter(self.dependencies(start)))]
        while stack:
            rule, targets = stack[-1]
            for target in targets:
                if static and self.cause(rule, target) is not None:
                    continue
                if target is start:
                    return [*(node for node, _ in stack), start]
                if id(target) not in seen:
                    seen.add(id(target))
                    stack.append((target, iter(self.dependencies(target))))
                    break
            else:
                stack.pop()
        return []

    def order(self) -> list[ast.Rule]:
        """All rules, dependencies first.  Cycles must have been ruled out."""
        done: set[int] = set()
        out: list[ast.Rule] = []
        for rule in sorted(self.nodes.values(), key=_place):
            if id(rule) in done:
                continue
            done.add(id(rule))
            stack = [(rule, iter(self.dependencies(rule)))]
            while stack:
                top, targets = stack[-1]
                for target in targets:
                    if id(target) not in done:
                        done.add(id(target))
                        stack.append((target, iter(self.dependencies(target))))
                        break
                else:
                    out.append(top)
                    stack.pop()
        return out

    def on_cycle(self) -> bool:
        """Whether any cycle exists; quick, so that most libraries stop here."""
        state: dict[int, int] = {}
        for start in self.nodes.values():
            if id(start) in state:
                continue
            state[id(start)] = 1
            stack = [(id(start), iter(self.edges.get(id(start), {})))]
            while stack:
                top, targets = stack[-1]
                for target in targets:
                    seen = state.get(target)
                    if seen == 1:
                        return True
                    if seen is None:
                        state[target] = 1
                        stack.append((target, iter(self.edges.get(target, {}))))
                        break
                else:
                    state[top] = 2
                    stack.pop()
        return False


def _place(rule: ast.Rule) -> tuple[Any, ...]:
    return loc_order(rule.loc)


_refs_in: Final = finder(ast.Ref)


def vars_before(rule: ast.Rule, index: int) -> set[str]:
    """Variables that may have a value before the expression at `index`."""
    out = all_vars(rule.body[:index])
    for term in [*rule.head.reference.terms[1:], *children(rule.head)]:
        out |= all_vars(term)
    return out


def selects(
    ref: Sequence[Any], rule: ast.Rule, bound: set[str]
) -> tuple[bool, list[int]]:
    """Whether a ref reaches a rule whatever its variables hold, and if not,
    at which positions they must hold what the rule's ref has there."""
    terms = rule_ref(rule)
    positions: list[int] = []
    for i in range(1, min(len(ref), len(terms))):
        if not is_constant(terms[i]):
            continue
        term = ref[i]
        if (
            type(term) is ast.Var
            and term.name not in bound
            and sum(type(t) is ast.Var and t.name == term.name for t in ref) == 1
        ):
            continue
        if is_constant(term):
            if term_key(term) != term_key(terms[i]):
                return False, positions
            continue
        positions.append(i)
    return not positions, positions


def _connect_rule(graph: Graph, root: RuleNode, rule: ast.Rule) -> None:
    bindings: list[tuple[int, str, list[Any]]] | None = None
    runs: list[tuple[list[Any], list[Any], int, set[str], ast.Rule, bool]] = []
    dynamic = False
    for at, node in enumerate([*rule.body, rule.head]):
        bound: set[str] | None = None
        for ref in _refs_in(node):
            terms = ref.terms
            head = terms[0]
            if type(head) is not ast.Var or head.name != "data":
                continue
            if all(map(is_constant, terms[1:])):
                for target in rules_dynamic(root, terms):
                    graph.connect(rule, target)
                    runs.append((terms, terms, at, set(), target, True))
                continue
            if bindings is None:
                bindings = _bindings(rule.body)
            known = {name: values for i, name, values in bindings if i < at}
            expanded = _expand(terms, known) if known else [terms]
            selected = expanded[0] if len(expanded) == 1 else terms
            if bound is None:
                bound = vars_before(rule, at)
            for narrowed in expanded:
                for target in rules_dynamic(root, narrowed):
                    graph.connect(rule, target)
                    static, _ = selects(selected, target, bound)
                    dynamic = dynamic or not static
                    runs.append((terms, selected, at, bound, target, static))
    if not dynamic:
        return
    outright = {id(run[4]) for run in runs if run[5]}
    found: list[DynamicRef] = []
    for terms, selected, at, bound_at, target, _ in runs:
        if id(target) in outright:
            continue
        if not found or found[-1].ref is not terms:
            found.append(DynamicRef(terms, selected, at, bound_at))
        found[-1].rules.append(target)
    for run in found:
        run.ref, run.selected = list(run.ref), list(run.selected)
    graph.dynamic[id(rule)] = found


def _connect_coarse(graph: Graph, root: RuleNode, rule: ast.Rule) -> None:
    for node in [*rule.body, rule.head]:
        for ref in _refs_in(node):
            head = ref.terms[0]
            if type(head) is ast.Var and head.name == "data":
                for target in rules_dynamic(root, ref.terms, coarse=True):
                    graph.connect(rule, target)


def build_graph(
    modules: Iterator[ast.Module], root: RuleNode, *, coarse: bool = False
) -> Graph:
    """The graph of all rules; declarations must have been rewritten.

    `coarse`: as before OPA 1.18, variables may hold anything, and every edge counts as
    one that is there for certain.
    """
    graph = Graph()
    for module in modules:
        for rule in rules_of(module):
            graph.nodes[id(rule)] = rule
            (_connect_coarse if coarse else _connect_rule)(graph, root, rule)
    return graph

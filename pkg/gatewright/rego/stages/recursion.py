"""SetGraph and CheckRecursion."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from gatewright.rego import ast, errors
from gatewright.rego.graph import Graph, build_graph, selects
from gatewright.rego.order import compare
from gatewright.rego.printer import ref_text, term_text
from gatewright.rego.rule_tree import term_key
from gatewright.rego.stages.origins import Origins, origin_note, possible
from gatewright.rego.stages.rename import renamed
from gatewright.rego.stages.state import State
from gatewright.rego.stages.trees import rule_ref

__all__ = ["check_recursion", "set_graph"]

#: Conditions spelled out at most; with more, only the ref is named.
_MAX_CONDITIONS = 2


def set_graph(state: State) -> None:
    """SetGraph: edges between rules."""
    state.graph = build_graph(
        iter(state.modules.values()), state.rule_tree, coarse=state.options.older
    )
    if state.graph.dynamic:
        state.graph_origins = {
            id(dynamic): Origins(state, rule, dynamic)
            for key, dynamics in state.graph.dynamic.items()
            for rule in [state.graph.nodes[key]]
            for dynamic in dynamics
        }


def _name(state: State, rule: ast.Rule) -> str:
    if state.options.older:  # generated names and all
        return ref_text(rule_ref(rule))
    return ref_text([renamed(term, state.rewritten) for term in rule_ref(rule)])


def check_recursion(state: State) -> None:
    """CheckRecursion: no rule needs itself, for certain or perhaps."""
    graph: Graph = state.graph
    if not graph.on_cycle():
        return
    for node in state.rule_tree.walk():
        for rule in node.rules:
            branch: ast.Rule | None = rule
            while branch is not None:
                error = _cycle(state, graph, branch)
                if error is not None and not state.fail(error):
                    return
                branch = branch.else_


def _cycle(state: State, graph: Graph, rule: ast.Rule) -> errors.Error | None:
    path = graph.path(rule, static=False)
    if not path:
        return None
    verb, cause = "is", ""
    if any(graph.cause(a, b) is not None for a, b in pairwise(path)):
        certain = graph.path(rule, static=True)
        if certain:
            path = certain
        else:
            verb, cause = "may be", _cause(state, graph, path)
    names = " -> ".join(_name(state, node) for node in path)
    return errors.Error(
        errors.RECURSION_ERROR,
        f"rule {_name(state, rule)} {verb} recursive: {names}{cause}",
        rule.loc,
    )


def _cause(state: State, graph: Graph, path: list[ast.Rule]) -> str:
    """The first edge that depends on a value, and on which."""
    for source, target in pairwise(path):
        dynamic = graph.cause(source, target)
        if dynamic is None:
            continue
        terms = rule_ref(target)
        shown = [renamed(t, state.rewritten) for t in dynamic.ref[: len(terms)]]
        text = f" ({ref_text(shown)}"
        if source is not path[0]:
            text += f" in {_name(state, source)}"
        _, positions = selects(dynamic.selected, target, dynamic.bound)
        conditions = _conditions(shown, terms, positions)
        origins: Origins = state.graph_origins[id(dynamic)]
        if (
            not conditions
            or len(conditions) > _MAX_CONDITIONS
            or not all(
                possible(state, origins, at, value) for at, _, value in conditions
            )
        ):
            return f"{text} could refer to {_name(state, target)})"
        parts = []
        for at, term, value in conditions:
            part = f"{term_text(term)} is {term_text(value)}"
            note = origin_note(state, origins, source, at, term)
            parts.append(f"{part} ({note})" if note else part)
        return f"{text} refers to {_name(state, target)} if {' and '.join(parts)})"
    return ""


def _conditions(
    shown: list[Any], terms: list[Any], positions: list[int]
) -> list[tuple[int, Any, Any]] | None:
    """(position, term, value it needs); None when they exclude each other."""
    found: list[tuple[int, Any, Any]] = []
    for at in positions:
        for _, term, value in found:
            if compare(term, shown[at]) == 0:
                if term_key(value) != term_key(terms[at]):
                    return None
                break
        else:
            found.append((at, shown[at], terms[at]))
    return found

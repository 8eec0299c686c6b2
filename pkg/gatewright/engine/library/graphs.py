"""`graph.reachable` and `graph.reachable_paths`."""

from __future__ import annotations

from gatewright.engine.library.budget import LINE, charge, reserve
from gatewright.engine.library.errors import operand_error
from gatewright.engine.library.keys import key_of
from gatewright.engine.library.operands import object_
from gatewright.engine.values import Set, Value, pairs

__all__ = ["reachable", "reachable_paths"]

_Graph = dict[object, Value]


def _graph(value: Value) -> _Graph:
    return {key_of(key): edges for key, edges in pairs(object_(value, 1))}


def _members(value: Value) -> list[Value]:
    if isinstance(value, Set):
        return list(value.items)
    return value if isinstance(value, list) else []


def _initial(value: Value) -> list[Value]:
    if not isinstance(value, (list, Set)):
        raise operand_error(2, value, "{array, set}")
    return _members(value)


def reachable(graph: Value, initial: Value) -> Set:
    """Return the nodes of the graph that can be reached from some nodes."""
    edges = _graph(graph)
    found: dict[object, Value] = {}
    queue = _initial(initial)[::-1]
    while queue:
        charge(4 * LINE)
        node = queue.pop()
        key = key_of(node)
        if key in found or key not in edges:
            continue
        found[key] = node
        neighbours = _members(edges[key])
        reserve(8 * len(neighbours))
        queue += neighbours
    return Set(found.values())


def reachable_paths(graph: Value, initial: Value) -> Set:
    """Return every path that starts at some nodes, as arrays.

    Their number grows exponentially, and so does what this costs.
    A path ends at a node without neighbours, before an unknown node, and before a
    node that it has already passed.
    """
    edges = _graph(graph)
    out: list[Value] = []
    for start in _initial(initial):
        if key_of(start) in edges:
            _walk(edges, start, out)
    return Set(out)


def _walk(edges: _Graph, start: Value, out: list[Value]) -> None:
    # The start alone may be passed twice, by a node that leads to itself.
    stack = [([start], frozenset[object]())]
    while stack:
        path, passed = stack.pop()
        neighbours = _members(edges[key_of(path[-1])])
        if not neighbours:
            out.append(path)
            continue
        for node in neighbours:
            # A path is copied, and its nodes are put into a set
            charge((len(path) + 2) * LINE)
            reserve(64 * len(path))
            key = key_of(node)
            if key not in edges or key in passed:
                out.append(path)
            else:
                stack.append(([*path, node], frozenset(map(key_of, [*path, node]))))

"""`graph.reachable` and `graph.reachable_paths`."""

from __future__ import annotations

from typing import Final

from gatewright.engine.library.context import Context
from gatewright.engine.library.errors import BuiltinError, operand_error
from gatewright.engine.library.keys import key_of
from gatewright.engine.library.operands import object_
from gatewright.engine.values import Set, Value, pairs

__all__ = ["reachable", "reachable_paths"]

#: Paths that are listed at most; their number grows exponentially.
MAX_PATHS: Final = 100_000

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
        node = queue.pop()
        key = key_of(node)
        if key in found or key not in edges:
            continue
        found[key] = node
        queue += _members(edges[key])
    return Set(found.values())


def reachable_paths(ctx: Context, graph: Value, initial: Value) -> Set:
    """Return every path that starts at some nodes, as arrays.

    A path ends at a node without neighbours, before an unknown node, and before a
    node that it has already passed.
    """
    edges = _graph(graph)
    out: list[Value] = []
    for start in _initial(initial):
        if key_of(start) in edges:
            _walk(ctx, edges, start, out)
    return Set(out)


def _walk(ctx: Context, edges: _Graph, start: Value, out: list[Value]) -> None:
    # The start alone may be passed twice, by a node that leads to itself.
    stack = [([start], frozenset[object]())]
    while stack:
        path, passed = stack.pop()
        if len(out) > MAX_PATHS:
            raise BuiltinError(f"graph has more than {MAX_PATHS} paths")
        ctx.check()
        neighbours = _members(edges[key_of(path[-1])])
        if not neighbours:
            out.append(path)
            continue
        for node in neighbours:
            key = key_of(node)
            if key not in edges or key in passed:
                out.append(path)
            else:
                stack.append(([*path, node], frozenset(map(key_of, [*path, node]))))

"""What GraphQL fragments spread into: cycles, top fields, depth of introspection."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from gatewright.engine.library.graphql_parser import Node
from gatewright.engine.library.graphql_schema import parts

__all__ = ["Cycles", "too_deep", "top_fields"]

#: Lists within lists of the schema that a query may follow.
MAX_LISTS: Final = 3
_LISTS: Final = frozenset(["fields", "interfaces", "possibleTypes", "inputFields"])


class Cycles:
    """Finds each cycle once, from the fragment that is seen first."""

    def __init__(
        self, fragments: dict[str, Node], add: Callable[[Node, str], None]
    ) -> None:
        self.fragments = fragments
        self.add = add
        self.seen: set[str] = set()

    def find(self, fragment: Node) -> None:
        """Report the cycles that a fragment leads to."""
        if fragment["Name"] in self.seen:
            return
        # Fragments under way, each with the spreads that are to be followed.
        path: list[str] = []
        stack = [self._entered(fragment, path)]
        while stack:
            spread = next(stack[-1], None)
            if spread is None:
                stack.pop()
                path.pop()
                continue
            name = spread["Name"]
            if name in path:
                via = path[path.index(name) + 1 :]
                shown = ", ".join(f'"{each}"' for each in via)
                shown = f" via {shown}" if via else ""
                text = f'Cannot spread fragment "{name}" within itself{shown}.'
                self.add(spread, text)
            elif name in self.fragments and name not in self.seen:
                stack.append(self._entered(self.fragments[name], path))

    def _entered(self, fragment: Node, path: list[str]) -> Iterator[Node]:
        self.seen.add(fragment["Name"])
        path.append(fragment["Name"])
        return iter(list(_spreads(parts(fragment, "SelectionSet"))))


def _spreads(nodes: Sequence[Node]) -> Iterator[Node]:
    """Spreads in the library's order: those of one level, then the last one below."""
    levels = [nodes]
    while levels:
        for node in levels.pop():
            if "Alias" in node or "TypeCondition" in node:
                levels.append(parts(node, "SelectionSet"))
            else:
                yield node


def top_fields(nodes: Sequence[Node], fragments: dict[str, Node]) -> list[Node]:
    """Return the fields of a selection, and of fragments in it, one of each name."""
    out: dict[str, Node] = {}
    seen: set[str] = set()

    def walk(nodes: Sequence[Node]) -> None:
        for node in nodes:
            if "Alias" in node:
                out.setdefault(node["Name"], node)
            elif "TypeCondition" in node:
                walk(parts(node, "SelectionSet"))
            elif node["Name"] not in fragments:
                return
            elif node["Name"] not in seen:
                seen.add(node["Name"])
                walk(parts(fragments[node["Name"]], "SelectionSet"))

    walk(nodes)
    return list(out.values())


def too_deep(field: Node, fragments: dict[str, Node]) -> bool:
    """Tell whether a query of the schema follows lists in lists."""
    path: set[str] = set()

    def walk(nodes: Sequence[Node], depth: int) -> bool:
        for node in nodes:
            if "Alias" in node:
                deeper = depth + (node["Name"] in _LISTS)
                if deeper > depth and deeper >= MAX_LISTS:
                    return True
                if walk(parts(node, "SelectionSet"), deeper):
                    return True
            elif "TypeCondition" in node:
                if walk(parts(node, "SelectionSet"), depth):
                    return True
            elif node["Name"] in fragments and node["Name"] not in path:
                path.add(node["Name"])
                inner = parts(fragments[node["Name"]], "SelectionSet")
                if walk(inner, depth):
                    return True
                path.remove(node["Name"])
        return False

    return walk([field], 0)

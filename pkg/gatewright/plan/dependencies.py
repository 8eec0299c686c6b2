"""Places of rules in the order in which they depend on each other.

What is found out about a place from the places that its rules refer to is found
innermost first, without recursion: a chain of ten thousand rules is no deeper than one.
"""

from __future__ import annotations

from collections.abc import Container, Iterator

from gatewright.rego.compiled import Compiled
from gatewright.rego.rule_tree import RuleNode

__all__ = ["Dependencies"]


class Dependencies:
    """Those of one compiled library."""

    def __init__(self, compiled: Compiled) -> None:
        self._compiled = compiled
        self._homes: dict[int, RuleNode] = {
            id(rule): node for node in compiled.rule_tree.walk() for rule in node.rules
        }

    def innermost_first(
        self, node: RuleNode, known: Container[int]
    ) -> Iterator[RuleNode]:
        """The places that rules at a node depend on, then the node itself.

        Those in `known` (by `id`) are left out, and so is what only they need.
        """
        seen = {id(node)}
        stack = [(node, self._below(node))]
        while stack:
            top, below = stack[-1]
            for inner in below:
                if id(inner) not in seen and id(inner) not in known:
                    seen.add(id(inner))
                    stack.append((inner, self._below(inner)))
                    break
            else:
                stack.pop()
                yield top

    def _below(self, node: RuleNode) -> Iterator[RuleNode]:
        for rule in node.rules:
            for other in self._compiled.dependencies(rule):
                home = self._homes.get(id(other))
                if home is not None:
                    yield home

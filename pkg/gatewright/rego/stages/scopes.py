"""Scopes of local variables, as RewriteLocalVars keeps them."""

from __future__ import annotations

from enum import IntEnum

from gatewright.rego import errors

__all__ = ["Occurrence", "Scope", "Scopes"]


class Occurrence(IntEnum):
    """How a variable came into a scope."""

    NEW = 0
    ARG = 1
    SEEN = 2
    ASSIGNED = 3
    DECLARED = 4


class Scope:
    """The variables of one body: new name, how they came, how often seen."""

    __slots__ = ("counts", "names", "occurrence")

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.occurrence: dict[str, Occurrence] = {}
        self.counts: dict[str, int] = {}


class Scopes:
    """A stack of scopes, innermost last.

    `rewritten` holds every generated name ever inserted and what it stands for;
    `unused` the findings about variables that are declared or assigned in vain.
    """

    __slots__ = ("rewritten", "stack", "unused")

    def __init__(self) -> None:
        self.stack: list[Scope] = [Scope()]
        self.rewritten: dict[str, str] = {}
        self.unused: list[errors.Error] = []

    def copy(self) -> Scopes:
        """A copy to rewrite one branch of a rule with."""
        other = Scopes()
        top = other.stack[0]
        for scope in self.stack:
            top.names.update(scope.names)
            top.occurrence.update(scope.occurrence)
            top.counts.update(scope.counts)
        other.rewritten = dict(self.rewritten)
        return other

    def push(self) -> None:
        self.stack.append(Scope())

    def pop(self) -> None:
        self.stack.pop()

    @property
    def top(self) -> Scope:
        return self.stack[-1]

    def insert(self, name: str, new: str, occurrence: Occurrence) -> None:
        scope = self.stack[-1]
        scope.names[name] = new
        scope.occurrence[name] = occurrence
        scope.counts[name] = 1
        if name != new:
            self.rewritten[new] = name

    def declared(self, name: str) -> str | None:
        """The name that `name` has now, from the innermost scope that has it."""
        for scope in reversed(self.stack):
            new = scope.names.get(name)
            if new is not None:
                return new
        return None

    def occurrence(self, name: str) -> Occurrence:
        """How the name came into the innermost scope."""
        return self.stack[-1].occurrence.get(name, Occurrence.NEW)

    def anywhere(self, name: str) -> Occurrence:
        """How the name came into the innermost scope that has it."""
        for scope in reversed(self.stack):
            found = scope.occurrence.get(name)
            if found is not None:
                return found
        return Occurrence.NEW

    def seen(self, name: str) -> None:
        for scope in reversed(self.stack):
            if name in scope.counts:
                scope.counts[name] += 1
                return
        self.stack[-1].counts[name] = 1

    def count(self, name: str) -> int:
        for scope in reversed(self.stack):
            if name in scope.counts:
                return scope.counts[name]
        return 0

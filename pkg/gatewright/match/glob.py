"""Names with a star at either end: `x*`, `*x`, `*x*`, or exact.

A star inside has no meaning.  `*` alone matches everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Glob", "Globs"]


@dataclass(frozen=True, slots=True)
class Glob:
    """One pattern, taken apart: which ends are open, and the text between."""

    text: str
    open_start: bool
    open_end: bool

    @classmethod
    def parse(cls, pattern: str) -> Glob:
        """Return the pattern taken apart."""
        open_start, open_end = pattern.startswith("*"), pattern.endswith("*")
        text = pattern.removeprefix("*")
        return cls(text.removesuffix("*") if open_end else text, open_start, open_end)

    def matches(self, name: str) -> bool:
        """Tell whether a name falls under the pattern."""
        if self.open_start:
            return self.text in name if self.open_end else name.endswith(self.text)
        return name.startswith(self.text) if self.open_end else name == self.text

    def matches_prefix(self, prefix: str) -> bool:
        """Tell whether names to be generated from a prefix fall under the pattern.

        Only a pattern open at its end can say so.
        """
        if not self.open_end:
            return False
        return self.text in prefix if self.open_start else prefix.startswith(self.text)


@dataclass(frozen=True, slots=True)
class Globs:
    """Several patterns, of which one must match."""

    exact: frozenset[str]
    patterns: tuple[Glob, ...]

    @classmethod
    def parse(cls, patterns: Sequence[str]) -> Globs:
        """Return the patterns with the exact ones set apart."""
        globs = [Glob.parse(pattern) for pattern in patterns]
        exact = frozenset(g.text for g in globs if not g.open_start and not g.open_end)
        return cls(exact, tuple(g for g in globs if g.open_start or g.open_end))

    def matches(self, name: str) -> bool:
        """Tell whether a name falls under any of the patterns."""
        if name in self.exact:
            return True
        for pattern in self.patterns:  # noqa: SIM110  a generator costs more than this
            if pattern.matches(name):
                return True
        return False

    def __bool__(self) -> bool:
        """Tell whether there is any pattern."""
        return bool(self.exact or self.patterns)

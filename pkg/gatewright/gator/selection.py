"""Which tests and cases run: the expression after `--run`.

`a` selects tests and cases whose name matches; `a//b` cases that match b in tests
that match a.  Expressions are RE2's and match anywhere in a name.
"""

from __future__ import annotations

from dataclasses import dataclass

from gatewright.gator.expressions import Expression, ExpressionError
from gatewright.gator.policies import GatorError
from gatewright.gator.suite import Test

__all__ = ["Selection"]


@dataclass(frozen=True, slots=True)
class Selection:
    """A filter of tests and cases; None matches everything."""

    tests: Expression | None = None
    cases: Expression | None = None
    either: Expression | None = None

    @classmethod
    def of(cls, text: str) -> Selection:
        """Return the filter that a text means; raise GatorError."""
        if not text:
            return cls()
        parts = text.split("//")
        try:
            if len(parts) == 1:
                return cls(either=Expression(text))
            if len(parts) == 2:
                return cls(Expression(parts[0]), Expression(parts[1]))
        except ExpressionError as error:
            raise GatorError(f"invalid test filter: {error}") from error
        raise GatorError('invalid test filter: a filter may include at most one "//"')

    def admits(self, test: Test) -> bool:
        """Tell whether a test runs."""
        if self.either is not None:
            names = [test.name, *(case.name for case in test.cases)]
            return any(self.either.matches(name) for name in names)
        return self.tests is None or self.tests.matches(test.name)

    def admits_case(self, test: Test, name: str) -> bool:
        """Tell whether a case of a test runs."""
        if self.either is not None:
            return any(self.either.matches(one) for one in (name, test.name))
        return self.cases is None or (self.admits(test) and self.cases.matches(name))

"""Whether the violations of a case add up to what the case says."""

from __future__ import annotations

from collections.abc import Sequence

from gatewright.gator.expressions import Expression, ExpressionError
from gatewright.gator.policies import GatorError
from gatewright.gator.suite import Assertion
from gatewright.k8s import gotext

__all__ = ["check"]


def check(assertion: Assertion, messages: Sequence[str]) -> None:
    """Raise GatorError unless an assertion holds for the messages of violations."""
    matching = _matching(assertion.message, messages)
    if wrong := _wrong(assertion, matching):
        raise GatorError(f"{wrong}: got messages [{' '.join(messages)}]")


def _matching(message: str | None, messages: Sequence[str]) -> int:
    if message is None or not messages:
        # Without violations nothing is matched, so a bad expression goes unseen.
        return len(messages)
    try:
        expression = Expression(message)
    except ExpressionError as error:
        raise GatorError(
            f"message contains invalid regular expression: {error}"
        ) from None
    return sum(expression.matches(one) for one in messages)


def _wrong(assertion: Assertion, matching: int) -> str:
    wanted = "yes" if assertion.violations is None else assertion.violations
    if wanted == "yes":
        want = "" if matching else "at least 1"
    elif wanted == "no":
        want = "none" if matching else ""
    elif isinstance(wanted, str) or wanted < 0:
        return (
            "invalid yaml: assertion.violation, if set, must be a nonnegative "
            'integer, "yes", or "no"'
        )
    else:
        want = "" if matching == wanted else f"exactly {wanted}"
    if not want:
        return ""
    containing = ""
    if assertion.message is not None:
        containing = f" containing {gotext.quote(assertion.message)}"
    return (
        f"unexpected number of violations: got {matching} violations{containing} "
        f"but want {want}"
    )

"""The definitions of one rule or function, tried in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from gatewright.engine.search.early import Early, Outcome
from gatewright.engine.search.terms import Definition
from gatewright.engine.values import UNDEFINED, Value

if TYPE_CHECKING:
    from gatewright.engine.search.ruleindex import Found

__all__ = ["each_definition"]


def each_definition(
    found: Found,
    one: Callable[[Definition, Value], tuple[Outcome, Value]],
    conflict: Callable[[Outcome, Definition], Outcome],
) -> tuple[Outcome, bool]:
    """Try each; `else` where what is before it has no value, the default where none has.

    `one` is given a definition and the value of those before it, and returns how it
    ended and its value.  `conflict` turns an end that is final into what is reported.
    Returns how all ended, and whether none of them, without a default, had a value.
    """
    before: Value = UNDEFINED
    late: Early | None = None
    for rule in found.rules:
        value: Value = UNDEFINED
        for definition in (rule, *found.else_.get(id(rule), ())):
            end, value = one(definition, before)
            if type(end) is Early and end.deferred:
                late = late or end
            elif end is not None:
                return conflict(end, definition), False
            if value is not UNDEFINED:
                break
        if value is not UNDEFINED:
            before = value
    if found.default is not None and before is UNDEFINED:
        return one(found.default, before)[0], False
    return late, before is UNDEFINED

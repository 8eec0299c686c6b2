"""Sets of kinds, and the CEL by which the API server tells whether a request is in one.

A set goes by the group and kind of the request, as the match block of a constraint
does, and not by resources: no discovery is asked, so a kind that is served from now on
is in the set from its first request on, and subresources (`pods/ephemeralcontainers` is
a Pod, `deployments/scale` a Scale) go where constraints put them.  Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from gatewright.constraints.actions import DENY, WEBHOOK
from gatewright.constraints.constraint import Constraint
from gatewright.match.block import compile_match
from gatewright.mutation.mutator import Mutator

__all__ = ["EVERYTHING", "NOTHING", "Reach", "Wish", "need_of", "need_of_mutator"]

#: Group and kind; `*` stands for any.
Pair: TypeAlias = tuple[str, str]
#: Beyond so many pairs a set counts as everything: the API server bounds what the
#: conditions of one request may cost.
MOST: Final = 500
#: How groups and kinds that can be served are spelled; others would have to be escaped.
_PLAIN: Final = re.compile(r"\*|[A-Za-z0-9.-]*")
_KIND: Final = "request.kind.kind in "
_GROUP: Final = "request.kind.group in "
_BOTH: Final = "(request.kind.group + '/' + request.kind.kind) in "
_PART: Final = re.compile(
    "(?P<what>"
    + "|".join(map(re.escape, (_KIND, _GROUP, _BOTH)))
    + r")(?P<list>\[.*\])"
)


@dataclass(frozen=True, slots=True)
class Reach:
    """A set of kinds, with nothing in it that a wider pair includes; see `of`."""

    pairs: frozenset[Pair]

    @classmethod
    def of(cls, pairs: Iterable[Pair]) -> Reach:
        given = frozenset(pairs)
        if ("*", "*") in given or not all(
            _PLAIN.fullmatch(name) for pair in given for name in pair
        ):
            return EVERYTHING
        kept = frozenset(
            (group, kind)
            for group, kind in given
            if (group == "*" or ("*", kind) not in given)
            and (kind == "*" or (group, "*") not in given)
        )
        return EVERYTHING if len(kept) > MOST else cls(kept)

    def __or__(self, other: Reach) -> Reach:
        """What is in either."""
        return Reach.of(self.pairs | other.pairs)

    def __ge__(self, other: Reach) -> bool:
        """Whether all of the other is in this."""
        return all(
            not {(group, kind), (group, "*"), ("*", kind), ("*", "*")}.isdisjoint(
                self.pairs
            )
            for group, kind in other.pairs
        )

    def expression(self) -> str:
        """The CEL expression, true for a request in the set."""
        if not self.pairs:
            return "false"
        if self == EVERYTHING:
            return "true"
        kinds = sorted(kind for group, kind in self.pairs if group == "*")
        groups = sorted(group for group, kind in self.pairs if kind == "*")
        both = sorted(
            f"{group}/{kind}" for group, kind in self.pairs if "*" not in (group, kind)
        )
        return " || ".join(
            what + json.dumps(names)
            for what, names in ((_KIND, kinds), (_GROUP, groups), (_BOTH, both))
            if names
        )

    @classmethod
    def parse(cls, expression: str) -> Reach | None:
        """The set of an expression that `expression` made; None for any other."""
        if expression in ("true", "false"):
            return EVERYTHING if expression == "true" else NOTHING
        pairs: set[Pair] = set()
        for part in expression.split(" || "):
            found = _PART.fullmatch(part)
            if found is None:
                return None
            try:
                names = [str(one) for one in json.loads(found["list"])]
            except ValueError:
                return None
            for name in names:
                group, _, kind = name.rpartition("/")
                if found["what"] == _KIND:
                    group, kind = "*", name
                elif found["what"] == _GROUP:
                    group, kind = name, "*"
                pairs.add((group, kind))
        parsed = cls.of(pairs)
        return parsed if parsed.expression() == expression else None


NOTHING: Final = Reach(frozenset())
EVERYTHING: Final = Reach(frozenset({("*", "*")}))


@dataclass(frozen=True, slots=True)
class Wish:
    """`sent`: what policies may have to judge; `closed`: what they may deny, and so
    must not pass while nobody answers."""

    sent: Reach = NOTHING
    closed: Reach = NOTHING

    def __or__(self, other: Wish) -> Wish:
        """What either asks for."""
        return Wish(self.sent | other.sent, self.closed | other.closed)

    def __ge__(self, other: Wish) -> bool:
        """Whether this gives all that the other asks for."""
        return self.sent >= other.sent and self.closed >= other.closed


def need_of(constraint: Constraint) -> Wish:
    """What one constraint needs; nothing, if no webhook calls it."""
    actions = constraint.actions.at(WEBHOOK)
    if actions is None:
        return Wish()
    matcher = constraint.matcher
    sent = EVERYTHING if matcher is None else Reach.of(matcher.pairs)
    denies = DENY in (actions or (constraint.actions.action,))
    return Wish(sent, sent if denies else NOTHING)


def need_of_mutator(mutator: Mutator) -> Wish:
    """What one mutator needs: the kinds that it applies to, or else matches."""
    if mutator.apply_to is None:
        pairs = compile_match(mutator.match).pairs
    else:
        pairs = frozenset(
            (group, kind)
            for entry in mutator.apply_to
            for group in entry.groups
            for kind in entry.kinds
        )
    return Wish(Reach.of(pairs))

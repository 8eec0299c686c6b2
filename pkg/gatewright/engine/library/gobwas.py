"""Globs as gobwas/glob 0.2.3 matches them, which the OPA of Gatekeeper 3.23 has.

That release finds globs by cutting them at their longest fixed part and searching
for it from the left, on bytes, and does not always find what there is: `{a,**}*` does
not match the empty text, `[!a]` does, and `{,a}*` fits nothing.  What it makes of a
text follows from how it compiles, so this is its compiler (`gobwas_syntax` reads), with
its matchers in `gobwas_matchers`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from gatewright.engine.library.budget import LINE, charge
from gatewright.engine.library.gobwas_matchers import (
    Any,
    AnyOf,
    BTree,
    Contains,
    EveryOf,
    List,
    Matcher,
    Max,
    Min,
    Nothing,
    Prefix,
    PrefixAny,
    PrefixSuffix,
    Range,
    Row,
    Single,
    Suffix,
    SuffixAny,
    Super,
    Text,
)
from gatewright.engine.library.gobwas_syntax import Kind, Node, parse

__all__ = ["compiled"]


@lru_cache(500)
def compiled(source: bytes, separators: tuple[int, ...]) -> Matcher:
    """The matcher of a glob; BuiltinError where its text is wrong.

    `separators`: code points that `*` and `?` stop at.
    """
    return _compile(parse(source), separators)


def _compile(node: Node, separators: tuple[int, ...]) -> Matcher:
    charge(LINE)
    found: Matcher
    match node.kind:
        case Kind.ANY_OF:
            smaller = _factored(node)
            if smaller is not None:
                return _compile(smaller, separators)
            return AnyOf(_children(node, separators))
        case Kind.PATTERN:
            if not node.children:
                return Nothing()
            found = _joined(_glued_up(_children(node, separators)))
        case Kind.ANY:
            found = Any(separators)
        case Kind.SUPER:
            found = Super()
        case Kind.SINGLE:
            found = Single(separators)
        case Kind.NOTHING:
            found = Nothing()
        case Kind.LIST:
            negated, chars = node.value
            found = List(tuple(map(ord, chars)), negated=negated)
        case Kind.RANGE:
            negated, low, high = node.value
            found = Range(low, high, negated=negated)
        case Kind.TEXT:
            found = Text(node.value)
    return _simpler(found)


def _children(node: Node, separators: tuple[int, ...]) -> list[Matcher]:
    return [_simpler(_compile(child, separators)) for child in node.children]


def _simpler(matcher: Matcher) -> Matcher:
    """A matcher that says the same with less."""
    match matcher:
        case Any() if not matcher.separators:
            return Super()
        case AnyOf() if len(matcher.matchers) == 1:
            return matcher.matchers[0]
        case List() if not matcher.negated and len(matcher.chars) == 1:
            return Text(chr(matcher.chars[0]).encode())
        case BTree():
            return _simpler_tree(matcher)
    return matcher


def _simpler_tree(tree: BTree) -> Matcher:
    tree.left = None if tree.left is None else _simpler(tree.left)
    tree.right = None if tree.right is None else _simpler(tree.right)
    if not isinstance(tree.value, Text):
        return tree
    text = tree.value.text
    match tree.left, tree.right:
        case None, None:
            return Text(text)
        case Super(), Super():
            return Contains(text, negated=False)
        case Super(), None:
            return Suffix(text)
        case None, Super():
            return Prefix(text)
        case None, Suffix() as right:
            return PrefixSuffix(text, right.suffix)
        case Prefix() as left, None:
            return PrefixSuffix(left.prefix, text)
        case Any() as left, None:
            return SuffixAny(text, left.separators)
        case None, Any() as right:
            return PrefixAny(text, right.separators)
    return tree


def _joined(matchers: Sequence[Matcher]) -> Matcher:
    """One matcher for several in a row."""
    if len(matchers) == 1:
        return matchers[0]
    glued = _glued(matchers)
    if glued is not None:
        return glued
    at, longest = -1, -1
    for index, matcher in enumerate(matchers):
        charge(LINE)
        if matcher.length >= max(longest, 0):
            longest, at = matcher.length, index
    if at < 0:
        return BTree(matchers[0], None, _joined(matchers[1:]))
    left, right = matchers[:at], matchers[at + 1 :]
    return BTree(
        matchers[at],
        _joined(left) if left else None,
        _joined(right) if right else None,
    )


def _glued(matchers: Sequence[Matcher]) -> Matcher | None:
    if len(matchers) <= 1:
        return None
    every = _as_every(matchers)
    return _as_row(matchers) if every is None else every


def _as_row(matchers: Sequence[Matcher]) -> Matcher | None:
    length = 0
    for matcher in matchers:
        charge(LINE)
        if matcher.length == -1:
            return None
        length += matcher.length
    return Row(length, tuple(matchers))


def _as_every(matchers: Sequence[Matcher]) -> Matcher | None:
    stars = supers = False
    least = 0
    first: tuple[int, ...] | None = None
    for matcher in matchers:
        charge(LINE)
        match matcher:
            case Super():
                separators: tuple[int, ...] = ()
                supers = True
            case Any():
                separators = matcher.separators
                stars = True
            case Single():
                separators = matcher.separators
                least += 1
            case List() if matcher.negated:
                separators = matcher.chars
                least += 1
            case _:
                return None
        if first is None:
            first = separators
        if separators != first:
            return None
    assert first is not None
    if supers and not stars and not least:
        return Super()
    if stars and not supers and not least:
        return Any(first)
    if (stars or supers) and least and not first:
        return Min(least)
    parts: list[Matcher] = []
    if least:
        parts.append(Min(least))
        if not stars and not supers:
            parts.append(Max(least))
    if first:
        parts.append(Contains("".join(map(chr, first)).encode(), negated=True))
    return EveryOf(parts)


def _glued_up(matchers: list[Matcher]) -> list[Matcher]:
    """The longest run that can be one matcher made one, until there is none."""
    while True:
        best: Matcher | None = None
        left = right = 0
        for low in range(len(matchers)):
            for high in range(len(matchers), low, -1):
                glued = _glued(matchers[low:high])
                if glued is None:
                    continue
                longer = best is not None and -1 < best.length < glued.length
                if best is None or longer or right - left < high - low:
                    best, left, right = glued, low, high
        if best is None:
            return matchers
        count = len(matchers)
        matchers = [*matchers[:left], best, *matchers[right:]]
        if len(matchers) == count:
            return matchers


def _factored(node: Node) -> Node | None:
    """Alternatives with what they begin and end with alike taken out; None: nothing."""
    if any(child.kind is not Kind.PATTERN for child in node.children):
        return None
    before, after = _common([child.children for child in node.children])
    if not before and not after:
        return None
    rest: list[Node] = []
    for child in node.children:
        kept = child.children[len(before) : len(child.children) - len(after)]
        one = Node(Kind.PATTERN, None, kept) if kept else Node(Kind.NOTHING)
        if one not in rest:
            rest.append(one)
    parts = [Node(Kind.PATTERN, None, before)] if before else []
    if len(rest) > 1:
        parts.append(Node(Kind.ANY_OF, None, rest))
    elif rest[0].kind is not Kind.NOTHING:
        parts.append(rest[0])
    if after:
        parts.append(Node(Kind.PATTERN, None, after))
    return Node(Kind.PATTERN, None, parts)


def _common(rows: list[list[Node]]) -> tuple[list[Node], list[Node]]:
    """What rows of nodes begin with alike, and what they end with."""
    if len(rows) <= 1:
        return [], []
    shortest = min(rows, key=len)
    others = [row for row in rows if row is not shortest]
    size = len(shortest)
    before: list[Node] = []
    after: list[Node] = []
    end_left = end_right = False
    total = 0
    for i in range(size):
        j = size - 1 - i
        if total >= size or (end_left and end_right):
            break
        for row in others:
            if end_left and end_right:
                break
            charge(LINE)
            end_left = end_left or shortest[i] != row[i]
            # Not beyond what the left side has taken already
            end_right = end_right or (not end_left and j <= i)
            end_right = end_right or shortest[j] != row[j + len(row) - size]
        if not end_left:
            total += 1
            before.append(shortest[i])
        if not end_right:
            total += 1
            after.insert(0, shortest[j])
    return before, after

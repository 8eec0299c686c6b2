"""The text of a glob as gobwas/glob 0.2.3 reads it, for `gobwas`.

A `{` that nothing closes is closed at the end, a backslash there stands for nothing, a
NUL ends what it follows, and a byte that is no UTF-8 is an error.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Final

from gatewright.engine.library.budget import LINE, charge
from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.gobwas_matchers import decode

__all__ = ["Kind", "Node", "parse"]

_END: Final = "\0"  # what the lexer takes for the end, a NUL in the text too


class Kind(Enum):
    """What a node stands for."""

    NOTHING = auto()
    PATTERN = auto()  # its children in a row
    LIST = auto()  # value: negated, characters
    RANGE = auto()  # value: negated, lowest and highest code point
    TEXT = auto()  # value: UTF-8
    ANY = auto()
    SUPER = auto()
    SINGLE = auto()
    ANY_OF = auto()  # one of its children


@dataclass(slots=True)
class Node:
    """A part of a glob."""

    kind: Kind
    value: Any = None
    children: list[Node] = field(default_factory=list)


def parse(source: bytes) -> Node:
    """Read a glob; BuiltinError where it is wrong."""
    return _Reader(source).run()


class _Reader:
    def __init__(self, source: bytes) -> None:
        self.source = source
        self.at = 0
        self.width = 0  # of what was read last

    def run(self) -> Node:
        root = Node(Kind.PATTERN)
        #: Patterns around, each with the alternatives that the next belongs to.
        around: list[tuple[Node, Node]] = []
        tree = root
        while True:
            charge(LINE)
            char = self.read()
            if char == _END:
                return root
            if char == "{":
                choice = Node(Kind.ANY_OF, None, [Node(Kind.PATTERN)])
                tree.children.append(choice)
                around.append((tree, choice))
                tree = choice.children[0]
            elif char == "," and around:
                tree = Node(Kind.PATTERN)
                around[-1][1].children.append(tree)
            elif char == "}" and around:
                tree = around.pop()[0]
            elif char == "[":
                tree.children.append(self.range())
            elif char == "?":
                tree.children.append(Node(Kind.SINGLE))
            elif char == "*":
                if self.read() == "*":
                    tree.children.append(Node(Kind.SUPER))
                else:
                    self.unread()
                    tree.children.append(Node(Kind.ANY))
            else:
                self.unread()
                text = self.text("?*[{}," if around else "?*[{")
                if text:
                    tree.children.append(Node(Kind.TEXT, text.encode()))

    def peek(self) -> tuple[str, int]:
        if self.at == len(self.source):
            return _END, 0
        rune, width = decode(self.source, self.at)
        if rune == 0xFFFD:
            raise BuiltinError("could not read rune")
        return chr(rune), width

    def read(self) -> str:
        char, self.width = self.peek()
        self.at += self.width
        return char

    def unread(self) -> None:
        self.at -= self.width

    def text(self, stops: str) -> str:
        """What comes before one of some characters."""
        out: list[str] = []
        escaped = False
        while (char := self.read()) != _END:
            charge(LINE)
            if not escaped:
                if char == "\\":
                    escaped = True
                    continue
                if char in stops:
                    self.unread()
                    break
            escaped = False
            out.append(char)
        return "".join(out)

    def range(self) -> Node:
        """What follows `[`."""
        negated = False
        char = self.inside()
        if char == "!":
            negated = True
            char = self.inside()
        following, width = self.peek()
        if following == "-":
            self.at += width
            high = self.inside()
            if self.inside() != "]":
                raise BuiltinError("expected close range character")
            if high < char:
                raise BuiltinError(
                    f"hi character '{high}' should be greater than lo '{char}'"
                )
            return Node(Kind.RANGE, (negated, ord(char), ord(high)))
        self.unread()
        chars = self.text("]")
        if self.inside() != "]":
            raise BuiltinError("expected close range character")
        if not chars:
            raise BuiltinError("could not parse range")
        return Node(Kind.LIST, (negated, chars))

    def inside(self) -> str:
        char = self.read()
        if char == _END:
            raise BuiltinError("unexpected end of input")
        return char

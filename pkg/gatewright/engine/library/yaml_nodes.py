"""YAML as trees of nodes: events put together, aliases bound to their anchors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from gatewright.engine.library.budget import LINE, charge
from gatewright.engine.library.yaml_cursor import YamlFault
from gatewright.engine.library.yaml_input import read_input
from gatewright.engine.library.yaml_parser import Event, Parser

__all__ = ["Node", "compose"]

_LONG: Final = "tag:yaml.org,2002:"


@dataclass(slots=True, eq=False)
class Node:
    """A part of a document.

    `kind`: scalar, sequence, mapping or alias. `tag`: as `!!int` where one was
    written or is given by the looks, "" for a plain scalar. `items`: of a mapping
    keys and values in turn. `target`: what an alias stands for.
    """

    kind: str
    line: int
    tag: str = ""
    text: str = ""
    style: str = ""
    tagged: bool = False
    items: list[Node] = field(default_factory=list)
    target: Node | None = None
    settled: bool = False  # repeated keys were looked at


def compose(data: bytes, *, older: bool) -> Node | None:
    """Read the first document; what follows it must be YAML too, but for OPA 1.17.

    YamlFault says what is wrong.
    """
    composer = _Composer(data, older=older)
    first = node = composer.document()
    while node is not None and not older:
        node = composer.document()
    return first


class _Composer:
    def __init__(self, data: bytes, *, older: bool) -> None:
        self.older = older
        self.parser = Parser(read_input(data), older=older)
        self.anchors: dict[str, Node] = {}

    def document(self) -> Node | None:
        """The next document; None at the end of the stream."""
        if self.parser.event()[0] == "stream end":
            return None
        if self.older:
            self.anchors = {}
        root: Node | None = None
        within: list[Node] = []
        while True:
            event = self.parser.event()
            kind = event[0]
            if kind == "document end":
                return root
            if kind in ("sequence end", "mapping end"):
                within.pop()
                continue
            charge(20 * LINE)
            node = self.node(event)
            if within:
                within[-1].items.append(node)
            else:
                root = node
            if kind in ("sequence", "mapping"):
                within.append(node)

    def node(self, event: Event) -> Node:
        kind, line, tag, text, style, anchor = event
        if kind == "alias":
            target = self.anchors.get(text)
            if target is None:
                raise YamlFault(f"unknown anchor '{text}' referenced")
            return Node(kind, line, text=text, target=target)
        plain = tag == "!" and not self.older
        tagged = tag is not None and not plain
        node = Node(kind, line, _short(tag or ""), text, style, tagged)
        if not tagged:
            node.tag = self.looks(kind, text, style)
        if anchor:
            self.anchors[anchor] = node
        return node

    def looks(self, kind: str, text: str, style: str) -> str:
        """The tag of what has none."""
        if kind != "scalar":
            return "!!seq" if kind == "sequence" else "!!map"
        if style:
            return "!!str"
        return "!!merge" if text == "<<" else ""


def _short(tag: str) -> str:
    return f"!!{tag.removeprefix(_LONG)}" if tag.startswith(_LONG) else tag

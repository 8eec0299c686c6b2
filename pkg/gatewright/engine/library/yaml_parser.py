"""YAML's grammar: tokens become events, one by one, as in Go's library.

An event is `(kind, line, tag, text, style, anchor)`: `document`, `scalar`, `alias`,
`sequence`, `mapping`, the ends of the last two and of a document, and `stream end`.
`tag` is None where none was written; of a tag that is `!` alone it is `!`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gatewright.engine.library.yaml_cursor import Token, YamlFault
from gatewright.engine.library.yaml_input import Input
from gatewright.engine.library.yaml_scanner import Scanner

__all__ = ["Event", "Parser"]

Event = tuple[str, int, str | None, str, str, str]
_State = Callable[[], Event]
_DEFAULT_TAGS: Final = {"!": "!", "!!": "tag:yaml.org,2002:"}
_DIRECTIVES: Final = frozenset(["version", "tag directive"])
_NO_CONTENT: Final = _DIRECTIVES | {"document start", "document end", "stream end"}
_NO_ENTRY: Final = frozenset(["entry", "end"])
_NO_KEY: Final = frozenset(["key", "value", "end"])
_NO_ITEM: Final = _NO_KEY | {"entry"}


class Parser:
    """Events of a stream."""

    def __init__(self, source: Input, *, older: bool) -> None:
        self.scanner = Scanner(source, older=older)
        self.peek, self.skip = self.scanner.peek, self.scanner.skip
        self.tags: dict[str, str] = {}
        self.state: _State = self.implicit_document
        self.states: list[_State] = []
        self.marks: list[int] = []  # lines on which collections began
        self.peek()
        self.skip()

    def event(self) -> Event:
        """The next event; YamlFault for what is none."""
        return self.state()

    def next(self) -> Token:
        """Leave the token behind and look at the one that follows."""
        self.skip()
        return self.peek()

    def leave(self) -> None:
        self.state = self.states.pop()

    def empty(self, line: int, then: _State) -> Event:
        """A scalar that is not there."""
        self.state = then
        return ("scalar", line, None, "", "", "")

    def node_then(
        self, then: _State, *, block: bool, indentless: bool = False
    ) -> Event:
        self.states.append(then)
        return self.node(block=block, indentless=indentless)

    # Documents

    def implicit_document(self) -> Event:
        """The first document, which needs no `---`."""
        token = self.peek()
        if token[0] in _NO_CONTENT - {"document end"}:
            return self.explicit_document(token)
        self.directives(token)
        self.states.append(self.document_end)
        self.state = self.block_node
        return ("document", token[1], None, "", "", "")

    def next_document(self) -> Event:
        token = self.peek()
        while token[0] == "document end":
            token = self.next()
        return self.explicit_document(token)

    def explicit_document(self, token: Token) -> Event:
        line = token[1]
        if token[0] == "stream end":
            self.skip()
            self.state = self.stream_end
            return ("stream end", line, None, "", "", "")
        token = self.directives(token)
        if token[0] != "document start":
            raise YamlFault("did not find expected <document start>", token[1])
        self.states.append(self.document_end)
        self.state = self.document_content
        self.skip()
        return ("document", line, None, "", "", "")

    def stream_end(self) -> Event:
        return ("stream end", 0, None, "", "", "")

    def directives(self, token: Token) -> Token:
        version = ""
        while token[0] in _DIRECTIVES:
            kind, line, text, prefix = token
            if kind == "version":
                if version:
                    raise YamlFault("found duplicate %YAML directive", line)
                if text != "1.1":
                    raise YamlFault("found incompatible YAML document", line)
                version = text
            else:
                if text in self.tags:
                    raise YamlFault("found duplicate %TAG directive", line)
                self.tags[text] = prefix
            token = self.next()
        self.tags = {**_DEFAULT_TAGS, **self.tags}
        return token

    def document_content(self) -> Event:
        token = self.peek()
        if token[0] in _NO_CONTENT:
            return self.empty(token[1], self.states.pop())
        return self.block_node()

    def document_end(self) -> Event:
        token = self.peek()
        if token[0] == "document end":
            self.skip()
        self.tags = {}
        self.state = self.next_document
        return ("document end", token[1], None, "", "", "")

    # Nodes

    def block_node(self) -> Event:
        return self.node(block=True)

    def node(self, *, block: bool, indentless: bool = False) -> Event:
        token = self.peek()
        line = token[1]
        if token[0] == "alias":
            self.leave()
            self.skip()
            return ("alias", line, None, token[2], "", "")
        tag, anchor, token = self.properties(token)
        kind, _, text, style = token
        if kind == "entry" and indentless:
            self.state = self.indentless_entry
            return ("sequence", line, tag, "", "", anchor)
        if kind == "scalar":
            self.leave()
            self.skip()
            return ("scalar", line, tag, text, style, anchor)
        first = self.first_of(kind, block=block)
        if first is not None:
            self.state = first
            what = "sequence" if kind in ("[", "sequence") else "mapping"
            return (what, line, tag, "", "", anchor)
        if anchor or tag is not None:
            self.leave()
            return ("scalar", line, tag, "", "", anchor)
        raise YamlFault("did not find expected node content", token[1], line)

    def first_of(self, kind: str, *, block: bool) -> _State | None:
        """The state in which a collection begins."""
        if kind == "[":
            return self.flow_first_item
        if kind == "{":
            return self.flow_first_key
        if kind == "sequence" and block:
            return self.block_first_item
        if kind == "mapping" and block:
            return self.block_first_key
        return None

    def properties(self, token: Token) -> tuple[str | None, str, Token]:
        """A tag and an anchor, in either order; what follows them."""
        line, anchor = token[1], ""
        tag: Token | None = None
        if token[0] == "anchor":
            anchor, token = token[2], self.next()
            if token[0] == "tag":
                tag, token = token, self.next()
        elif token[0] == "tag":
            tag, token = token, self.next()
            if token[0] == "anchor":
                anchor, token = token[2], self.next()
        if tag is None:
            return None, anchor, token
        _, place, handle, suffix = tag
        whole = self.tags[handle] + suffix if handle in self.tags else ""
        if handle and not whole:
            raise YamlFault("found undefined tag handle", place, line)
        return (whole if handle else suffix) or None, anchor, token

    # Collections in blocks

    def begin(self) -> None:
        self.marks.append(self.peek()[1])
        self.skip()

    def end(self, kind: str) -> Event:
        """Leave a collection behind its last token."""
        token = self.peek()
        self.leave()
        self.marks.pop()
        self.skip()
        return (kind, token[1], None, "", "", "")

    def block_first_item(self) -> Event:
        self.begin()
        return self.block_item()

    def block_item(self) -> Event:
        token = self.peek()
        if token[0] == "entry":
            line, token = token[1], self.next()
            if token[0] not in _NO_ENTRY:
                return self.node_then(self.block_item, block=True)
            return self.empty(line, self.block_item)
        if token[0] == "end":
            return self.end("sequence end")
        problem = "did not find expected '-' indicator"
        raise YamlFault(problem, token[1], self.marks.pop())

    def indentless_entry(self) -> Event:
        token = self.peek()
        if token[0] == "entry":
            line, token = token[1], self.next()
            if token[0] not in _NO_ITEM:
                return self.node_then(self.indentless_entry, block=True)
            return self.empty(line, self.indentless_entry)
        self.leave()
        return ("sequence end", token[1], None, "", "", "")

    def block_first_key(self) -> Event:
        self.begin()
        return self.block_key()

    def block_key(self) -> Event:
        token = self.peek()
        if token[0] == "key":
            line, token = token[1], self.next()
            if token[0] not in _NO_KEY:
                return self.node_then(self.block_value, block=True, indentless=True)
            return self.empty(line, self.block_value)
        if token[0] == "end":
            return self.end("mapping end")
        raise YamlFault("did not find expected key", token[1], self.marks.pop())

    def block_value(self) -> Event:
        token = self.peek()
        line = token[1]
        if token[0] == "value":
            token = self.next()
            if token[0] not in _NO_KEY:
                return self.node_then(self.block_key, block=True, indentless=True)
        return self.empty(line, self.block_key)

    # Collections in `[]` and `{}`

    def flow_first_item(self) -> Event:
        self.begin()
        return self.flow_item(first=True)

    def flow_next_item(self) -> Event:
        return self.flow_item(first=False)

    def flow_item(self, *, first: bool) -> Event:
        token = self.peek()
        if token[0] != "]" and not first:
            token = self.comma(token, "did not find expected ',' or ']'")
        if token[0] == "]":
            return self.end("sequence end")
        if token[0] == "key":
            self.skip()
            self.state = self.pair_key
            return ("mapping", token[1], None, "", "", "")
        return self.node_then(self.flow_next_item, block=False)

    def comma(self, token: Token, problem: str) -> Token:
        if token[0] != ",":
            raise YamlFault(problem, token[1], self.marks.pop())
        return self.next()

    def pair_key(self) -> Event:
        """A key in a sequence: a mapping of one."""
        token = self.peek()
        if token[0] not in ("value", ",", "]"):
            return self.node_then(self.pair_value, block=False)
        self.skip()
        return self.empty(token[1], self.pair_value)

    def pair_value(self) -> Event:
        token = self.peek()
        line = token[1]
        if token[0] == "value":
            token = self.next()
            if token[0] not in (",", "]"):
                return self.node_then(self.pair_end, block=False)
        return self.empty(line, self.pair_end)

    def pair_end(self) -> Event:
        self.state = self.flow_next_item
        return ("mapping end", self.peek()[1], None, "", "", "")

    def flow_first_key(self) -> Event:
        self.begin()
        return self.flow_key(first=True)

    def flow_next_key(self) -> Event:
        return self.flow_key(first=False)

    def flow_key(self, *, first: bool) -> Event:
        token = self.peek()
        if token[0] != "}" and not first:
            token = self.comma(token, "did not find expected ',' or '}'")
        if token[0] == "}":
            return self.end("mapping end")
        if token[0] == "key":
            token = self.next()
            if token[0] not in ("value", ",", "}"):
                return self.node_then(self.flow_value, block=False)
            return self.empty(token[1], self.flow_value)
        return self.node_then(self.flow_no_value, block=False)

    def flow_no_value(self) -> Event:
        return self.empty(self.peek()[1], self.flow_next_key)

    def flow_value(self) -> Event:
        token = self.peek()
        if token[0] == "value":
            token = self.next()
            if token[0] not in (",", "}"):
                return self.node_then(self.flow_next_key, block=False)
        return self.empty(token[1], self.flow_next_key)

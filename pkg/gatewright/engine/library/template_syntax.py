"""Go's text/template language: from text to a tree of nodes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Final

from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.gotext import quote

__all__ = [
    "FUNCTIONS",
    "Action",
    "Branch",
    "Call",
    "Chain",
    "Dot",
    "Literal",
    "Loop",
    "Name",
    "Node",
    "Pipeline",
    "Source",
    "Text",
    "Use",
    "Variable",
    "parse",
]

FUNCTIONS: Final = frozenset(
    [
        "and",
        "call",
        "eq",
        "ge",
        "gt",
        "html",
        "index",
        "js",
        "le",
        "len",
        "lt",
        "ne",
        "not",
        "or",
        "print",
        "printf",
        "println",
        "slice",
        "urlquery",
    ]
)
MAX_DEPTH: Final = 200


@dataclass(slots=True)
class Text:
    """Text that stands outside of actions."""

    text: str


@dataclass(frozen=True, slots=True)
class Dot:
    """`.`: the value at hand."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant; None is `nil`."""

    value: Any


@dataclass(frozen=True, slots=True)
class Variable:
    """`$name`, or `$` for the value that was given."""

    name: str


@dataclass(frozen=True, slots=True)
class Name:
    """A function."""

    name: str


@dataclass(frozen=True, slots=True)
class Chain:
    """`base.a.b`; `at` is the byte offset of the last dot, `text` as written."""

    base: Any
    fields: tuple[str, ...]
    at: int
    text: str


@dataclass(slots=True)
class Call:
    """One command of a pipeline: a function and operands, or one value."""

    words: list[Any]
    at: int
    text: str


@dataclass(slots=True)
class Pipeline:
    """Commands, and the variables that take the result; `assigns`: `=`, not `:=`."""

    calls: list[Call]
    names: list[str] = field(default_factory=list)
    assigns: bool = False


@dataclass(slots=True)
class Action:
    """`{{pipeline}}`."""

    pipeline: Pipeline


@dataclass(slots=True)
class Branch:
    """`if` or `with`."""

    kind: str
    pipeline: Pipeline
    body: list[Any]
    other: list[Any]


@dataclass(slots=True)
class Loop:
    """`range`."""

    pipeline: Pipeline
    body: list[Any]
    other: list[Any]


@dataclass(slots=True)
class Use:
    """`{{template "name" pipeline}}`."""

    name: str
    pipeline: Pipeline | None


@dataclass(slots=True)
class Jump:
    """`break` or `continue`."""

    kind: str


Node = Text | Action | Branch | Loop | Use | Jump


@dataclass(slots=True)
class Source:
    """A template: its nodes, and those that it defines."""

    nodes: list[Node]
    defined: dict[str, list[Node]]


_TOKEN: Final = re.compile(
    r"""(?P<space>[ \t\r\n]+)
    |(?P<string>"(?:[^"\\\n]|\\.)*")
    |(?P<raw>`[^`]*`)
    |(?P<char>'(?:[^'\\]|\\.[^']*)')
    |(?P<number>[+-]?(?:0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+
        |[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9]+)?
        |\.[0-9]+(?:[eE][+-]?[0-9]+)?))
    |(?P<variable>\$[\w]*)
    |(?P<field>\.[^\W\d]\w*)
    |(?P<name>[^\W\d]\w*)
    |(?P<sign>:=|[=|(),.])
    """,
    re.VERBOSE,
)
_OPEN: Final = re.compile(r"\{\{(?:-(?=[ \t\r\n]))?")


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def fail(line: int, message: str) -> BuiltinError:
    """Return the error of a template that cannot be read."""
    return BuiltinError(f"template: template:{line}: {message}")


def parse(text: str) -> Source:
    """Read a template; BuiltinError in Go's words."""
    return _Parser(text).source()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.line = 1
        self.pieces = self._cut()
        self.at = 0
        self.tokens: list[_Token] = []
        self.spot = 0
        self.variables: list[str] = ["$"]
        self.defined: dict[str, list[Node]] = {}
        self.loops = 0
        self.depth = 0

    def _cut(self) -> list[tuple[str, str, int]]:
        """Cut into ("text" | "action", content, offset) with trims carried out."""
        out: list[tuple[str, str, int]] = []
        at = 0
        while opening := _OPEN.search(self.text, at):
            before = self.text[at : opening.start()]
            if opening[0].endswith("-"):
                before = before.rstrip(" \t\r\n")
            out.append(("text", before, at))
            start = opening.end()
            end, close = self._end(start)
            body = self.text[start:end]
            if not body.lstrip().startswith("/*"):
                out.append(("action", body, start))
            at = close
            if self.text[end:close].startswith((" -", "\t-", "\n-", "\r-")):
                while at < len(self.text) and self.text[at] in " \t\r\n":
                    at += 1
        out.append(("text", self.text[at:], at))
        return out

    def _end(self, start: int) -> tuple[int, int]:
        line = self.text.count("\n", 0, start) + 1
        body = self.text[start:].lstrip(" \t\r\n")
        if body.startswith("/*"):
            stop = self.text.find("*/", start)
            found = re.compile(r"(?:\s-)?\}\}").match(self.text, stop + 2)
            if stop < 0 or not found:
                raise fail(line, "unclosed comment")
            return stop + 2, found.end()
        at = start
        while at < len(self.text):
            if self.text.startswith("}}", at):
                trim = at - 2
                if trim >= start and re.fullmatch(r"\s-", self.text[trim:at]):
                    return trim, at + 2
                return at, at + 2
            char = self.text[at]
            if char in "\"'`":
                found = re.compile(
                    r'"(?:[^"\\\n]|\\.)*"|`[^`]*`|\'(?:[^\'\\]|\\.[^\']*)\''
                ).match(self.text, at)
                if found is None:
                    what = {
                        '"': "unterminated quoted string",
                        "`": "unterminated raw quoted string",
                    }.get(char, "unterminated character constant")
                    raise fail(line, what)
                at = found.end()
                continue
            at += 1
        raise fail(line, "unclosed action")

    def source(self) -> Source:
        nodes, stop = self.nodes(())
        if stop:
            raise fail(self.line, f"unexpected {{{{{stop}}}}}")
        return Source(nodes, self.defined)

    def nodes(self, stops: tuple[str, ...]) -> tuple[list[Node], str]:
        """Read nodes up to one of the words; "" is the end of the text."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise fail(self.line, "nested too deep")
        out: list[Node] = []
        while self.at < len(self.pieces):
            kind, content, offset = self.pieces[self.at]
            self.at += 1
            self.line = self.text.count("\n", 0, offset) + 1
            if kind == "text":
                if content:
                    out.append(Text(content))
                continue
            self.tokens, self.spot = self._tokens(content, offset), 0
            word = self.peek().text if self.peek().kind == "name" else ""
            if word in ("end", "else"):
                if word not in stops:
                    raise fail(self.line, f"unexpected {{{{{word}}}}}")
                self.spot += 1
                self.depth -= 1
                return out, word
            node = self.action(word)
            if node is not None:
                out.append(node)
        if stops:
            raise fail(self.line, "unexpected EOF")
        self.depth -= 1
        return out, ""

    def _tokens(self, content: str, offset: int) -> list[_Token]:
        out: list[_Token] = []
        at = 0
        while at < len(content):
            found = _TOKEN.match(content, at)
            if found is None:
                raise fail(self.line, f"unexpected {quote(content[at])} in command")
            at = found.end()
            assert found.lastgroup
            out.append(_Token(found.lastgroup, found[0], offset + found.start()))
        while out and out[-1].kind == "space":
            out.pop()
        while out and out[0].kind == "space":
            out.pop(0)
        out.append(_Token("end", "", offset + len(content)))
        return out

    def peek(self) -> _Token:
        return self.tokens[self.spot]

    def skip_space(self) -> None:
        while self.peek().kind == "space":
            self.spot += 1

    def action(self, word: str) -> Node | None:
        if word in ("if", "with", "range"):
            return self.control(word)
        if word in ("break", "continue"):
            if not self.loops:
                raise fail(self.line, f"{{{{{word}}}}} outside {{{{range}}}}")
            return Jump(word)
        if word in ("template", "define", "block"):
            return self.named(word)
        return Action(self.pipeline("command"))

    def control(self, word: str) -> Node:
        scope = len(self.variables)
        self.spot += 1
        pipeline = self.pipeline(word)
        self.loops += word == "range"
        body, stop = self.nodes(("end", "else"))
        self.loops -= word == "range"
        other: list[Node] = []
        if stop == "else":
            self.skip_space()
            follower = self.peek().text
            if word != "range" and follower in ("if", "with"):
                other = [self.control(follower)]
            else:
                other, _ = self.nodes(("end",))
        del self.variables[scope:]
        if word == "range":
            return Loop(pipeline, body, other)
        return Branch(word, pipeline, body, other)

    def named(self, word: str) -> Node | None:
        self.spot += 1
        self.skip_space()
        token = self.peek()
        if token.kind not in ("string", "raw"):
            raise fail(self.line, f"unexpected {quote(token.text)} in {word} clause")
        name = _unquote(token.text)
        self.spot += 1
        self.skip_space()
        if word == "template":
            empty = self.peek().kind == "end"
            return Use(name, None if empty else self.pipeline("template clause"))
        pipeline = self.pipeline("block clause") if word == "block" else None
        kept, self.variables = self.variables, ["$"]
        self.defined[name], _ = self.nodes(("end",))
        self.variables = kept
        return Use(name, pipeline) if word == "block" else None

    def pipeline(self, context: str) -> Pipeline:
        out = Pipeline([])
        self.skip_space()
        self.declarations(out, context)
        while True:
            self.skip_space()
            out.calls.append(self.call(context))
            if self.peek().text != "|":
                break
            self.spot += 1
        if self.peek().kind != "end" and self.peek().text != ")":
            raise fail(self.line, f"unexpected {quote(self.peek().text)} in {context}")
        if not out.assigns:
            self.variables += out.names
        return out

    def declarations(self, out: Pipeline, context: str) -> None:
        start = self.spot
        names: list[str] = []
        while self.peek().kind == "variable":
            names.append(self.peek().text)
            self.spot += 1
            self.skip_space()
            if self.peek().text == "," and context == "range" and len(names) < 2:
                self.spot += 1
                self.skip_space()
                continue
            break
        if names and self.peek().text in (":=", "="):
            out.assigns = self.peek().text == "="
            self.spot += 1
            out.names = names
            if out.assigns:
                for name in names:
                    self.variable(name)
            return
        self.spot = start

    def variable(self, name: str) -> Variable:
        if name not in self.variables:
            raise fail(self.line, f"undefined variable {quote(name)}")
        return Variable(name)

    def call(self, context: str) -> Call:
        first = self.peek()
        words: list[Any] = []
        while self.peek().kind != "end" and self.peek().text not in ("|", ")"):
            words.append(self.operand(context))
            if self.peek().kind == "space":
                self.skip_space()
            elif self.peek().kind != "end" and self.peek().text not in ("|", ")"):
                shown = quote(self.peek().text)
                raise fail(self.line, f"unexpected {shown} in operand")
        if not words:
            raise fail(self.line, f"missing value for {context}")
        if len(words) > 1 and not isinstance(words[0], (Name, Chain)):
            text = self.text[first.at :].partition(" ")[0]
            raise fail(self.line, f"can't give argument to non-function {text}")
        last = self.tokens[self.spot].at
        return Call(words, first.at, self.text[first.at : last].strip())

    def operand(self, context: str) -> Any:
        token = self.peek()
        self.spot += 1
        base = self.simple(token, context)
        fields: list[str] = []
        at = token.at
        if token.kind == "field":
            fields.append(token.text[1:])
        while self.peek().kind == "field":
            at = self.peek().at
            fields.append(self.peek().text[1:])
            self.spot += 1
        if not fields:
            return base
        end = self.peek().at
        return Chain(base, tuple(fields), at, self.text[token.at : end].strip())

    def simple(self, token: _Token, context: str) -> Any:
        text = token.text
        if token.kind in ("string", "raw"):
            return Literal(_unquote(text))
        if token.kind == "char":
            return Literal(ord(_unquote(f'"{text[1:-1]}"')))
        if token.kind == "number":
            return Literal(_number(text))
        if token.kind == "variable":
            return self.variable(text)
        if token.kind == "field" or text == ".":
            return Dot()
        if token.kind == "name":
            if text in ("true", "false", "nil"):
                return Literal({"true": True, "false": False, "nil": None}[text])
            if text not in FUNCTIONS:
                raise fail(self.line, f"function {quote(text)} not defined")
            return Name(text)
        if text == "(":
            inner = self.pipeline("parenthesized pipeline")
            if self.peek().text != ")":
                raise fail(self.line, "unclosed left paren")
            self.spot += 1
            return inner
        raise fail(self.line, f"unexpected {quote(text)} in {context}")


def _number(text: str) -> int | float:
    plain = text.replace("_", "")
    try:
        return int(plain, 0)
    except ValueError:
        value = float(plain)
    return int(value) if value.is_integer() else value


def _unquote(text: str) -> str:
    if text[0] == "`":
        return text[1:-1]
    try:
        unquoted: str = json.loads(text.replace("\t", "\\t"))
    except ValueError:
        return text[1:-1].encode().decode("unicode_escape")
    return unquoted

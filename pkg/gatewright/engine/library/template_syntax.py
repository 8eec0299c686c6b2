"""Go's text/template language: from text to trees.

A tree is the template itself, or what `define` and `block` put into it; each reads on
where the one around it stopped, and tells errors by the line of the last token that it
took itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.gotext import quote
from gatewright.engine.library.template_nodes import (
    Action,
    Body,
    Branch,
    Call,
    Chain,
    Constant,
    Dot,
    Field,
    Jump,
    Name,
    Nil,
    Node,
    Operand,
    Pipeline,
    Text,
    Use,
    Variable,
    is_empty,
)
from gatewright.engine.library.template_numbers import (
    character,
    complex_number,
    number,
    unquote,
)
from gatewright.engine.library.template_tokens import Lexer, Token

__all__ = ["FUNCTIONS", "MAIN", "MAX_DEPTH", "parse"]

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
#: The name that OPA gives to the template itself.
MAIN: Final = "template"
#: Actions and parentheses within each other; Go has 10,000 parentheses.
MAX_DEPTH: Final = 100
_T = TypeVar("_T")
_NUMBERS: Final[dict[str, Callable[[str], Any]]] = {
    "char": character,
    "complex": complex_number,
    "number": number,
}
_STARTS: Final = frozenset(
    [
        "bool",
        "char",
        "complex",
        ".",
        "field",
        "name",
        "number",
        "nil",
        "raw",
        "string",
        "variable",
        "(",
    ]
)


def parse(text: str) -> dict[str, Body]:
    """Read a template; its own tree is that of `MAIN`. BuiltinError in Go's words."""
    trees: dict[str, Body] = {}
    _Tree(Lexer(text), trees, MAIN).main()
    return trees


class _Tree:
    def __init__(self, lexer: Lexer, trees: dict[str, Body], name: str) -> None:
        self.lexer = lexer
        self.trees = trees
        self.name = name
        self.line = 0
        self.back: list[Token] = []
        self.action_line = 0
        self.variables = ["$"]
        self.loops = self.parens = self.depth = 0

    # Tokens ------------------------------------------------------------------

    def next(self) -> Token:
        if self.back:
            return self.back.pop()
        token = self.lexer.next()
        self.line = token.line
        return token

    def peek(self) -> Token:
        token = self.next()
        self.back.append(token)
        return token

    def solid(self) -> Token:
        """The next token that is no space."""
        while (token := self.next()).kind == "space":
            pass
        return token

    def peek_solid(self) -> Token:
        token = self.solid()
        self.back.append(token)
        return token

    def fail(self, message: object) -> BuiltinError:
        return BuiltinError(f"template: {MAIN}:{self.line}: {message}")

    def unexpected(self, token: Token, context: str) -> BuiltinError:
        if token.kind != "error":
            return self.fail(f"unexpected {token} in {context}")
        extra = ""
        if self.action_line not in (0, token.line):
            extra = f" in action started at {MAIN}:{self.action_line}"
            if token.text.endswith(" action"):
                extra = extra.removeprefix(" in action")
        return self.fail(f"{token}{extra}")

    def expect(self, kinds: tuple[str, ...], context: str) -> Token:
        token = self.solid()
        if token.kind not in kinds:
            raise self.unexpected(token, context)
        return token

    # Trees -------------------------------------------------------------------

    def main(self) -> None:
        body = Body(self.peek().at)
        while (token := self.peek()).kind != "eof":
            if token.kind == "{{":
                self.next()
                if self.solid_is("define"):
                    self.inner("").definition()
                    continue
                self.back.append(token)
            node = self.node()
            if isinstance(node, Jump) and node.kind in ("end", "else"):
                raise self.fail(f"unexpected {node}")
            body.nodes.append(node)
        self.add(body)

    def solid_is(self, kind: str) -> bool:
        """Take the next token that is no space if it is one of this kind."""
        if self.peek_solid().kind != kind:
            return False
        self.next()
        return True

    def inner(self, name: str) -> _Tree:
        tree = _Tree(self.lexer, self.trees, name)
        tree.depth = self.depth + 1
        return tree

    def definition(self) -> None:
        context = "define clause"
        token = self.expect(("string", "raw"), context)
        self.name = self.constant(token, unquote)
        self.expect(("}}",), context)
        self.ending(context)

    def ending(self, context: str) -> None:
        body, end = self.body()
        if end.kind != "end":
            raise self.fail(f"unexpected {end} in {context}")
        self.add(body)

    def add(self, body: Body) -> None:
        held = self.trees.get(self.name)
        if held is None or is_empty(held):
            self.trees[self.name] = body
        elif not is_empty(body):
            name = quote(self.name)
            raise self.fail(f"template: multiple definition of template {name}")

    def constant(self, token: Token, read: Callable[[str], _T]) -> _T:
        try:
            return read(token.text)
        except ValueError as error:
            raise self.fail(error) from None

    def body(self) -> tuple[Body, Jump]:
        """Nodes up to `end` or `else`, which comes apart."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.fail("max expression depth exceeded")
        body = Body(self.peek_solid().at)
        while self.peek_solid().kind != "eof":
            node = self.node()
            if isinstance(node, Jump) and node.kind in ("end", "else"):
                self.depth -= 1
                return body, node
            body.nodes.append(node)
        raise self.fail("unexpected EOF")

    def node(self) -> Node:
        token = self.solid()
        if token.kind == "text":
            return Text(token.at, token.text)
        if token.kind != "{{":
            raise self.unexpected(token, "input")
        self.action_line = token.line
        node = self.action()
        self.action_line = 0
        return node

    # Actions -----------------------------------------------------------------

    def action(self) -> Node:
        token = self.solid()
        kind = token.kind
        if kind in ("if", "with", "range"):
            return self.control(kind)
        if kind in ("break", "continue"):
            return self.jump(token)
        if kind == "else":
            follower = self.peek_solid()
            if follower.kind not in ("if", "with"):
                follower = self.expect(("}}",), "else")
            return Jump(follower.at, "else")
        if kind == "end":
            return Jump(self.expect(("}}",), "end").at, "end")
        if kind in ("template", "block"):
            return self.use(kind)
        self.back.append(token)
        return Action(token.at, self.pipeline("command", "}}"))

    def jump(self, token: Token) -> Jump:
        shown = f"{{{{{token.kind}}}}}"
        after = self.solid()
        if after.kind != "}}":
            raise self.unexpected(after, shown)
        if not self.loops:
            raise self.fail(f"{shown} outside {{{{range}}}}")
        return Jump(token.at, token.kind)

    def control(self, kind: str) -> Branch:
        scope = len(self.variables)
        pipeline = self.pipeline(kind, "}}")
        self.loops += kind == "range"
        body, stop = self.body()
        self.loops -= kind == "range"
        other = None
        if stop.kind == "else":
            if kind != "range" and self.peek().kind == kind:
                self.next()
                self.depth += 1
                other = Body(stop.at, [self.control(kind)])
                self.depth -= 1
            else:
                other, stop = self.body()
                if stop.kind != "end":
                    raise self.fail(f"expected end; found {stop}")
        del self.variables[scope:]
        return Branch(pipeline.at, kind, pipeline, body, other)

    def use(self, kind: str) -> Use:
        context = f"{kind} clause"
        token = self.solid()
        if token.kind not in ("string", "raw"):
            raise self.unexpected(token, context)
        name = self.constant(token, unquote)
        pipeline = None
        if kind == "block" or not self.solid_is("}}"):
            pipeline = self.pipeline(context, "}}")
        if kind == "block":
            self.inner(name).ending(context)
        return Use(token.at, name, pipeline)

    # Pipelines ---------------------------------------------------------------

    def pipeline(self, context: str, end: str) -> Pipeline:
        out = Pipeline(self.peek_solid().at)
        self.declarations(out, context)
        while (token := self.solid()).kind != end:
            if token.kind not in _STARTS:
                raise self.unexpected(token, context)
            self.back.append(token)
            out.calls.append(self.call())
        if not out.calls:
            raise self.fail(f"missing value for {context}")
        for stage, call in enumerate(out.calls[1:], 2):
            if isinstance(call.words[0], Constant | Dot | Nil):
                raise self.fail(f"non executable command in pipeline stage {stage}")
        return out

    def declarations(self, out: Pipeline, context: str) -> None:
        while (first := self.peek_solid()).kind == "variable":
            self.next()
            after = self.peek()
            sign = self.peek_solid()
            comma = sign.kind == "sign" and sign.text == ","
            if sign.kind not in ("assign", "declare") and not comma:
                # It is an operand: back with it, and with the space behind it.
                if after.kind == "space":
                    self.back.append(after)
                self.back.append(first)
                return
            self.next()
            out.names.append(first.text)
            self.variables.append(first.text)
            if not comma:
                out.assigns = sign.kind == "assign"
                return
            if context != "range" or len(out.names) > 1:
                raise self.fail(f"too many declarations in {context}")
            if self.peek_solid().kind not in ("variable", "}}", ")"):
                raise self.fail("range can only initialize variables")

    def call(self) -> Call:
        out = Call(self.peek_solid().at)
        while True:
            self.peek_solid()
            word = self.operand()
            if word is not None:
                out.words.append(word)
            token = self.next()
            if token.kind == "space":
                continue
            if token.kind in ("}}", ")"):
                self.back.append(token)
            elif token.kind != "pipe":
                raise self.unexpected(token, "operand")
            break
        if not out.words:
            raise self.fail("empty command")
        return out

    def operand(self) -> Operand | None:
        word = self.term()
        if word is None or self.peek().kind != "field":
            return word
        at = self.peek().at
        names = []
        while self.peek().kind == "field":
            names.append(self.next().text[1:])
        if isinstance(word, Constant | Nil | Dot):
            raise self.fail(f"unexpected . after term {quote(str(word))}")
        if isinstance(word, Field):
            return Field(at, [*word.names, *names])
        if isinstance(word, Variable):
            return Variable(at, [*word.names, *names])
        return Chain(at, word, names)

    def term(self) -> Operand | None:
        token = self.solid()
        kind, text, at = token.kind, token.text, token.at
        if kind == "name":
            if text not in FUNCTIONS:
                raise self.fail(f"function {quote(text)} not defined")
            return Name(at, text)
        if kind == ".":
            return Dot(at)
        if kind == "nil":
            return Nil(at)
        if kind == "variable":
            if text not in self.variables:
                raise self.fail(f"undefined variable {quote(text)}")
            return Variable(at, [text])
        if kind == "field":
            return Field(at, [text[1:]])
        if kind == "bool":
            return Constant(at, text == "true", text)
        if kind in _NUMBERS:
            return Constant(at, self.constant(token, _NUMBERS[kind]), text)
        if kind in ("string", "raw"):
            return Constant(at, self.constant(token, unquote), text)
        if kind != "(":
            self.back.append(token)
            return None
        self.parens += 1
        if self.parens + self.depth > MAX_DEPTH:
            raise self.fail("max expression depth exceeded")
        inner = self.pipeline("parenthesized pipeline", ")")
        self.parens -= 1
        return inner

"""`strings.render_template`: runs Go's text/template over Rego values.

Numbers are strings of their digits, as they are in Go after JSON; what is missing
prints `<undefined>`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

from gatewright.engine.library.budget import LINE, charge, reserve
from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.gofmt import Digits, printed
from gatewright.engine.library.gotext import quote, rego_text
from gatewright.engine.library.jsontext import key_text, load
from gatewright.engine.library.operands import object_, string
from gatewright.engine.library.template_nodes import (
    Action,
    Body,
    Branch,
    Call,
    Chain,
    Constant,
    Dot,
    Field,
    Name,
    Nil,
    Node,
    Operand,
    Pipeline,
    Text,
    Use,
    Variable,
)
from gatewright.engine.library.template_numbers import Overflow
from gatewright.engine.library.template_syntax import MAIN, parse
from gatewright.engine.library.template_values import (
    FUNCTIONS,
    NOTHING,
    Function,
    Wrong,
    kind_of,
    open_value,
    plain,
    truth,
)
from gatewright.engine.library.template_values import Any as Interface
from gatewright.engine.values import Number, Object, Set, Value, integer_text, pairs

__all__ = ["render_template"]

MAX_STEPS: Final = 1_000_000
MAX_SIZE: Final = 10_000_000
#: Bodies within each other where a template may still use one: Go has 100,000.
MAX_DEPTH: Final = 100
_MISSING: Final = "<no value>"


class _Absent:
    """Nothing comes through the pipeline."""


_ABSENT: Final = _Absent()


class _Jump(Exception):
    """`break` or `continue` on its way to its loop."""


_parsed = lru_cache(100)(parse)


def render_template(template: Value, variables: Value) -> str:
    """Return the template's text for an object of variables."""
    text = string(template, 1)
    data = _variables(object_(variables, 2))
    trees = _parsed(text)
    run = _Run(trees, text, data)
    run.body(trees[MAIN], data)
    # Bytes that come one by one may make up characters together.
    out = "".join(run.out).encode("utf-8", "surrogateescape")
    return out.decode("utf-8", "surrogateescape").replace(_MISSING, "<undefined>")


def _variables(value: Value) -> Any:
    """OPA reads the text of the term as JSON, which a set, a key or an escape of Go's
    may spoil."""
    if _spoilt(value):
        try:
            load(rego_text(value))
        except ValueError as error:
            raise BuiltinError(str(error)) from None
    return _go(value)


def _spoilt(value: Value) -> bool:
    if isinstance(value, str):
        return not value.isprintable()
    if isinstance(value, Set):
        return True
    if isinstance(value, list):
        return any(map(_spoilt, value))
    if isinstance(value, dict | Object):
        return any(
            not isinstance(key, str) or _spoilt(key) or _spoilt(entry)
            for key, entry in pairs(value)
        )
    return False


def _go(value: Value) -> Any:
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return Digits(integer_text(value))
    if isinstance(value, Number):
        return Digits(value.text)
    if isinstance(value, list):
        return [_go(item) for item in value]
    if isinstance(value, Set):
        raise BuiltinError("a set cannot be used in a template")
    return {key_text(key): _go(entry) for key, entry in pairs(value)}


class _Run:
    def __init__(self, trees: dict[str, Body], text: str, data: Any) -> None:
        self.trees = trees
        self.text = text
        self.name = MAIN
        self.here: Node | Operand | Call | Body = trees[MAIN]
        self.scopes: list[tuple[str, Any]] = [("$", data)]
        self.out: list[str] = []
        self.size = self.steps = self.depth = 0

    def write(self, text: str) -> None:
        self.out.append(text)
        self.size += len(text)
        charge(len(text) >> 5)
        reserve(self.size)
        if self.size > MAX_SIZE:
            raise BuiltinError("template: output is too large")

    def step(self) -> None:
        self.steps += 1
        charge(10 * LINE)
        if self.steps > MAX_STEPS:
            raise BuiltinError("template: too many steps")

    def fail(self, message: str) -> BuiltinError:
        """An error at the node at hand."""
        before = self.text[: self.here.at]
        line = before.count("\n") + 1
        last = before[before.rfind("\n") + 1 :]
        column = len(last.encode("utf-8", "surrogateescape"))
        return BuiltinError(
            f"template: {MAIN}:{line}:{column}: executing {quote(self.name)} at "
            f"<{self.here}>: {message}"
        )

    # Nodes -------------------------------------------------------------------

    def body(self, body: Body, dot: Any) -> None:
        self.depth += 1
        for node in body.nodes:
            self.step()
            self.here = node
            self.node(node, dot)
        self.depth -= 1

    def node(self, node: Node, dot: Any) -> None:
        if isinstance(node, Text):
            self.write(node.text)
        elif isinstance(node, Action):
            value = self.pipeline(node.pipeline, dot)
            if not node.pipeline.names:
                shown = plain(value)
                self.write(_MISSING if shown is None else printed(shown))
        elif isinstance(node, Branch):
            if node.kind == "range":
                self.loop(node, dot)
            else:
                self.branch(node, dot)
        elif isinstance(node, Use):
            self.use(node, dot)
        else:
            raise _Jump(node.kind)

    def branch(self, node: Branch, dot: Any) -> None:
        mark = len(self.scopes)
        value = self.pipeline(node.pipeline, dot)
        while not truth(value) and node.other is not None:
            # `else if` is followed without going deeper.
            inner = node.other.nodes
            if len(inner) != 1 or not isinstance(inner[0], Branch):
                break
            if inner[0].kind == "range":
                break
            node = self.here = inner[0]
            value = self.pipeline(node.pipeline, dot)
        if truth(value):
            self.body(node.body, value if node.kind == "with" else dot)
        elif node.other is not None:
            self.body(node.other, dot)
        del self.scopes[mark:]

    def loop(self, node: Branch, dot: Any) -> None:
        mark, depth = len(self.scopes), self.depth
        names, assigns = node.pipeline.names, node.pipeline.assigns
        value = open_value(self.pipeline(node.pipeline, dot))
        inner = len(self.scopes)
        empty = True
        for key, entry in self.entries(value, node):
            empty = False
            self.step()
            bound = [entry] if len(names) == 1 else [key, entry]
            for at, name in enumerate(names):
                if assigns:
                    self.assign(name, bound[at])
                else:
                    self.scopes[at - len(names)] = (name, bound[at])
            try:
                self.body(node.body, entry)
            except _Jump as jump:
                self.depth = depth
                if jump.args[0] == "break":
                    break
            finally:
                del self.scopes[inner:]
        if empty and node.other is not None:
            self.body(node.other, dot)
        del self.scopes[mark:]

    def entries(self, value: Any, node: Branch) -> Iterator[tuple[Any, Any]]:
        if isinstance(value, list):
            for at, item in enumerate(value):
                yield at, Interface(item)
        elif isinstance(value, dict):
            for key in sorted(value):
                yield key, Interface(value[key])
        elif isinstance(value, int) and not isinstance(value, bool):
            if len(node.pipeline.names) > 1:
                message = f"can't use {value:d} to iterate over more than one variable"
                raise self.fail(message)
            for i in range(value):
                yield NOTHING, type(value)(i)
        elif value is not NOTHING:
            raise self.fail(f"range can't iterate over {printed(value)}")

    def use(self, node: Use, dot: Any) -> None:
        if node.name not in self.trees:
            raise self.fail(f"template {quote(node.name)} not defined")
        if self.depth > MAX_DEPTH:
            # Go's words: what goes so deep mostly never ends.
            raise self.fail("exceeded maximum template depth (100000)")
        value = NOTHING
        if node.pipeline is not None:
            value = self.pipeline(node.pipeline, dot)
        name, scopes = self.name, self.scopes
        self.name, self.scopes = node.name, [("$", value)]
        self.body(self.trees[node.name], value)
        self.name, self.scopes = name, scopes

    # Pipelines ---------------------------------------------------------------

    def assign(self, name: str, value: Any) -> None:
        for i in range(len(self.scopes) - 1, -1, -1):
            if self.scopes[i][0] == name:
                self.scopes[i] = (name, value)
                return
        raise self.fail(f"undefined variable: {name}")

    def variable(self, name: str) -> Any:
        for held, value in reversed(self.scopes):
            if held == name:
                return value
        raise self.fail(f"undefined variable: {name}")

    def pipeline(self, pipeline: Pipeline, dot: Any) -> Any:
        self.here = pipeline
        value: Any = _ABSENT
        for call in pipeline.calls:
            value = open_value(self.call(call, value, dot))
        for name in pipeline.names:
            if pipeline.assigns:
                self.assign(name, value)
            else:
                self.scopes.append((name, value))
        return value

    def call(self, call: Call, piped: Any, dot: Any) -> Any:
        head = call.words[0]
        if isinstance(head, Name):
            return self.function(head, call, call.words[1:], piped, dot)
        given = len(call.words) > 1 or piped is not _ABSENT
        if isinstance(head, Field | Chain | Variable):
            return self.reference(head, dot, call.words if given else None)
        if not isinstance(head, Pipeline):
            self.here = head
        if given:
            raise self.fail(f"can't give argument to non-function {head}")
        if isinstance(head, Nil):
            raise self.fail("nil is not a command")
        return self.value(head, dot)

    def value(self, word: Operand, dot: Any) -> Any:
        """What a word stands for, `nil` apart."""
        self.here = word
        if isinstance(word, Dot):
            return dot
        if isinstance(word, Pipeline):
            return self.pipeline(word, dot)
        if isinstance(word, Name):
            return self.function(word, word, [], _ABSENT, dot)
        if isinstance(word, Constant):
            if isinstance(word.value, Overflow):
                raise self.fail(f"{word.value} overflows int")
            return word.value
        assert isinstance(word, Field | Chain | Variable)
        return self.reference(word, dot, None)

    def reference(
        self, word: Field | Chain | Variable, dot: Any, given: Sequence[Operand] | None
    ) -> Any:
        """A field or variable; `given`: the words where there are operands."""
        self.here = word
        names = word.names
        if isinstance(word, Field):
            value = dot
        elif isinstance(word, Variable):
            value = self.variable(names[0])
            names = names[1:]
            if not names and given:
                raise self.fail(f"can't give argument to non-function {given[0]}")
        else:
            if isinstance(word.base, Nil):
                raise self.fail(f"indirection through explicit nil in {word}")
            value = self.value(word.base, dot)
        last = len(names) - 1
        for at, name in enumerate(names):
            value = self.field(value, name, given=given is not None and at == last)
        return value

    def field(self, value: Any, name: str, *, given: bool) -> Any:
        if value is NOTHING:
            return NOTHING
        kind = kind_of(value)
        value = open_value(value)
        if value is NOTHING:
            raise self.fail(f"nil pointer evaluating {kind}.{name}")
        if not isinstance(value, dict):
            raise self.fail(f"can't evaluate field {name} in type {kind}")
        if given:
            raise self.fail(f"{name} is not a method but has arguments")
        return Interface(value[name]) if name in value else NOTHING

    # Functions ---------------------------------------------------------------

    def function(
        self, head: Name, node: Call | Name, words: list[Operand], piped: Any, dot: Any
    ) -> Any:
        self.here = head
        name = head.name
        function = FUNCTIONS[name]
        count = len(words) + (piped is not _ABSENT)
        if function.more and count < function.least:
            wanted = f"want at least {function.least} got {len(words)}"
            raise self.fail(f"wrong number of args for {name}: {wanted}")
        if not function.more and count != function.least:
            wanted = f"want {function.least} got {count}"
            raise self.fail(f"wrong number of args for {name}: {wanted}")
        if name in ("and", "or"):
            return self.logic(name, words, piped, dot)
        args = [
            self.argument(word, self.wanted(function, at), dot)
            for at, word in enumerate(words)
        ]
        if piped is not _ABSENT:
            args.append(self.checked(piped, self.wanted(function, len(words))))
        try:
            if name == "call":
                raise _call_of(args[0], words, piped)
            return function.run(*args)
        except Wrong as error:
            self.here = node
            raise self.fail(f"error calling {name}: {error}") from None

    def wanted(self, function: Function, at: int) -> str:
        if function.takes == "format":
            return "any" if at else "string"
        return function.takes

    def logic(self, name: str, words: list[Operand], piped: Any, dot: Any) -> Any:
        value: Any = NOTHING
        for word in words:
            value = self.argument(word, "value", dot)
            if truth(value) == (name == "or"):
                return value
        return value if piped is _ABSENT else piped

    def argument(self, word: Operand, wanted: str, dot: Any) -> Any:
        self.here = word
        if isinstance(word, Nil):
            if wanted == "string":
                raise self.fail("cannot assign nil to string")
            return NOTHING if wanted == "value" else None
        if isinstance(word, Constant) and wanted == "string":
            if not isinstance(word.value, str) or isinstance(word.value, Overflow):
                raise self.fail(f"expected string; found {word}")
            return word.value
        return self.checked(self.value(word, dot), wanted)

    def checked(self, value: Any, wanted: str) -> Any:
        """The value as the function takes it."""
        if wanted == "any":
            return plain(value)
        if wanted == "string":
            if value is NOTHING:
                raise self.fail("invalid value; expected string")
            held = plain(value)
            if not isinstance(held, str) or isinstance(held, Digits):
                kind = kind_of(value) if held is None else kind_of(held)
                raise self.fail(f"wrong type for value; expected string; got {kind}")
            return held
        return value


def _call_of(callee: Any, words: list[Operand], piped: Any) -> Wrong:
    """There are no functions to call."""
    if words:
        name = str(words[0])
    elif isinstance(piped, str):
        name = str(piped)
    else:
        name = f"<{'invalid' if piped is NOTHING else kind_of(piped)} Value>"
    callee = open_value(callee)
    if callee is NOTHING:
        return Wrong("call of nil")
    return Wrong(f"non-function {name} of type {kind_of(callee)}")

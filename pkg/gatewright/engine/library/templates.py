"""`strings.render_template`: runs Go's text/template over Rego values.

Numbers are strings of their digits, as they are in Go after JSON; what is missing
prints `<undefined>`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from gatewright.engine.library.budget import LINE, charge, reserve
from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.gotext import quote, rego_text
from gatewright.engine.library.jsontext import key_text, load
from gatewright.engine.library.operands import object_, string
from gatewright.engine.library.template_syntax import (
    Action,
    Branch,
    Call,
    Chain,
    Dot,
    Literal,
    Loop,
    Name,
    Node,
    Pipeline,
    Source,
    Text,
    Use,
    Variable,
    parse,
)
from gatewright.engine.library.urls import escape_query
from gatewright.engine.values import Number, Object, Set, Value, integer_text, pairs

__all__ = ["render_template"]

MAX_STEPS: Final = 1_000_000
MAX_SIZE: Final = 10_000_000
MAX_DEPTH: Final = 150
_MISSING: Final = "<no value>"
_HTML: Final = {"<": "&lt;", ">": "&gt;", "&": "&amp;", '"': "&#34;", "'": "&#39;"}
_JS: Final = {
    "\\": "\\\\",
    "'": "\\'",
    '"': '\\"',
    "<": "\\u003C",
    ">": "\\u003E",
    "&": "\\u0026",
    "=": "\\u003D",
}
_VERB: Final = re.compile(r"%([-+# 0]*)([0-9]*)(?:\.([0-9]+))?(.)", re.DOTALL)


class _Digits(str):
    """A number of the input: Go has its text, of type json.Number."""

    __slots__ = ()


class _Nothing:
    """A key that is not there."""

    __slots__ = ()


_NOTHING: Final = _Nothing()


class _Jump(Exception):
    """`break` or `continue` on its way to its loop."""


_parsed = lru_cache(100)(parse)


def render_template(template: Value, variables: Value) -> str:
    """Return the template's text for an object of variables."""
    text = string(template, 1)
    data = _variables(object_(variables, 2))
    run = _Run(_parsed(text), text, data)
    run.nodes(run.source.nodes)
    return "".join(run.out).replace(_MISSING, "<undefined>")


def _variables(value: Value) -> Any:
    """OPA reads the text of the term as JSON, which a set or a key may spoil."""
    if _spoilt(value):
        try:
            load(rego_text(value))
        except ValueError as error:
            raise BuiltinError(str(error)) from None
    return _go(value)


def _spoilt(value: Value) -> bool:
    if isinstance(value, Set):
        return True
    if isinstance(value, list):
        return any(map(_spoilt, value))
    if isinstance(value, dict | Object):
        return any(not isinstance(k, str) or _spoilt(v) for k, v in pairs(value))
    return False


def _go(value: Value) -> Any:
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return _Digits(integer_text(value))
    if isinstance(value, Number):
        return _Digits(value.text)
    if isinstance(value, list):
        return [_go(item) for item in value]
    if isinstance(value, Set):
        raise BuiltinError("a set cannot be used in a template")
    return {key_text(key): _go(entry) for key, entry in pairs(value)}


def _true(value: Any) -> bool:
    return value is not _NOTHING and bool(value)


def show(value: Any, *, inner: bool = False) -> str:
    """Print as Go's `%v`."""
    if value is None or value is _NOTHING:
        return "<nil>" if inner else _MISSING
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return integer_text(value)
    if isinstance(value, float):
        return f"{value:g}" if 1e-5 < abs(value) < 1e6 else repr(value)
    if isinstance(value, list):
        return f"[{' '.join(show(item, inner=True) for item in value)}]"
    if isinstance(value, dict):
        entries = (f"{key}:{show(value[key], inner=True)}" for key in sorted(value))
        return f"map[{' '.join(entries)}]"
    return str(value)


class _Run:
    def __init__(self, source: Source, text: str, data: Any) -> None:
        self.source = source
        self.text = text
        self.dot = data
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

    def fail(self, at: int, shown: str, message: str) -> BuiltinError:
        line = self.text.count("\n", 0, at) + 1
        column = at - (self.text.rfind("\n", 0, at) + 1)
        return BuiltinError(
            f'template: template:{line}:{column}: executing "template" at '
            f"<{shown}>: {message}"
        )

    def nodes(self, nodes: list[Node]) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise BuiltinError("template: exceeded maximum template depth")
        for node in nodes:
            self.steps += 1
            charge(10 * LINE)
            if self.steps > MAX_STEPS:
                raise BuiltinError("template: too many steps")
            self.node(node)
        self.depth -= 1

    def node(self, node: Node) -> None:
        if isinstance(node, Text):
            self.write(node.text)
        elif isinstance(node, Action):
            value = self.pipeline(node.pipeline)
            if not node.pipeline.names:
                self.write(show(value))
        elif isinstance(node, Branch):
            self.branch(node)
        elif isinstance(node, Loop):
            self.loop(node)
        elif isinstance(node, Use):
            self.use(node)
        else:
            raise _Jump(node.kind)

    def branch(self, node: Branch) -> None:
        mark, dot = len(self.scopes), self.dot
        value = self.pipeline(node.pipeline)
        if _true(value):
            if node.kind == "with":
                self.dot = value
            self.nodes(node.body)
        else:
            self.nodes(node.other)
        self.dot = dot
        del self.scopes[mark:]

    def loop(self, node: Loop) -> None:
        mark, dot, depth = len(self.scopes), self.dot, self.depth
        names = node.pipeline.names
        value = self.pipeline(Pipeline(node.pipeline.calls))
        count = 0
        for key, entry in self.entries(value, node):
            count += 1
            bound = [(names[0], entry)] if len(names) == 1 else []
            if len(names) == 2:
                bound = [(names[0], key), (names[1], entry)]
            if node.pipeline.assigns:
                for name, entry_of in bound:
                    self.assign(name, entry_of)
            else:
                self.scopes += bound
            self.dot = entry
            try:
                self.nodes(node.body)
            except _Jump as jump:
                self.depth = depth
                if jump.args[0] == "break":
                    break
            finally:
                del self.scopes[mark:]
                self.dot = dot
        if not count:
            self.nodes(node.other)

    def entries(self, value: Any, node: Loop) -> Iterator[tuple[Any, Any]]:
        if isinstance(value, list):
            yield from enumerate(value)
        elif isinstance(value, dict):
            for key in sorted(value):
                yield key, value[key]
        elif isinstance(value, int) and not isinstance(value, bool):
            for i in range(min(value, MAX_STEPS + 1)):
                yield i, i
        elif value is not None and value is not _NOTHING:
            call = node.pipeline.calls[-1]
            message = f"range can't iterate over {show(value)}"
            raise self.fail(call.at, call.text, message)

    def use(self, node: Use) -> None:
        if node.name not in self.source.defined:
            raise BuiltinError(f"template: template {quote(node.name)} not defined")
        value = None if node.pipeline is None else self.pipeline(node.pipeline)
        dot, scopes = self.dot, self.scopes
        self.dot, self.scopes = value, [("$", value)]
        self.nodes(self.source.defined[node.name])
        self.dot, self.scopes = dot, scopes

    def assign(self, name: str, value: Any) -> None:
        for i in range(len(self.scopes) - 1, -1, -1):
            if self.scopes[i][0] == name:
                self.scopes[i] = (name, value)
                return

    def pipeline(self, pipeline: Pipeline) -> Any:
        value: Any = _NOTHING
        for i, call in enumerate(pipeline.calls):
            value = self.call(call, [value] if i else [])
        for name in pipeline.names:
            if pipeline.assigns:
                self.assign(name, value)
            else:
                self.scopes.append((name, value))
        return value

    def call(self, call: Call, piped: list[Any]) -> Any:
        head = call.words[0]
        if not isinstance(head, Name):
            if piped or len(call.words) > 1:
                raise self.fail(
                    call.at, call.text, "can't give argument to non-function"
                )
            return self.value(head)
        if head.name in ("and", "or"):
            return self.logic(head.name, call.words[1:], piped)
        args = [self.value(word) for word in call.words[1:]] + piped
        try:
            return _call(head.name, args)
        except _Wrong as error:
            message = f"error calling {head.name}: {error}"
            raise self.fail(call.at, call.text, message) from None
        except _Arity as error:
            message = f"wrong number of args for {head.name}: {error}"
            raise self.fail(call.at, head.name, message) from None

    def logic(self, name: str, words: list[Any], piped: list[Any]) -> Any:
        value: Any = _NOTHING
        for word in words:
            value = self.value(word)
            if _true(value) == (name == "or"):
                return value
        return piped[0] if piped else value

    def value(self, word: Any) -> Any:
        if isinstance(word, Literal):
            return word.value
        if isinstance(word, Dot):
            return self.dot
        if isinstance(word, Variable):
            return next(v for name, v in reversed(self.scopes) if name == word.name)
        if isinstance(word, Pipeline):
            mark = len(self.scopes)
            value = self.pipeline(word)
            del self.scopes[mark:]
            return value
        if isinstance(word, Name):
            return _call(word.name, [])
        assert isinstance(word, Chain)
        return self.chain(word)

    def chain(self, chain: Chain) -> Any:
        value = self.value(chain.base)
        for name in chain.fields:
            if value is None or value is _NOTHING:
                return _NOTHING
            if not isinstance(value, dict):
                message = f"can't evaluate field {name} in type interface {{}}"
                raise self.fail(chain.at, chain.text, message)
            value = value.get(name, _NOTHING)
        return value


class _Wrong(Exception):
    """A function failed."""


class _Arity(Exception):
    """A function got too many operands, or too few."""


def _need(args: list[Any], least: int, most: int | None) -> None:
    if len(args) < least or (most is not None and len(args) > most):
        wanted = f"want {least}" if most == least else f"want at least {least}"
        raise _Arity(f"{wanted} got {len(args)}")


def _call(name: str, args: list[Any]) -> Any:
    if name in ("eq", "ne", "lt", "le", "gt", "ge"):
        return _compare(name, args)
    if name == "not":
        _need(args, 1, 1)
        return not _true(args[0])
    if name == "len":
        _need(args, 1, 1)
        return _length(args[0])
    if name == "index":
        _need(args, 1, None)
        return _index(args[0], args[1:])
    if name == "slice":
        _need(args, 1, 4)
        return _slice(args[0], args[1:])
    if name == "printf":
        _need(args, 1, None)
        return _printf(str(args[0]), args[1:])
    if name == "call":
        raise _Wrong("non-function")
    text = _print(args, spaced=name == "println")
    if name == "println":
        return text + "\n"
    if name == "html":
        return "".join(_HTML.get(char, char) for char in text)
    if name == "js":
        return "".join(_JS.get(char, char) for char in text)
    return escape_query(text) if name == "urlquery" else text


def _print(args: list[Any], *, spaced: bool) -> str:
    out: list[str] = []
    for i, value in enumerate(args):
        gap = i and not isinstance(args[i - 1], str) and not isinstance(value, str)
        if i and (spaced or gap):
            out.append(" ")
        out.append(show(value, inner=True))
    return "".join(out)


def _length(value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogateescape"))
    if isinstance(value, (list, dict)):
        return len(value)
    raise _Wrong(f"len of {'nil pointer' if value is None else f'type {_kind(value)}'}")


def _place(value: Any, size: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _Wrong(f"cannot index slice/array with type {_kind(value)}")
    if not 0 <= value < size:
        raise _Wrong(f"index out of range: {value}")
    return value


def _index(value: Any, steps: list[Any]) -> Any:
    for step in steps:
        if isinstance(value, list):
            value = value[_place(step, len(value))]
        elif isinstance(value, dict):
            if not isinstance(step, str):
                raise _Wrong(f"value has type {_kind(step)}; should be string")
            value = value.get(step, _NOTHING)
        elif isinstance(value, str):
            data = value.encode("utf-8", "surrogateescape")
            value = data[_place(step, len(data))]
        elif value is None or value is _NOTHING:
            raise _Wrong("index of untyped nil")
        else:
            raise _Wrong(f"can't index item of type {_kind(value)}")
    return value


def _slice(value: Any, bounds: list[Any]) -> Any:
    if not isinstance(value, (str, list)):
        raise _Wrong(f"can't slice item of type {_kind(value)}")
    places = [_place(bound, len(value) + 1) for bound in bounds]
    if places != sorted(places):
        raise _Wrong(f"invalid slice index: {places[0]} > {places[-1]}")
    start = places[0] if places else 0
    return value[start : places[1] if len(places) > 1 else len(value)]


def _kind(value: Any) -> str:
    if isinstance(value, _Digits):
        return "json.Number"
    for kind, name in (
        (bool, "bool"),
        (int, "int"),
        (float, "float64"),
        (str, "string"),
        (list, "[]interface {}"),
        (dict, "map[string]interface {}"),
    ):
        if isinstance(value, kind):
            return name
    return "<nil>"


def _compare(name: str, args: list[Any]) -> bool:
    _need(args, 2, None if name == "eq" else 2)
    first = args[0]
    for other in args[1:]:
        if first is None or other is None or _NOTHING in (first, other):
            same = (first in (None, _NOTHING)) and (other in (None, _NOTHING))
            if name not in ("eq", "ne"):
                raise _Wrong("invalid type for comparison")
            if same == (name == "eq"):
                return True
            continue
        numbers = all(
            isinstance(x, (int, float)) and not isinstance(x, bool)
            for x in (first, other)
        )
        texts = isinstance(first, str) and isinstance(other, str)
        flags = isinstance(first, bool) and isinstance(other, bool)
        if not (numbers or texts or flags):
            raise _Wrong(
                f"incompatible types for comparison: {_kind(first)} and {_kind(other)}"
            )
        if flags and name not in ("eq", "ne"):
            raise _Wrong("invalid type for comparison")
        answer = {
            "eq": first == other,
            "ne": first != other,
            "lt": first < other,
            "le": first <= other,
            "gt": first > other,
            "ge": first >= other,
        }[name]
        if answer:
            return True
    return False


def _printf(text: str, args: list[Any]) -> str:
    rest = list(args)

    def one(found: re.Match[str]) -> str:
        flags, width, precision, verb = found.groups()
        if verb == "%":
            return "%"
        if not rest:
            return f"%!{verb}(MISSING)"
        value = rest.pop(0)
        shown = _verb(verb, value, precision)
        if not width:
            return shown
        if "-" in flags:
            return shown.ljust(int(width))
        return shown.rjust(int(width), "0" if "0" in flags else " ")

    out = _VERB.sub(one, text)
    if rest:
        extra = ", ".join(f"{_kind(v)}={show(v, inner=True)}" for v in rest)
        out += f"%!(EXTRA {extra})"
    return out


def _verb(verb: str, value: Any, precision: str | None) -> str:
    shown = show(value, inner=True)
    whole = isinstance(value, int) and not isinstance(value, bool)
    if verb == "v":
        return shown
    if verb == "s" and not whole and not isinstance(value, (bool, float)):
        return shown if precision is None else shown[: int(precision)]
    if verb == "q" and isinstance(value, str):
        return quote(value)
    if verb == "t" and isinstance(value, bool):
        return shown
    if verb == "T":
        return _kind(value)
    if whole and verb in "dxXob":
        return format(value, verb)
    if whole and verb == "c":
        return chr(value)
    if isinstance(value, float) and verb in "feEgG":
        return format(value, f".{precision or 6}{verb}" if verb != "g" else "g")
    if isinstance(value, str) and verb in "xX":
        return format(int.from_bytes(value.encode() or b"\0", "big"), verb)
    return f"%!{verb}({_kind(value)}={shown})"

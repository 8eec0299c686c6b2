"""What a template of Go's text/template is made of.

Every node has `at`, its place in the text, and as a string it is what errors show of
it: written anew, with one space wherever there were some.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from gatewright.engine.library.gotext import quote

__all__ = [
    "Action",
    "Body",
    "Branch",
    "Call",
    "Chain",
    "Constant",
    "Dot",
    "Field",
    "Jump",
    "Name",
    "Nil",
    "Node",
    "Operand",
    "Pipeline",
    "Text",
    "Use",
    "Variable",
    "is_empty",
]


@dataclass(slots=True)
class Dot:
    """`.`: the value at hand."""

    at: int

    def __str__(self) -> str:
        return "."


@dataclass(slots=True)
class Nil:
    """`nil`."""

    at: int

    def __str__(self) -> str:
        return "nil"


@dataclass(slots=True)
class Constant:
    """A string, a boolean or a number, and how it was written."""

    at: int
    value: Any
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(slots=True)
class Variable:
    """`$name.a.b`; `names` starts with the variable's own."""

    at: int
    names: Sequence[str]

    def __str__(self) -> str:
        return ".".join(self.names)


@dataclass(slots=True)
class Name:
    """A function."""

    at: int
    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(slots=True)
class Field:
    """`.a.b`."""

    at: int
    names: Sequence[str]

    def __str__(self) -> str:
        return "".join(f".{name}" for name in self.names)


@dataclass(slots=True)
class Chain:
    """`(pipeline).a.b`, or a function's name in front."""

    at: int
    base: Operand
    names: Sequence[str]

    def __str__(self) -> str:
        return _shown(self.base) + "".join(f".{name}" for name in self.names)


@dataclass(slots=True)
class Call:
    """One command of a pipeline: a function and operands, or one value."""

    at: int
    words: list[Operand] = field(default_factory=list)

    def __str__(self) -> str:
        return " ".join(map(_shown, self.words))


@dataclass(slots=True)
class Pipeline:
    """Commands, and the variables that take the result; `assigns`: `=`, not `:=`."""

    at: int
    names: list[str] = field(default_factory=list)
    assigns: bool = False
    calls: list[Call] = field(default_factory=list)

    def __str__(self) -> str:
        head = ", ".join(self.names)
        if head:
            head += " = " if self.assigns else " := "
        return head + " | ".join(map(str, self.calls))


Operand = Dot | Nil | Constant | Variable | Name | Field | Chain | Pipeline


def _shown(word: Operand) -> str:
    return f"({word})" if isinstance(word, Pipeline) else str(word)


@dataclass(slots=True)
class Body:
    """Nodes in order."""

    at: int
    nodes: list[Node] = field(default_factory=list)

    def __str__(self) -> str:
        return "".join(map(str, self.nodes))


@dataclass(slots=True)
class Text:
    """Text that stands outside of actions."""

    at: int
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(slots=True)
class Action:
    """`{{pipeline}}`."""

    at: int
    pipeline: Pipeline

    def __str__(self) -> str:
        return f"{{{{{self.pipeline}}}}}"


@dataclass(slots=True)
class Branch:
    """`if`, `with` or `range`."""

    at: int
    kind: str
    pipeline: Pipeline
    body: Body
    other: Body | None

    def __str__(self) -> str:
        other = "" if self.other is None else f"{{{{else}}}}{self.other}"
        return f"{{{{{self.kind} {self.pipeline}}}}}{self.body}{other}{{{{end}}}}"


@dataclass(slots=True)
class Use:
    """`{{template "name" pipeline}}`."""

    at: int
    name: str
    pipeline: Pipeline | None

    def __str__(self) -> str:
        given = "" if self.pipeline is None else f" {self.pipeline}"
        return f"{{{{template {quote(self.name)}{given}}}}}"


@dataclass(slots=True)
class Jump:
    """`break` or `continue`; in the parser also `end` and `else`."""

    at: int
    kind: str

    def __str__(self) -> str:
        return f"{{{{{self.kind}}}}}"


Node = Text | Action | Branch | Use | Jump


def is_empty(body: Body) -> bool:
    """Tell whether there is nothing but space: such a template takes no other's place."""
    return all(isinstance(node, Text) and not node.text.strip() for node in body.nodes)

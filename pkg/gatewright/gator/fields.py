"""Documents to be printed: maps, and structs whose fields keep their order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gatewright.k8s import gotext

__all__ = ["Fields", "FlowFields", "Literal", "indented", "members"]


class Fields(dict[str, Any]):
    """A struct of Go: its fields are written in the order in which they were set."""


class FlowFields(Fields):
    """A struct that YAML writes in one line, and all that it holds."""


class Literal(float):
    """A number; JSON has the digits in which it was written."""

    text: str

    def __new__(cls, text: str) -> Literal:
        """Return the number that `text` spells."""
        out = super().__new__(cls, text)
        out.text = text
        return out


def members(value: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield names and values in the order in which Go writes them."""
    yield from value.items() if isinstance(value, Fields) else sorted(value.items())


def indented(value: Any, indent: str) -> str:
    """Return what json.MarshalIndent writes: HTML escaped, no newline at the end."""
    out: list[str] = []
    _write(out, value, indent, "\n")
    return "".join(out)


def _write(out: list[str], value: Any, indent: str, newline: str) -> None:
    if isinstance(value, dict) and value:
        inner = newline + indent
        mark = "{"
        for name, member in members(value):
            out += (mark, inner, gotext.quote_json(name), ": ")
            _write(out, member, indent, inner)
            mark = ","
        out += (newline, "}")
    elif isinstance(value, (list, tuple)) and value:
        inner = newline + indent
        mark = "["
        for member in value:
            out += (mark, inner)
            _write(out, member, indent, inner)
            mark = ","
        out += (newline, "]")
    elif isinstance(value, Literal):
        out.append(value.text)
    else:
        out.append(gotext.json_text(value))

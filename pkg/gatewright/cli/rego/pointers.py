"""The expression that a test failed at, and below it what its variables held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gatewright.engine.search.events import Op
from gatewright.engine.search.terms import Step
from gatewright.engine.traces.recorder import Record
from gatewright.engine.traces.text import value_text
from gatewright.rego import ast
from gatewright.rego.stages.walk import COMPREHENSIONS, is_generated, walk

__all__ = ["failed_at"]

_WIDEST: Final = 100


@dataclass(frozen=True, slots=True)
class _Pointed:
    """A variable at its first place, and what it held as text."""

    loc: ast.Location
    name: str
    text: str


def failed_at(
    records: Sequence[Record], names: Mapping[str, str], *, values: bool
) -> str:
    """The last expression that failed, with its place; empty when there is none."""
    for place, record in reversed(list(enumerate(records))):
        if record.op is not Op.FAIL or not record.query or not record.loc.file:
            continue
        if type(record.node) is not Step or type(record.node.node.terms) is ast.Every:
            continue
        lines = [_line_start(record.loc) + record.loc.text]
        if values:
            parts = _generated(records[:place], record)
            lines += _pointers(_variables(record, parts, names))
        shown = "".join(f"    {line}\n" for line in "\n".join(lines).split("\n"))
        return f"  {record.loc.file}:{record.loc.row}:\n{shown}"
    return ""


def _line_start(loc: ast.Location) -> str:
    """The blanks before a place in its line, tabs being tabs."""
    text = loc.source.text
    start = text.rfind("\n", 0, loc.offset) + 1
    return "".join(
        "\t" if char == "\t" else " " for char in text[start : start + loc.col - 1]
    )


def _generated(before: Sequence[Record], record: Record) -> list[ast.Expr]:
    """The expressions that the compiler made of parts of the one that failed."""
    found: dict[int, ast.Expr] = {}
    loc = record.node.node.loc
    for other in reversed(before):
        if other.query != record.query or type(other.node) is not Step:
            continue
        expr = other.node.node
        if expr is record.node.node:
            continue
        if expr.loc.source is not loc.source or not expr.generated:
            break
        if not loc.offset <= expr.loc.offset < loc.end:
            break
        found[id(expr)] = expr
    return list(found.values())


def _variables(
    record: Record, parts: Sequence[ast.Expr], names: Mapping[str, str]
) -> list[_Pointed]:
    found: dict[str, _Pointed] = {}

    def note(loc: ast.Location, name: str, held: Any) -> None:
        known = found.get(name)
        if held is not None or known is None:
            text = "undefined" if held is None else _cut(value_text(held))
            found[name] = _Pointed(loc, name, text)

    def visit(node: Any) -> bool:
        kind = type(node)
        if kind is ast.Ref and node.loc.file == record.loc.file:
            held = _selected(node, record.locals)
            if held is not None:
                note(node.loc, node.loc.text, held)
        if kind is ast.Var and node.loc.file == record.loc.file:
            name = names.get(node.name, node.name)
            if is_generated(name):
                name = node.loc.text
            if name not in ("data", "input"):
                note(node.loc, name, record.locals.get(node.name))
        return kind in COMPREHENSIONS

    for expr in (record.node.node, *parts):
        terms = expr.terms
        for term in terms[1:] if isinstance(terms, list) else [terms]:
            walk(term, visit)
        for modifier in expr.with_:
            walk(modifier.value, visit)
    return sorted(found.values(), key=lambda one: (one.loc.col, -one.loc.row, one.name))


def _selected(ref: ast.Ref, held: Mapping[str, Any]) -> Any:
    """What a path selects from what a variable holds; None for nothing."""
    head, *steps = ref.terms
    value = held.get(head.name) if type(head) is ast.Var else None
    for step in steps:
        key = held.get(step.name) if type(step) is ast.Var else _constant(step)
        if isinstance(value, dict) and isinstance(key, str):
            value = value.get(key)
        elif isinstance(value, list) and type(key) is int and 0 <= key < len(value):
            value = value[key]
        else:
            return None
    return value


def _constant(term: ast.Term) -> Any:
    if type(term) is ast.Number:
        return int(term.text) if term.text.isdigit() else None
    return term.value if type(term) is ast.String else None


def _cut(text: str) -> str:
    return text if len(text) <= _WIDEST else text[: _WIDEST - 3] + "..."


def _pointers(points: Sequence[_Pointed]) -> list[str]:
    if not points:
        return []
    tabs = any("\t" in _line_start(one.loc) for one in points)
    if tabs and len({one.loc.row for one in points}) > 1:
        # Places in several lines cannot be pointed at across tabs.
        by_name = sorted(points, key=lambda one: one.name)
        return ["", "Where:", "", *(f"{one.name}: {one.text}" for one in by_name)]
    rows = [_bars(points)]
    columns = [one.loc.col for one in points]
    for place in reversed(range(len(points))):
        one = points[place]
        above = _bars(
            [other for other in points[:place] if other.loc.col < one.loc.col]
        )
        label = f"{one.name}: " if columns.count(one.loc.col) > 1 else ""
        start = _line_start(one.loc)
        rows.append(above + start[len(above) :] + label + one.text)
    return rows


def _bars(points: Sequence[_Pointed]) -> str:
    row = ""
    for one in points:
        start = _line_start(one.loc)
        if len(start) >= len(row):
            row += start[len(row) :] + "|"
    return row

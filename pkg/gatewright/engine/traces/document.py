"""Kept steps as JSON, in the shape that `opa eval --format json` has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatewright.engine.search.events import Op
from gatewright.engine.search.terms import NODES, Body, Comprehension, Definition
from gatewright.engine.traces.recorder import Record
from gatewright.engine.traces.text import shown_name
from gatewright.engine.values import Number, Set, is_object, pairs, type_name
from gatewright.rego import ast
from gatewright.rego.ast_json import RawNumber, body_json, rule_json, term_json
from gatewright.rego.stages.walk import walk

__all__ = ["record_json"]


def record_json(record: Record, names: Mapping[str, str]) -> dict[str, Any]:
    """One step as an object; `names` are those of the source, by compiled name."""
    loc = record.loc
    place = {"file": loc.file, "row": loc.row, "col": loc.col}
    return {
        "Op": record.op.value,
        "Node": _node(record),
        "Location": None if loc is ast.NO_LOCATION else place,
        "QueryID": record.query,
        "ParentID": record.parent,
        "Locals": [
            {"name": shown_name(name), **_term(record.locals[name])}
            for name in sorted(record.locals)
        ],
        "LocalMetadata": _metadata(record, names),
        "Message": record.message,
        "Ref": None if record.ref is None else [_term(part) for part in record.ref],
    }


def _node(record: Record) -> Any:
    node = record.node
    if node is None:
        return None
    if record.op is Op.UNIFY:
        operator = {"type": "ref", "value": [{"type": "var", "value": "eq"}]}
        return {"index": 0, "terms": [operator, *map(_term, node)]}
    if isinstance(node, Definition):
        return rule_json(node.node)
    if isinstance(node, Body):
        return body_json(list(node.node))
    return body_json([node.node])[0]


def _metadata(record: Record, names: Mapping[str, str]) -> dict[str, Any]:
    places: dict[str, Any] = {}

    def visit(node: Any) -> bool:
        if type(node) is ast.Var:
            places.setdefault(node.name, node.loc)
        return False

    node = record.node
    if isinstance(node, Definition):
        walk(node.node, visit)
    elif isinstance(node, Body):
        for expr in node.node:
            walk(expr, visit)
    elif hasattr(node, "node"):
        walk(node.node, visit)
    known = {*record.locals, *(name for name in places if name in names)}
    return {
        name: {"name": names.get(name, name), "location": _place(places.get(name))}
        for name in sorted(known)
    }


def _place(loc: Any) -> dict[str, Any] | None:
    if loc is None or loc is ast.NO_LOCATION:
        return None
    return {"file": loc.file, "row": loc.row, "col": loc.col}


def _term(term: Any) -> dict[str, Any]:
    """A term of the search, or a value, as OPA's tree has it."""
    kind = type(term)
    if kind is Comprehension:
        return term_json(term.node)
    if kind is ast.Var:
        return {"type": "var", "value": term.name}
    if kind is ast.Ref:
        return {"type": "ref", "value": [_term(part) for part in term.terms]}
    if kind is ast.Object:
        return {
            "type": "object",
            "value": [[_term(k), _term(v)] for k, v in term.items],
        }
    if kind in NODES:
        name = "array" if kind is ast.Array else "set"
        return {"type": name, "value": [_term(item) for item in term.items]}
    return _value(term)


def _value(value: Any) -> dict[str, Any]:
    name = type_name(value)
    shown: Any = value
    if value is None:
        shown = {}
    elif isinstance(value, Number):
        shown = RawNumber(value.text)
    elif isinstance(value, list):
        shown = [_value(item) for item in value]
    elif isinstance(value, Set):
        shown = [_value(item) for item in value.items]
    elif is_object(value):
        shown = [[_value(key), _value(item)] for key, item in pairs(value)]
    return {"type": name, "value": shown}
